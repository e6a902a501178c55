"""Tables of many records: a sweep (varied options and results) and a history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.records.base import Estimate, Finding
from resnet_bench.records.columns import config_of
from resnet_bench.records.record import Record
from resnet_bench.records.run import Outcome
from resnet_bench.report.terminal.comparison import STYLES
from resnet_bench.report.terminal.rich_text import add_row, bullets, spaced, whole_line
from resnet_bench.report.terminal.text import VERDICT_STYLE
from resnet_bench.report.words.comparison import interval, ratio
from resnet_bench.report.words.record import interval_of

ONE_AFTER_THE_OTHER = (
    "The records were measured one after the other: drift of the machine may affect the order of the rows."
)
CONFIRM_HINT = "compare the best three with interleaved runs: the same command with --resume --confirm 3"

Line = tuple[dict[str, str], str, Record | None]
"""Values of the varied options, the status of the configuration, and its record."""


def sweep(lines: Sequence[Line], confirmed: bool = False) -> RenderableType:
    """A column per varied option, then throughput, interval and verdict; a reason where there is none.

    confirmed: the best have been compared with interleaved runs already.
    """
    several = sum(record is not None and record.summary is not None for _, _, record in lines) > 1
    if not several:
        return _sweep(lines)
    note = bullets([("-", "dim", ONE_AFTER_THE_OTHER)])
    return spaced([_sweep(lines), note, *([] if confirmed else [whole_line("Next:", CONFIRM_HINT)])])


def _sweep(lines: Sequence[Line]) -> Table:
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for name in lines[0][0] if lines else ():
        grid.add_column(name, overflow="fold")
    grid.add_column("img/s", justify="right", no_wrap=True)
    grid.add_column("95 % CI", no_wrap=True)
    grid.add_column("verdict", overflow="fold")
    for values, status, record in lines:
        measured = record is not None and record.summary is not None and status == "measured"
        add_row(grid, *values.values(), *(_measured(record) if measured and record else _reason(status, record)))
    return grid


def _measured(record: Record) -> tuple[str, str, Text]:
    assert record.summary is not None
    verdict = Text(record.verdict.kind, style=VERDICT_STYLE[record.verdict.kind])
    return units.significant(record.summary.images_per_s.value), interval_of(record), verdict


def _reason(status: str, record: Record | None) -> tuple[str, str, Text]:
    words = {"waiting": "not started", "claimed": "another sweep measures it"}.get(status, status)
    why = f": {record.outcome.message}" if record is not None else ""
    return units.UNKNOWN, "", Text(f"{words}{why}", style="yellow" if status == "skipped" else "red")


def confirmed(best: str, rows: Sequence[tuple[str, Estimate | None, Finding, Outcome]]) -> RenderableType:
    """The best of a sweep in interleaved runs: each against the first, which is `best`."""
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("interleaved runs", "ratio", "95 % CI", "finding"):
        grid.add_column(name, justify="right" if name == "ratio" else "left", overflow="fold")
    add_row(grid, best, "1", "", "")
    for words, estimate, found, outcome in rows:
        cells = (words, ratio(estimate.value), interval(estimate)) if estimate else (words, units.UNKNOWN, "")
        failed = outcome.kind != "ok"
        add_row(grid, *cells, Text(outcome.message if failed else found, style="red" if failed else STYLES[found]))
    more = f" Intervals are corrected for {len(rows)} comparisons (Holm)." if len(rows) > 1 else ""
    return spaced([Text(), grid, bullets([("-", "dim", f"The ratio is throughput over that of {best}.{more}")])])


def sweep_data(lines: Sequence[tuple[Line, str | None, dict[str, Any] | None]]) -> list[dict[str, Any]]:
    """The same for programs; each line comes with the record's file and its interleaved runs against the best."""
    return [
        {
            "options": values,
            "status": status,
            "images_per_s": record.summary.images_per_s if record is not None and record.summary else None,
            "verdict": record.verdict.kind if record is not None else None,
            "message": record.outcome.message if record is not None else "",
            "record": path,
            "in_turns": in_turns,
        }
        for (values, status, record), path, in_turns in lines
    ]


def history(records: Sequence[tuple[Path, Record]]) -> Table:
    """A row per record: when, what, throughput, verdict, and the end of its file's name."""
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("UTC", "mode", "batch", "precision"):
        grid.add_column(name, justify="right" if name == "batch" else "left", no_wrap=True)
    grid.add_column("img/s", justify="right", no_wrap=True)
    grid.add_column("verdict", no_wrap=True)
    grid.add_column("record", overflow="fold")
    for path, record in records:
        config = config_of(record)
        add_row(
            grid,
            record.created_at[:16].replace("T", " "),
            config.step.mode,
            str(config.step.batch_size),
            f"{config.step.precision}{' XLA' if config.step.xla else ''}",
            units.significant(record.summary.images_per_s.value) if record.summary else units.UNKNOWN,
            Text(record.verdict.kind, style=VERDICT_STYLE[record.verdict.kind]),
            path.stem.rpartition("-")[2],
        )
    return grid
