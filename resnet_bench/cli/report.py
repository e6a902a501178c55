"""`bench-cli report`: records and other results as one file to read."""

from __future__ import annotations

from pathlib import Path

import click

from resnet_bench.analysis import compare
from resnet_bench.cli.output import complain, echo
from resnet_bench.config.comparison import ComparisonConfig
from resnet_bench.config.options import section
from resnet_bench.errors import ConfigError, RecordError
from resnet_bench.records import read
from resnet_bench.records.files import write_atomically
from resnet_bench.report.export import csv

KINDS = {".html": "HTML", ".htm": "HTML", ".md": "Markdown", ".markdown": "Markdown", ".csv": "CSV"}


@click.command("report")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; its ending decides: .html, .md or .csv.",
)
@section(ComparisonConfig, "allow")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], path: Path, allow: tuple[str, ...]) -> None:
    """Write an HTML, Markdown or CSV report on records and other results.

    FILES are records and other results, or folders of them.

    \b
    report.html   one self-contained page: the summary first, then charts and tables, and the records to download
    report.md     the same text and tables for a pull request
    report.csv    a row per record, the columns of `bench-cli history --columns`

    Results are those of ab, noise, bottleneck, tune and evaluate. The first record that can be compared is the base
    of the comparison; --allow works as in `bench-cli compare`. A result of `bottleneck` is shown beside the records of
    the same workload on the same machine. A file that cannot be read is named on stderr, the others are reported, and
    the exit code is 8.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"--output {path} has no known ending.", "Use .html, .md or .csv.")
    allowed = compare.check_allowed(allow)
    found, errors = read.read(files)
    for error in errors:
        complain(error)
    others = len(found.results.all)
    if not found.records and (kind == "CSV" or not others):
        raise RecordError("There is nothing to report.", "Name records, or folders that hold some.")
    write_atomically(path, _content(kind, found, allowed))
    counts = [_counted(len(found.records), "record")] if found.records else []
    if others and kind == "CSV":
        complain(f"{_counted(others, 'result')} left out: CSV has a row per record.")
    elif others:
        counts.append(_counted(others, "other result" if found.records else "result"))
    echo(f"{' and '.join(counts)}: {path}", err=True)
    ctx.exit(RecordError.exit_code if errors else 0)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _content(kind: str, found: read.SavedFiles, allow: frozenset[str]) -> bytes:
    if kind == "CSV":
        return csv.csv_bytes(found.records)
    from resnet_bench.report.page import report

    document = report.document(found.records, allow, results=found.results)
    if kind == "Markdown":
        from resnet_bench.report.page import markdown

        return markdown.render(document).encode()
    from resnet_bench.report.page import html

    return html.render(document)
