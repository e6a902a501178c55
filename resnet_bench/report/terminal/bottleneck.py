"""The result of `bottleneck` on a terminal: the answer first.

Neighbours: `analysis/bottleneck.py` computes it, `report/page/result_sections.py` puts the same words into a report.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resnet_bench.records.bottleneck import Analysis, BottleneckRecord
from resnet_bench.report.terminal.notices import notice_line
from resnet_bench.report.terminal.rich_text import add_row
from resnet_bench.report.words.bottleneck import balance, notices, rows
from resnet_bench.report.words.record import headline, subtitle

_STYLES = {
    "input-bound": "bold red",
    "compute-bound": "bold green",
    "balanced": "bold green",
    "inconclusive": "bold yellow",
}


def render(result: BottleneckRecord, path: Path | None = None) -> RenderableType:
    """The whole result."""
    parts: list[RenderableType] = [Text(headline(result), style="bold"), Text(subtitle(result), style="dim"), Text()]
    found = result.analysis
    if found is not None:
        parts += [Padding(_answer(found), (0, 2)), Text(), Padding(_rows(result, found), (0, 2))]
    if result.outcome.kind != "ok":
        parts += [Padding(Text(f"{result.outcome.message} {result.outcome.remedy}".strip(), style="red"), (0, 2))]
        parts += [Padding(Text(line, style="dim", overflow="fold"), (0, 4)) for line in result.outcome.log_tail[-8:]]
    told = [Padding(notice_line(notice), (0, 2)) for notice in notices(result)]
    if told:
        parts += [Text(), *told]
    if path is not None:
        parts += [Text(), Padding(Text(f"Result: {path}", style="dim", overflow="fold"), (0, 2))]
    return Group(*parts)


def _answer(found: Analysis) -> Text:
    return Text(found.answer, style=_STYLES[found.answer]).append(f"   {balance(found)}")


def _rows(result: BottleneckRecord, found: Analysis) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in rows(result, found):
        add_row(grid, name, words)
    return grid
