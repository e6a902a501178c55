"""Comparisons of records, for a terminal and for a pull request. Neighbour: `analysis/compare.py` makes them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.analysis.compare import ComparedSide, Comparison, ComparisonReport
from resnet_bench.records.base import Difference, Estimate
from resnet_bench.records.record import Record
from resnet_bench.report.terminal import text
from resnet_bench.report.terminal.rich_text import add_row

STYLES = {"faster": "bold green", "slower": "bold red", "no difference": "bold", "inconclusive": "bold yellow"}
SHOWN_DIFFERENCES = 4
COLUMNS = ("configuration", "processes", "img/s", "ratio", "95 % CI", "finding")


def ratio(value: float) -> str:
    """A ratio with three decimals: 0.972."""
    return f"{value:.3f}"


def interval(estimate: Estimate) -> str:
    """ "0.951 to 0.993", or a dash where there is none."""
    if estimate.low is None or estimate.high is None:
        return units.UNKNOWN
    return f"{ratio(estimate.low)} to {ratio(estimate.high)}"


def render(report: ComparisonReport, base: Record) -> RenderableType:
    """The table, then what a reader must know; `base` is a record of the base."""
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
    parts: list[RenderableType] = [Text(text.headline(base), style="bold"), Text(text.subtitle(base), style="dim")]
    parts += [Text(), Padding(table, (0, 2)), Text()]
    parts += [Padding(Text.assemble(("! ", "yellow"), line), (0, 2)) for line in refusals(report)]
    parts += [Padding(Text.assemble(("- ", "dim"), line), (0, 2)) for line in notes(report)]
    return Group(*parts)


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


def refusals(report: ComparisonReport) -> list[str]:
    """What is not comparable, and the fields that differ."""
    return [
        f"Not compared: {', '.join(each.new.files[:2])}. It differs in {_listed(each.differences, 8)}. "
        f"{' '.join(f'--allow {one.field}' for one in each.differences)} compares it anyway."
        for each in report.refused
    ]


def notes(report: ComparisonReport) -> list[str]:
    """Notes on the table, in sentences."""
    found = [line for each in report.comparisons for line in _notes_of(each, report)]
    if len(report.comparisons) > 1:
        found.append(f"Intervals are corrected for {len(report.comparisons)} comparisons (Holm).")
    weak = [verdict for each in _subjects(report) for verdict in each.verdicts if verdict != "valid"]
    if weak:
        found.append(f"{len(weak)} of the records are not valid but {' or '.join(sorted(set(weak)))}.")
    if any(each.finding != "inconclusive" for each in report.comparisons):
        found.append(
            "The records were measured one after the other: drift of the machine between them is in the ratio, but "
            "not in the interval. bench-cli ab runs both interleaved instead."
        )
    return list(dict.fromkeys(found))


def _subjects(report: ComparisonReport) -> list[ComparedSide]:
    return [report.base, *(each.new for each in report.comparisons)]


def _notes_of(each: Comparison, report: ComparisonReport) -> list[str]:
    name, found = each.new.label, []
    for difference in each.allowed:
        found.append(f"{name}: --allow {difference.field}, though it is {difference.base} and {difference.new}.")
    if each.environment:
        found.append(f"{name}: the environment differs in {_listed(each.environment, SHOWN_DIFFERENCES)}.")
    if each.protocol:
        found.append(f"{name}: it was measured differently: {_listed(each.protocol, SHOWN_DIFFERENCES)}.")
    if each.below_noise_floor and report.noise_floor is not None:
        found.append(f"{name}: smaller than this machine's noise floor of {units.share(report.noise_floor)}.")
    if each.finding == "inconclusive":
        found.append(f"{name}: inconclusive (needs at least two processes per side). Run with --processes 3 or more.")
    return found


def _listed(differences: Sequence[Difference], most: int) -> str:
    shown = [f"{each.field} ({each.base or 'unknown'}, {each.new or 'unknown'})" for each in differences[:most]]
    more = len(differences) - most
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
