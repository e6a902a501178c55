"""Comparisons of records, for a terminal and for a pull request. Neighbour: `analysis/compare.py` makes them."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.analysis.compare import ComparedSide, Comparison, ComparisonReport
from resnet_bench.records.record import Record
from resnet_bench.report.terminal.rich_text import add_row, bullets, indented, spaced, whole_line
from resnet_bench.report.words import record as text
from resnet_bench.report.words.comparison import interval, next_step, notes, ratio, refusals

STYLES = {"faster": "bold green", "slower": "bold red", "no difference": "bold", "inconclusive": "bold yellow"}
COLUMNS = ("configuration", "processes", "img/s", "ratio", "95 % CI", "finding")


def render(report: ComparisonReport, base: Record) -> RenderableType:
    """The table, notes on it, and the next command; `base` is a record of the base."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in COLUMNS:
        left = name in ("configuration", "finding", "95 % CI")
        table.add_column(
            name,
            justify="left" if left else "right",
            overflow="fold",
            no_wrap=name != "configuration",
        )
    add_row(table, *_base_cells(report.base))
    for each in report.comparisons:
        *cells, found = _cells(each)
        add_row(table, *cells, Text(found, style=STYLES[found]))
    title = Group(Text(text.headline(base), style="bold"), Text(text.subtitle(base), style="dim"))
    marks = [*(("!", "yellow", line) for line in refusals(report)), *(("-", "dim", line) for line in notes(report))]
    blocks = [title, indented(table), *([indented(bullets(marks))] if marks else [])]
    step = next_step(report, base)
    return spaced([*blocks, *([whole_line("Next:", step)] if step else [])])


def markdown(report: ComparisonReport, base: Record) -> str:
    """The same as Markdown, for a pull request."""
    rows = [COLUMNS, ("---", "--:", "--:", "--:", "---", "---"), _base_cells(report.base)]
    rows += [_cells(each) for each in report.comparisons]
    table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    lines = "\n".join(f"- {line}" for line in (*refusals(report), *notes(report)))
    return f"**{text.headline(base)}** ({text.subtitle(base)})\n\n{table}\n\n{lines}\n"


def _base_cells(base: ComparedSide) -> tuple[str, ...]:
    return ("base", str(len(base.process_images_per_s)), units.significant(base.images_per_s), "1", "", "")


def _cells(each: Comparison) -> tuple[str, ...]:
    return (
        each.new.label,
        str(len(each.new.process_images_per_s)),
        units.significant(each.new.images_per_s),
        ratio(each.ratio.value),
        interval(each.ratio),
        each.finding,
    )
