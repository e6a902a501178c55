"""The results of `ab` and `noise` on a terminal: the answer first.

Neighbours: `records/ab.py` has the result, `report/page/result_sections.py` puts the same words into a report.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resnet_bench.records.ab import AbRecord, AbResult
from resnet_bench.records.noise_floor import NoiseFloor
from resnet_bench.report.terminal.comparison import STYLES
from resnet_bench.report.terminal.rich_text import add_row
from resnet_bench.report.words.ab import finding, notes, rows
from resnet_bench.report.words.comparison import interval, ratio

_TITLES = {"ab": "B against A", "noise": "A against A: this machine's noise floor"}


def render(record: AbRecord, path: Path | None = None, floor: NoiseFloor | None = None) -> RenderableType:
    """The whole result. `floor`: the machine's noise floor, just measured or known from before."""
    parts: list[RenderableType] = [Text(_TITLES[record.kind], style="bold"), Text()]
    result = record.result
    if result is not None:
        parts += [Padding(_answer(record, result), (0, 2)), Text(), Padding(_rows(record, result, floor), (0, 2))]
    if record.outcome.kind != "ok":
        parts += [Padding(_outcome(record), (0, 2))]
    lines = [Text.assemble(("! ", "yellow"), line) for line in notes(record, floor)]
    if lines:
        parts += [Text(), *(Padding(line, (0, 2)) for line in lines)]
    if path is not None:
        parts += [Text(), Padding(Text(f"Result: {path}", style="dim", overflow="fold"), (0, 2))]
    return Group(*parts)


def _answer(record: AbRecord, result: AbResult) -> Text:
    words = Text.assemble((ratio(result.ratio.value), "bold cyan"))
    between = f"(95 % CI {interval(result.ratio)})" if result.ratio.low is not None else "(no interval: one pair)"
    words.append(f"  {between}   ", style="dim")
    words.append(finding(record, result), style=STYLES[result.finding])
    return words


def _rows(record: AbRecord, result: AbResult, floor: NoiseFloor | None) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in rows(record, result, floor):
        add_row(grid, name, words)
    return grid


def _outcome(record: AbRecord) -> RenderableType:
    outcome = record.outcome
    lines = [Text(f"{outcome.message} {outcome.remedy}".strip(), style="red")]
    if outcome.log_tail:
        lines.append(Text("The end of the worker's log:", style="dim"))
        lines += [Text(f"  {line}", style="dim", overflow="fold") for line in outcome.log_tail[-8:]]
    return Group(*lines)
