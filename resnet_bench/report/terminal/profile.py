"""A profile on a terminal: where a step's time goes, the busiest operations, what profiling cost.

Neighbours: `text.py` puts the block into a record's summary, `cli/profile.py` prints it alone.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.records.profile import OperationTime, ProfileResult, ProfileSummary
from resnet_bench.report.terminal.rich_text import ByWidth, add_row, facts

SHOWN = {"step": 8, "input": 3}
NAME_WIDTH = 13
OPERATIONS_WIDTH = 110
"""Columns that the table of operations needs to name the busiest of each kind, too."""


def block(trace: ProfileResult, summary: ProfileSummary | None) -> RenderableType:
    """The whole profile of a record."""
    parts: list[RenderableType] = [facts(rows(trace, summary), NAME_WIDTH)]
    if summary is not None and summary.operations:
        parts += [
            Text(),
            ByWidth(OPERATIONS_WIDTH, operations(summary.operations, False), operations(summary.operations, True)),
        ]
    return Group(*parts)


def how_to_open(record: Path) -> str:
    """The command that shows the trace of the record in that file."""
    return shlex.join(["bench-cli", "tensorboard", str(record)])


def rows(trace: ProfileResult, summary: ProfileSummary | None) -> list[tuple[str, str]]:
    """Rows of the summary (name, text); the text is empty where nothing was observed."""
    where = "host and GPU" if trace.device_traced else "host only"
    traced = f"{trace.steps} step{'' if trace.steps == 1 else 's'} in {units.size(trace.bytes)}, {where}"
    found = [("profile", traced)]
    if summary is not None:
        found += [
            ("step split", _split(summary)),
            ("time by kind", _kinds(summary)),
            ("16-bit", _bits(summary)),
            ("peak memory", f"{units.size(summary.peak_bytes)} allocated" if summary.peak_bytes is not None else ""),
            ("overhead", _overhead(trace, summary)),
        ]
    return found


def operations(times: tuple[OperationTime, ...], named: bool) -> Table:
    """The kinds of operation that take most time, the step's own first; the input pipeline's run beside them.

    `named`: with the busiest operation of each kind.
    """
    grid = Table(box=None, header_style="dim", pad_edge=False)
    grid.add_column("operation", overflow="fold")
    for name in ("self time", "share", "count"):
        grid.add_column(name, justify="right", no_wrap=True)
    if named:
        grid.add_column("busiest", style="dim", no_wrap=True)
    for place, most in SHOWN.items():
        for each in [each for each in times if each.place == place][:most]:
            kind = f"{each.kind} (input)" if place == "input" else each.kind
            numbers = units.duration(each.self_s), units.share(each.share), f"{each.occurrences:,}"
            add_row(grid, kind, *numbers, *([_end(each.name)] if named else []))
    return grid


def _end(name: str) -> str:
    """The last three parts of an operation's name: its layer and what it does there."""
    return "/".join(name.split("/")[-3:])


def _split(summary: ProfileSummary) -> str:
    if summary.step_s is None:
        return ""
    parts = {
        "GPU": summary.device_s,
        "CPU operations": summary.host_s,
        "waiting for input": summary.input_s,
        "idle and dispatch": summary.idle_s,
    }
    words = [f"{name} {units.duration(seconds)}" for name, seconds in parts.items() if seconds is not None]
    return f"{', '.join(words)} of {units.duration(summary.step_s)}"


def _kinds(summary: ProfileSummary) -> str:
    shares = {
        "convolutions": summary.convolution_share,
        "batch norm": summary.batch_norm_share,
        "layout changes": summary.layout_share,
        "copies": summary.copy_share,
    }
    return ", ".join(f"{name} {units.share(share)}" for name, share in shares.items() if share is not None)


def _bits(summary: ProfileSummary) -> str:
    if summary.compute_16bit_share is None:
        return ""
    return f"{units.share(summary.compute_16bit_share)} of the time in convolutions and matmuls"


def _overhead(trace: ProfileResult, summary: ProfileSummary) -> str:
    overhead = summary.overhead
    if overhead is None:
        return ""
    low, high = overhead.low, overhead.high
    interval = f" ({low:+.1%} to {high:+.1%}, 95 %)" if low is not None and high is not None else ""
    return f"{overhead.value:+.1%} step time under the profiler{interval}, {len(trace.turns)} interleaved pairs"
