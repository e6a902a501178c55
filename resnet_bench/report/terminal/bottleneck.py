"""The result of `bottleneck` on a terminal: the answer first.

Neighbours: `analysis/bottleneck.py` computes it, `report/page/result_sections.py` puts the same words into a report.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from resnet_bench.records.bottleneck import Analysis, BottleneckRecord
from resnet_bench.report.terminal.notices import notice_list
from resnet_bench.report.terminal.rich_text import facts, failure, indented, spaced, whole_line
from resnet_bench.report.words.bottleneck import balance, next_step, notices, rows
from resnet_bench.report.words.record import headline, subtitle

_STYLES = {
    "input-bound": "bold red",
    "compute-bound": "bold green",
    "balanced": "bold green",
    "inconclusive": "bold yellow",
}


def render(result: BottleneckRecord, path: Path | None = None) -> RenderableType:
    """The whole result."""
    blocks: list[RenderableType] = [
        Group(Text(headline(result), style="bold"), Text(subtitle(result), style="dim")),
    ]
    found = result.analysis
    if found is not None:
        blocks += [indented(_answer(found)), indented(facts(rows(result, found)))]
    if result.outcome.kind != "ok":
        blocks.append(indented(failure(result.outcome, result.outcome.log_tail[-8:])))
    remarks = notices(result)
    if remarks:
        blocks.append(indented(notice_list(remarks)))
    if path is not None:
        blocks.append(Group(whole_line("Result:", str(path)), whole_line("Next:", next_step(result))))
    return spaced(blocks)


def _answer(found: Analysis) -> Text:
    return Text(found.answer, style=_STYLES[found.answer]).append(f"   {balance(found)}")
