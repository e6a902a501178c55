"""`bench-cli show`: print saved records."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from resnet_bench.errors import RecordError
from resnet_bench.records.record import Record, load, to_json
from resnet_bench.report.terminal import evidence, text


@click.command("show")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--full", is_flag=True, help="Print several records one after the other, instead of a table.")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON on stdout: one, or a list.")
@click.option("--evidence", "with_evidence", is_flag=True, help="Print every claim, and where it was seen.")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], full: bool, as_json: bool, with_evidence: bool) -> None:
    """Print saved records: FILES or folders of them.

    A file that is no record is named on stderr, the others are shown, and the exit code is 8.
    """
    good: list[tuple[Path, Record]] = []
    failed = False
    for path in _expand(files):
        try:
            good.append((path, load(path)))
        except RecordError as error:
            click.echo(f"bench-cli: {error}", err=True)
            failed = True
    if as_json:
        click.echo(_json([record for _, record in good]), nl=False)
    else:
        _print(good, full, with_evidence)
    ctx.exit(RecordError.exit_code if failed or not good else 0)


def _expand(files: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for path in files:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            click.echo(f"bench-cli: {path} holds no records (*.json).", err=True)
        found += inside
    return found


def _json(records: list[Record]) -> bytes:
    if len(records) == 1:
        return to_json(records[0])
    return b"[\n" + b",\n".join(to_json(record).rstrip() for record in records) + b"\n]\n"


def _print(good: list[tuple[Path, Record]], full: bool, with_evidence: bool) -> None:
    console = Console()
    if len(good) > 1 and not full and not with_evidence:
        console.print(text.table(good))
        return
    for number, (path, record) in enumerate(good):
        if number:
            console.rule(style="dim")
        console.print(text.render(record, path))
        if with_evidence:
            console.print()
            console.print(evidence.full(record))
