"""Figures about several records: their throughputs, and their ratios to a base.

Pure. Neighbours: `analysis/compare.py` computes ratios, `charts.py` draws.
"""

from __future__ import annotations

from collections.abc import Sequence

from resnet_bench import units
from resnet_bench.analysis.compare import ComparisonReport
from resnet_bench.records.base import Estimate
from resnet_bench.records.record import Record
from resnet_bench.report.figures import charts
from resnet_bench.report.figures.charts import Chart
from resnet_bench.report.page.document import Cell, Figure, table
from resnet_bench.report.words.comparison import interval, ratio

SHAPE = {"valid": 0, "provisional": 1, "invalid": 2}
LABEL = 45
"""About the width of a ratio's number with its margin, in pixels."""

FINDINGS = {"faster": 0, "slower": 1, "no difference": 2, "inconclusive": 2}


def throughputs(named: Sequence[tuple[str, Record]]) -> Figure | None:
    """A row for each record that has a throughput, the fastest first; the shape tells the verdict."""
    known = [(name, record, record.summary.images_per_s) for name, record in named if record.summary is not None]
    if len(known) < 2:
        return None
    known.sort(key=lambda each: -each[2].value)
    ends = [end for *_, rate in known for end in (rate.low, rate.value, rate.high) if end is not None]
    # An interval of two processes may span decades: it runs off the chart instead of squeezing all others.
    least, most = known[-1][2].value / 3, known[0][2].value * 3
    ends = [min(max(end, least), most) for end in ends]
    log = max(ends) > 20 * min(ends) > 0
    found = charts.rows([name for name, *_ in known], ends, "images per second", charts.plain, log=log)
    for number, (name, record, rate) in enumerate(known):
        middle = charts.row_middle(number)
        verdict = record.verdict.kind
        if rate.low is not None and rate.high is not None:
            found.elements += charts.whisker(found.x(rate.low), found.x(rate.high), middle, "whisker")
        words = f"{name}: {units.rate(rate.value)}, {verdict}"
        found.elements.append(charts.mark(found.x(rate.value), middle, f"v-{verdict}", words, SHAPE[verdict], 5))
        right = found.x(rate.high if rate.high is not None else rate.value)
        found.elements.append(charts.label(right + 10, middle + 4, units.significant(rate.value)))
    chart = Chart(
        "Throughput of the records",
        f"{len(known)} records from {units.rate(known[-1][2].value)} to {units.rate(known[0][2].value)}; "
        "bars are 95 % confidence intervals.",
        found.height,
        tuple(found.elements),
        tuple((f"v-{verdict}", verdict) for verdict in SHAPE if any(r.verdict.kind == verdict for _, r, _ in known)),
    )
    rows: list[tuple[str | Cell, ...]] = [
        (name, units.rate(rate.value), record.verdict.kind) for name, record, rate in known
    ]
    return Figure(chart, table("Throughput of the records, fastest first", "record|>throughput|verdict", rows))


def ratios(report: ComparisonReport) -> Figure | None:
    """The ratio of each pool of records to the base with its interval, and the line of no difference."""
    return ratio_rows(
        [(each.new.label, each.ratio, each.finding) for each in report.comparisons],
        "Ratio to the base",
        "Throughput relative to the base, with 95 % confidence intervals; right of 1 is faster.",
        "times the base",
    )


def ratio_rows(
    named: Sequence[tuple[str, Estimate, str]], title: str, description: str, axis: str, head: str = "configuration"
) -> Figure | None:
    """A row for each ratio with its interval and what it says, and the line of no difference."""
    if not named:
        return None
    ends = [1.0, *(end for _, each, _ in named for end in (each.low, each.value, each.high) if end)]
    found = charts.rows([name for name, *_ in named], ends, axis, charts.plain, zero=False)
    one = found.x(1.0)
    found.elements.append(charts.rule(one, found.y.end, one, found.y.start, "marker"))
    rows: list[tuple[str | Cell, ...]] = []
    for number, (name, estimate, finding) in enumerate(named):
        middle = charts.row_middle(number)
        words = f"{name}: {ratio(estimate.value)} ({interval(estimate)}), {finding}"
        if estimate.low is not None and estimate.high is not None:
            found.elements += charts.whisker(found.x(estimate.low), found.x(estimate.high), middle, "whisker", words)
        shape = FINDINGS[finding]
        found.elements.append(charts.mark(found.x(estimate.value), middle, f"dot{shape}", words, shape, 5))
        right = found.x(estimate.high if estimate.high is not None else estimate.value)
        if right < one < right + LABEL:  # The number would be struck through by the line of no difference.
            right = one
        found.elements.append(charts.label(right + 10, middle + 4, ratio(estimate.value)))
        rows.append((name, ratio(estimate.value), interval(estimate), finding))
    chart = Chart(title, description, found.height, tuple(found.elements))
    return Figure(chart, table("Ratios", f"{head}|>ratio|95 % CI|finding", rows))
