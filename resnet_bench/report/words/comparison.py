"""Words of comparisons and ratios. Pure.

Neighbours: `report/terminal/` and `report/page/` show them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from resnet_bench import units
from resnet_bench.analysis.compare import ComparedSide, Comparison, ComparisonReport
from resnet_bench.records.base import Difference, Estimate
from resnet_bench.records.record import Record
from resnet_bench.report.words.next_step import command_like, step

SHOWN_DIFFERENCES = 4
FEWEST_PROCESSES = 2
"""Per side, for a confidence interval."""


def ratio(value: float) -> str:
    """A ratio with three decimals: 0.972."""
    return f"{value:.3f}"


def interval(estimate: Estimate) -> str:
    """ "0.951 to 0.993", or a dash where there is none."""
    if estimate.low is None or estimate.high is None:
        return units.UNKNOWN
    return f"{ratio(estimate.low)} to {ratio(estimate.high)}"


def refusals(report: ComparisonReport) -> list[str]:
    """What is not comparable, and the fields that differ."""
    return [
        f"Not compared: {', '.join(each.new.files[:2])}. It differs in {_listed(each.differences, SHOWN_DIFFERENCES)}."
        f"{_allowing(each.differences)}"
        for each in report.refused
    ]


def _allowing(differences: Sequence[Difference]) -> str:
    """The options that allow the comparison; empty if there are many differences."""
    if len(differences) > SHOWN_DIFFERENCES:
        return ""
    return f" To compare it anyway: {' '.join(f'--allow {one.field}' for one in differences)}."


def notes(report: ComparisonReport) -> list[str]:
    """Notes on the table, in sentences."""
    found = [line for each in report.comparisons for line in _notes_of(each, report)]
    if len(report.comparisons) > 1:
        found.append(f"Intervals are corrected for {len(report.comparisons)} comparisons (Holm).")
    weak = [verdict for each in _subjects(report) for verdict in each.verdicts if verdict != "valid"]
    if weak:
        count = "1 record is" if len(weak) == 1 else f"{len(weak)} records are"
        found.append(f"{count} {' or '.join(sorted(set(weak)))}.")
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
    shown = [f"{each.field} ({_short(each.base)}, {_short(each.new)})" for each in differences[:most]]
    more = len(differences) - most
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def next_step(report: ComparisonReport, base: Record) -> str:
    """The command that decides what is inconclusive; empty where nothing is."""
    undecided = [each.new for each in report.comparisons if each.finding == "inconclusive"]
    if not undecided:
        return ""
    if len(report.base.process_images_per_s) < FEWEST_PROCESSES:
        return step("measure with several processes", command_like("run", base.config, {"processes": 3}))
    return f"measure {undecided[0].label} with --processes 3 or more, then compare again."


def _short(value: str | None) -> str:
    """A value of a field; of a hash its beginning."""
    if not value:
        return "unknown"
    return value[:12] if re.fullmatch("[0-9a-f]{32,}", value) else value
