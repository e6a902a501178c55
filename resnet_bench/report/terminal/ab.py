"""The results of `ab` and `noise` on a terminal: the answer first.

Neighbours: `records/ab.py` has the result, `report/page/result_sections.py` puts the same words into a report.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from resnet_bench.records.ab import AbRecord, AbResult
from resnet_bench.records.noise_floor import NoiseFloor
from resnet_bench.report.terminal.comparison import STYLES
from resnet_bench.report.terminal.rich_text import bullets, facts, failure, indented, spaced, whole_line
from resnet_bench.report.words.ab import finding, next_step, notes, rows
from resnet_bench.report.words.comparison import interval, ratio

_TITLES = {"ab": "B against A", "noise": "A against A: this machine's noise floor"}


def render(record: AbRecord, path: Path | None = None, floor: NoiseFloor | None = None) -> RenderableType:
    """The whole result. `floor`: the machine's noise floor, just measured or known from before."""
    blocks: list[RenderableType] = [Text(_TITLES[record.kind], style="bold")]
    result = record.result
    if result is not None:
        blocks += [indented(_answer(record, result)), indented(facts(rows(record, result, floor)))]
    if record.outcome.kind != "ok":
        blocks.append(indented(failure(record.outcome, record.outcome.log_tail[-8:])))
    lines = notes(record, floor)
    if lines:
        blocks.append(indented(bullets(("!", "yellow", line) for line in lines)))
    if path is not None:
        blocks.append(Group(whole_line("Result:", str(path)), whole_line("Next:", next_step(record, floor))))
    return spaced(blocks)


def _answer(record: AbRecord, result: AbResult) -> Text:
    words = Text.assemble((ratio(result.ratio.value), "bold cyan"))
    alone = "(no confidence interval: one pair)"
    between = f"(95 % CI {interval(result.ratio)})" if result.ratio.low is not None else alone
    words.append(f"  {between}   ", style="dim")
    words.append(finding(record, result), style=STYLES[result.finding])
    return words
