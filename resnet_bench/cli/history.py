"""`bench-cli history`: list and filter the records of a folder, and plot a metric over time."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from resnet_bench.cli.output import complain, echo, echo_json
from resnet_bench.cli.pictures import picture_format
from resnet_bench.config.options import subset
from resnet_bench.errors import ConfigError, RecordError
from resnet_bench.records import history
from resnet_bench.records.columns import METRICS, columns, row
from resnet_bench.records.files import write_atomically
from resnet_bench.records.history import Condition, SavedRecord
from resnet_bench.records.run import FORMER_VERDICTS
from resnet_bench.report.export.csv import metric as metric_of
from resnet_bench.report.figures import timeline
from resnet_bench.report.terminal import rich_text, tables
from resnet_bench.report.terminal.rich_text import add_row
from resnet_bench.report.words import record as text

_EQUAL = ("mode", "device", "verdict", "settings", "machine")


@click.command("history")
@click.argument("folder", default="runs", type=click.Path(path_type=Path))
@click.option("--mode", help="Only this mode: train, infer, eval or input.")
@click.option("--device", help="Only this device: cpu, gpu:0, ...")
@click.option("--verdict", help="Only this verdict: valid, provisional or invalid.")
@click.option("--settings", help="Only this workload with these options (the column settings).")
@click.option("--machine", help="Only this machine (the column machine).")
@click.option("--since", help="Only from this day on (2026-01-31, in UTC), or the last 12h, 7d, 2w.")
@click.option("--where", help="SQL over the columns: \"batch_size >= 64 AND precision = 'float32'\".")
@click.option(
    "--metric", type=click.Choice([each.name for each in METRICS]), default="images_per_s", help="What to plot."
)
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the metric over time (.svg, .png or .pdf).")
@click.option("--columns", "list_columns", is_flag=True, help="List the columns and what they hold.")
@subset("json")
@click.pass_context
def command(ctx: click.Context, /, folder: Path, list_columns: bool, json: bool, **given: Any) -> None:
    """List the records of a folder, and plot a metric over time.

    FOLDER is `runs` by default; the oldest record comes first. Each call reads the records again. A file that is not a
    record is named on stderr, the others are shown, and the exit code is 8. Needs pip install 'resnet-bench[history]'.
    """
    if list_columns:
        rich_text.show(_columns())
        return
    given["verdict"] = FORMER_VERDICTS.get(given["verdict"], given["verdict"])
    conditions = [history.equals(name, given[name]) for name in _EQUAL if given[name]]
    conditions += [history.since(given["since"])] if given["since"] else []
    conditions += [Condition(_with_new_verdicts(given["where"]))] if given["where"] else []
    kind = picture_format(given["plot"], "--plot", timeline.FORMATS) if given["plot"] else None
    records, errors = history.read([folder])
    for error in errors:
        complain(error)
    chosen = history.select(records, conditions)
    if json:
        echo_json([row(*each) for each in chosen])
    else:
        rich_text.show(tables.history(chosen))
        echo(f"{len(chosen)} of {len(records)} records")
    if kind is not None:
        _plot(chosen, given["metric"], given["plot"], kind)
    ctx.exit(RecordError.exit_code if errors else 0)


def _with_new_verdicts(where: str) -> str:
    """The SQL with the verdicts of earlier versions as they are called now."""
    for former, word in FORMER_VERDICTS.items():
        where = where.replace(f"'{former}'", f"'{word}'")
    return where


def _columns() -> Table:
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("column", "type", "description"):
        grid.add_column(name, overflow="fold")
    add_row(grid, "file", "VARCHAR", "The record's file.")
    for column in columns():
        add_row(grid, column.name, column.sql_type, column.help)
    return grid


def _plot(chosen: list[SavedRecord], name: str, path: Path, kind: str) -> None:
    metric = metric_of(name)
    valued = [(saved, value) for saved in chosen if isinstance(value := row(*saved)[name], (int, float)) and value > 0]
    if not valued:
        raise ConfigError(f"--plot {path}: no chosen record has {metric.words}.", "Choose others, or another --metric.")
    records = [saved for saved, _ in valued]
    history.one_line(records, "machine")
    history.one_line(records, "settings")
    points = [_point(saved, value, name) for saved, value in valued]
    found = history.changes([point.value for point in points])
    newest = records[-1][1]
    picture = timeline.draw(points, found, metric, text.headline(newest), text.subtitle(newest), kind)
    write_atomically(path, picture)
    for index in found:
        echo(f"level changes at {points[index].when:%Y-%m-%d %H:%M} UTC ({records[index][0].name})")
    echo(f"Plot: {path}", err=True)


def _point(saved: SavedRecord, value: float, name: str) -> timeline.Point:
    record = saved[1]
    rate = record.summary.images_per_s if record.summary is not None and name == "images_per_s" else None
    when = datetime.datetime.fromisoformat(record.created_at)
    return timeline.Point(when, value, rate.low if rate else None, rate.high if rate else None, record.verdict.kind)
