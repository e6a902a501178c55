"""The result of `tune` on a terminal: the gain and the command first, then contributions and candidates.

Neighbours: `records/tuning.py` has the result, `report/page/result_sections.py` puts the same words into a report.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench.records.tuning import Candidate, Contribution, TuningRecord
from resnet_bench.report.terminal.comparison import STYLES
from resnet_bench.report.terminal.notices import notice_list
from resnet_bench.report.terminal.rich_text import add_row, bullets, facts, failure, indented, spaced, whole_line
from resnet_bench.report.words.tune import (
    CANDIDATE_COLUMNS,
    CANDIDATES,
    CONTRIBUTION_COLUMNS,
    CONTRIBUTIONS,
    answer,
    candidate,
    contribution,
    next_step,
    notes,
    rows,
    title,
    warnings,
)

_STATUS_STYLES = {"won": "green", "failed": "red", "out of bounds": "yellow", "out of time": "yellow"}


def render(tuning: TuningRecord, path: Path | None = None) -> RenderableType:
    """The whole result; `path` is where it was saved."""
    blocks: list[RenderableType] = [Text(title(tuning), style="bold")]
    if tuning.recommended is not None:
        blocks += [indented(_answer(tuning)), indented(facts(rows(tuning)))]
    if tuning.contributions:
        blocks.append(indented(Group(Text(CONTRIBUTIONS), _contributions(tuning.contributions))))
    if tuning.candidates:
        blocks.append(indented(Group(Text(CANDIDATES), _candidates(tuning.candidates))))
    if tuning.outcome.kind != "ok":
        blocks.append(indented(failure(tuning.outcome, ())))
    remarks = [notice_list(warnings(tuning)), bullets(("-", "dim", line) for line in notes(tuning))]
    if any(each.row_count for each in remarks):
        blocks.append(indented(Group(*remarks)))
    if path is not None:
        blocks.append(Group(whole_line("Result:", str(path)), whole_line("Next:", next_step(tuning, path))))
    return spaced(blocks)


def _answer(tuning: TuningRecord) -> Text:
    found, detail, word = answer(tuning)
    style = "bold cyan" if word else "bold"
    words = Text.assemble((found, style), (f"  {detail}", "dim"))
    return words.append(f"   {word}", style=STYLES[word]) if word else words


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
