"""The result of `tune` on a terminal: the gain and the command first, then contributions and candidates.

Neighbours: `records/tuning.py` has the result, `report/page/result_sections.py` puts the same words into a report.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resnet_bench.records.tuning import Candidate, Contribution, TuningRecord
from resnet_bench.report.terminal.comparison import STYLES
from resnet_bench.report.terminal.notices import notice_line
from resnet_bench.report.terminal.rich_text import add_row
from resnet_bench.report.words.tune import (
    CANDIDATE_COLUMNS,
    CANDIDATES,
    CONTRIBUTION_COLUMNS,
    CONTRIBUTIONS,
    answer,
    candidate,
    contribution,
    notes,
    rows,
    title,
    warnings,
)

_STATUS_STYLES = {"won": "green", "failed": "red", "out of bounds": "yellow", "out of time": "yellow"}


def render(tuning: TuningRecord, path: Path | None = None) -> RenderableType:
    """The whole result; `path` is where it was saved."""
    parts: list[RenderableType] = [Text(title(tuning), style="bold"), Text()]
    if tuning.recommended is not None:
        parts += [Padding(_answer(tuning), (0, 2)), Text(), Padding(_rows(tuning, path), (0, 2))]
    if tuning.contributions:
        parts += [Text(), Padding(Text(CONTRIBUTIONS), (0, 2))]
        parts += [Padding(_contributions(tuning.contributions), (0, 2))]
    if tuning.candidates:
        parts += [Text(), Padding(Text(CANDIDATES), (0, 2))]
        parts += [Padding(_candidates(tuning.candidates), (0, 2))]
    if tuning.outcome.kind != "ok":
        parts += [
            Text(),
            Padding(Text(f"{tuning.outcome.message} {tuning.outcome.remedy}".strip(), style="red"), (0, 2)),
        ]
    warned = [notice_line(notice) for notice in warnings(tuning)]
    noted = [Text.assemble(("- ", "dim"), line) for line in notes(tuning)]
    if warned or noted:
        parts += [Text(), *(Padding(line, (0, 2)) for line in (*warned, *noted))]
    if path is not None:
        parts += [Text(), Padding(Text(f"Result: {path}", style="dim", overflow="fold"), (0, 2))]
    return Group(*parts)


def _answer(tuning: TuningRecord) -> Text:
    found, detail, word = answer(tuning)
    style = "bold cyan" if word else "bold"
    words = Text.assemble((found, style), (f"  {detail}", "dim"))
    return words.append(f"   {word}", style=STYLES[word]) if word else words


def _rows(tuning: TuningRecord, path: Path | None) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in rows(tuning, path):
        add_row(grid, name, words)
    return grid


def _table(*columns: str) -> Table:
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for name in columns:
        grid.add_column(name, justify="right" if name in ("img/s", "ratio") else "left", overflow="fold")
    return grid


def _contributions(found: Iterable[Contribution]) -> Table:
    grid = _table(*CONTRIBUTION_COLUMNS)
    for each in found:
        *cells, result = contribution(each)
        add_row(grid, *cells, Text(result, style=STYLES.get(result, "yellow")))
    return grid


def _candidates(found: Iterable[Candidate]) -> Table:
    grid = _table(*CANDIDATE_COLUMNS)
    for each in found:
        *cells, result = candidate(each)
        add_row(grid, *cells, Text(result, style=_STATUS_STYLES.get(each.status, "")))
    return grid
