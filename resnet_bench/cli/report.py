"""`bench-cli report`: records as one file that a person reads."""

from __future__ import annotations

from pathlib import Path

import click

from resnet_bench.analysis import compare
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
@click.option("--allow", multiple=True, metavar="FIELD", help="Compare although FIELD differs; may be repeated.")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], path: Path, allow: tuple[str, ...]) -> None:
    """Write a report on FILES, or on what folders hold: records, and results of bottleneck, ab, noise and tune.

    \b
    report.html   one page that opens anywhere, without a network: the answer first, then charts and
                  tables, and the records themselves to download
    report.md     the same words and tables for a pull request
    report.csv    a row per record, the columns of `bench-cli history --columns`

    The first record that can be compared is the base of the comparison, which --allow widens as `bench-cli
    compare` does. The answer of `bottleneck` stands beside the throughput of the records of the same work on the
    same machine. A file that is none of these is named on stderr, the others are reported, and the exit code is 8.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"--output {path} has no known ending.", "Use .html, .md or .csv.")
    allowed = compare.check_allowed(allow)
    found, errors = read.read(files)
    for error in errors:
        click.echo(f"bench-cli: {error}", err=True)
    others = len(found.results.all)
    if not found.records and (kind == "CSV" or not others):
        raise RecordError("There is nothing to report.", "Name records, or folders that hold some.")
    write_atomically(path, _content(kind, found, allowed))
    counts = [_counted(len(found.records), "record")] if found.records else []
    if others and kind == "CSV":
        click.echo(f"bench-cli: {_counted(others, 'result')} left out: CSV has a row per record.", err=True)
    elif others:
        counts.append(_counted(others, "other result" if found.records else "result"))
    click.echo(f"{' and '.join(counts)}: {path}", err=True)
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
