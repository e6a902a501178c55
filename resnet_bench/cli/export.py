"""`bench-cli export`: records for spreadsheets, databases, trackers and TensorBoard."""

from __future__ import annotations

from pathlib import Path

import click

from resnet_bench.cli.output import complain, echo
from resnet_bench.errors import RecordError
from resnet_bench.records import history
from resnet_bench.records.columns import METRICS
from resnet_bench.records.files import write_atomically
from resnet_bench.report.export import csv, tensorboard


@click.command("export")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format", "kind", required=True, type=click.Choice(["csv", "parquet", "github-benchmark", "tensorboard"])
)
@click.option(
    "-o", "--output", "path", required=True, type=click.Path(path_type=Path), help="File, or folder of events."
)
@click.option(
    "--metric",
    type=click.Choice([each.name for each in METRICS]),
    default="images_per_s",
    help="What github-benchmark tracks.  [default: images_per_s]",
)
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], kind: str, path: Path, metric: str) -> None:
    """Export records as CSV, Parquet, benchmark-tracker JSON or TensorBoard events.

    FILES are records or folders of them. A file is written completely or not at all.

    \b
    csv, parquet      a row per record, the columns of `bench-cli history --columns`
    github-benchmark  the JSON of github-action-benchmark; its tool is customBiggerIsBetter for
                      images_per_s, customSmallerIsBetter for every other --metric
    tensorboard       a folder of event files; HParams shows the options that differ

    A file that is not a record, and for github-benchmark an invalid record, is named on stderr; the others are
    written, and the exit code is 8. Parquet needs pip install 'resnet-bench[history]'.
    """
    records, errors = history.read(files)
    for error in errors:
        complain(error)
    if not records:
        raise RecordError("There is nothing to export.", "Name records, or folders that hold some.")
    unusable: list[str] = []
    older = 0
    if kind == "csv":
        write_atomically(path, csv.csv_bytes(records))
    elif kind == "parquet":
        history.save_parquet(records, path)
    elif kind == "tensorboard":
        tensorboard.write(records, path)
    else:
        content, unusable, older = csv.tracker_json(records, metric)
        write_atomically(path, content)
    for words in unusable:
        complain(words)
    if older:
        echo(f"{older} older records of the same workloads are left out", err=True)
    echo(f"{len(records) - len(unusable) - older} records: {path}", err=True)
    ctx.exit(RecordError.exit_code if errors or unusable else 0)
