"""Each figure of a report: what is drawn of a record, and the table that says the same.

Pure: records in, figures out; None where a record has nothing to draw. Neighbours: `charts.py` draws,
`report/page/record_sections.py` and `report/page/report.py` place them.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Literal

from resnet_bench import units
from resnet_bench.analysis.summary import single_steps
from resnet_bench.records.base import Estimate
from resnet_bench.records.bottleneck import Analysis
from resnet_bench.records.pipeline import PipelineResult
from resnet_bench.records.profile import OperationTime
from resnet_bench.records.record import Record
from resnet_bench.records.run import ProcessSamples, Round
from resnet_bench.report.figures import charts
from resnet_bench.report.figures.charts import Chart
from resnet_bench.report.page.document import Cell, Figure, table

SINGLE_STEPS_ENOUGH = 10
"""Fewer single steps than this say less of a distribution than the rounds do."""

SHOWN_OPERATIONS = 12
PHASES = (
    ("process_s", "process start"),
    ("import_s", "import"),
    ("start_s", "device"),
    ("build_s", "build"),
    ("trace_s", "trace"),
    ("first_step_s", "first step"),
    ("data_s", "data"),
)


def step_times(record: Record) -> Figure | None:
    """How the step times are distributed: single steps where there are enough, else the rounds' means."""
    measured = [process for process in record.samples.processes if process.counted]
    singles = single_steps(measured)
    single = len(singles) >= SINGLE_STEPS_ENOUGH
    values = singles if single else [_step(one) for process in measured for one in process.counted]
    if len(values) < 2:
        return None
    middle = statistics.median(values)
    what = "single steps" if single else "rounds (mean step of each)"
    bins = _bins(values)
    x, y = charts.plot([bins[0][0], bins[-1][1]], [count for *_, count in bins], y_zero=True)
    found = charts.frame(x, y, "step time", "count", charts.seconds, charts.plain)
    for low, high, count in bins:
        words = f"{units.duration(low)} to {units.duration(high)}: {count}"
        found.elements.append(charts.bar(x(low) + 0.5, y(count), x(high) - x(low) - 1, y(0) - y(count), "fill0", words))
    found.elements.append(charts.rule(x(middle), y.end, x(middle), y.start, "marker"))
    found.elements.append(charts.label(x(middle) + 6, y.end + 10, f"median {units.duration(middle)}", "strong"))
    chart = Chart(
        "Distribution of step times",
        f"Histogram of {len(values)} {what}: {units.duration(min(values))} to {units.duration(max(values))}, "
        f"median {units.duration(middle)}.",
        found.height,
        tuple(found.elements),
    )
    rows: list[tuple[str | Cell, ...]] = [(units.duration(low), units.duration(high), str(n)) for low, high, n in bins]
    return Figure(chart, table(f"Step times of {len(values)} {what}", "from|>to|>count", rows))


def _bins(values: Sequence[float]) -> list[tuple[float, float, int]]:
    """Equal classes, about the root of the number of values: low, high, count."""
    low, high = min(values), max(values)
    number = min(30, max(5, round(len(values) ** 0.5 * 1.5)))
    width = (high - low) / number or abs(high) * 0.02 or 1.0
    counts = [0] * number
    for value in values:
        counts[min(number - 1, int((value - low) / width))] += 1
    return [(low + width * i, low + width * (i + 1), count) for i, count in enumerate(counts)]


def _step(one: Round) -> float:
    return one.wall_s / one.steps


def step_series(record: Record) -> Figure | None:
    """Step time over the steps of each process, with everything that does not count marked as warm-up."""
    measured = [process for process in record.samples.processes if process.rounds]
    points = [(process, *_series(process)) for process in measured]
    times = [seconds for _, warm, counted in points for _, seconds in (*warm, *counted)]
    if len(times) < 2:
        return None
    ends = [number for _, warm, counted in points for number, _ in (*warm, *counted)]
    x, y = charts.plot([0, *ends], times, x_zero=True, y_log=max(times) > 5 * min(times) > 0)
    found = charts.frame(x, y, "step of the process", "step time", charts.plain, charts.seconds)
    for number, (process, warm, counted) in enumerate(points):
        name = f"process {process.process}"
        css = f"line{number % charts.SHAPES}"
        found.elements.append(charts.line([(x(at), y(seconds)) for at, seconds in counted], css))
        for kind, part in (("open", warm), ("dot", counted)):
            for at, seconds in part:
                words = f"{name}, step {at:,}: {units.duration(seconds)}{', warm-up' if kind == 'open' else ''}"
                found.elements.append(
                    charts.mark(x(at), y(seconds), f"{kind}{number % charts.SHAPES}", words, number, 3.4)
                )
    left_out = sum(len(warm) for _, warm, _ in points)
    chart = Chart(
        "Step time over time",
        f"Mean step time of each round, by process; warm-up that does not count: {left_out} points.",
        found.height,
        tuple(found.elements),
        (
            *((f"dot{n % charts.SHAPES}", f"process {p.process}") for n, (p, *_) in enumerate(points[:8])),
            ("open0", "hollow: warm-up, not counted"),
        ),
    )
    rows: list[tuple[str | Cell, ...]] = [
        (str(process.process), f"{at:,}", units.duration(seconds), kind)
        for process, warm, counted in points
        for kind, part in (("warm-up", warm), ("counted", counted))
        for at, seconds in part
    ]
    return Figure(chart, table("Step time of each round", ">process|>last step|>step time|phase", rows))


Points = list[tuple[int, float]]


def _series(process: ProcessSamples) -> tuple[Points, Points]:
    """(number of the round's last step, step time) of what warmed up, and of what counts. The first call is
    not among them; it belongs to the cold start."""
    done = process.counts.first or 1
    warm: Points = []
    counted: Points = []
    for number, one in enumerate((*process.warmup, *process.rounds)):
        done += one.steps
        timed = number >= len(process.warmup) + process.first_counted_round
        (counted if timed else warm).append((done, _step(one)))
    return warm, counted


def cold_start(record: Record) -> Figure | None:
    """The cold-start ledger as a waterfall: each part begins where the one before it ended."""
    if record.summary is None:
        return None
    ledger = record.summary.cold_start_s
    parts = [(words, seconds) for name, words in PHASES if (seconds := getattr(ledger, name)) is not None]
    if not parts:
        return None
    total = sum(seconds for _, seconds in parts)
    found = charts.rows([words for words, _ in parts], [0, total], "since the process was started", charts.seconds)
    begun = 0.0
    for number, (words, seconds) in enumerate(parts):
        x1, x2, middle = found.x(begun), found.x(begun + seconds), charts.row_middle(number)
        found.elements.append(charts.bar(x1, middle - 8, x2 - x1, 16, "fill0", f"{words}: {units.duration(seconds)}"))
        found.elements.append(charts.label(x2 + 6, middle + 4, units.duration(seconds)))
        begun += seconds
    note = ""
    if ledger.compile_s is not None:
        note = f" The first step contains {units.duration(ledger.compile_s)} of XLA compilation."
    chart = Chart(
        "Cold start",
        f"From the start of the process to the first timed step: {units.duration(total)}.{note}",
        found.height,
        tuple(found.elements),
    )
    rows: list[tuple[str | Cell, ...]] = [
        (words, units.duration(seconds), units.share(seconds / total)) for words, seconds in parts
    ]
    return Figure(chart, table("Cold start, median of the processes", "part|>time|>share", rows))


def input_stages(pipeline: PipelineResult) -> Figure | None:
    """The rate of the pipeline up to each stage, with intervals."""
    if not pipeline.stages:
        return None
    rates = [stage.images_per_s for stage in pipeline.stages]
    values = [rate.value for rate in rates]
    log = max(values) > 20 * min(values) > 0
    names = [stage.stage for stage in pipeline.stages]
    found = charts.rows(names, _ends(rates, zero=not log), "images per second", charts.plain, log=log)
    for number, (name, rate) in enumerate(zip(names, rates, strict=True)):
        css = "fill1" if name == pipeline.bottleneck else "fill0"
        _rate_row(found, number, rate, css, f"{name}: {units.rate(rate.value)}")
    slowest = f" The bottleneck is {pipeline.bottleneck}." if pipeline.bottleneck else ""
    chart = Chart(
        "Input pipeline, stage by stage",
        f"Images per second of the pipeline up to and including each stage.{slowest}",
        found.height,
        tuple(found.elements),
        (("fill1", "bottleneck"),) if pipeline.bottleneck else (),
    )
    rows: list[tuple[str | Cell, ...]] = [
        (
            f"{stage.stage} (bottleneck)" if stage.stage == pipeline.bottleneck else stage.stage,
            units.rate(stage.images_per_s.value),
            _interval(stage.images_per_s),
            units.UNKNOWN if stage.bytes_per_s is None else f"{units.size(stage.bytes_per_s)}/s",
            units.duration(stage.cpu_s_per_image),
            units.UNKNOWN if stage.gain is None else f"{stage.gain:.2f}x",
        )
        for stage in pipeline.stages
    ]
    heads = "up to stage|>rate|95 % CI|>read|>processor time per image|>gain if later stages were free"
    return Figure(chart, table("Input pipeline", heads, rows))


def _rate_row(found: charts.PlotArea, number: int, rate: Estimate, css: str, words: str) -> None:
    middle = charts.row_middle(number)
    start, end = found.x.start, found.x(rate.value)
    found.elements.append(charts.bar(start, middle - 8, end - start, 16, css, words))
    if rate.low is not None and rate.high is not None:
        found.elements += charts.whisker(found.x(rate.low), found.x(rate.high), middle, "whisker")
        end = max(end, found.x(rate.high))
    found.elements.append(charts.label(end + 6, middle + 4, units.significant(rate.value)))


def _ends(rates: Sequence[Estimate], *, zero: bool) -> list[float]:
    found = [end for rate in rates for end in (rate.low, rate.value, rate.high) if end is not None]
    return [0.0, *found] if zero else found


def _interval(rate: Estimate) -> str:
    if rate.low is None or rate.high is None:
        return units.UNKNOWN
    return f"{units.significant(rate.low)} to {units.significant(rate.high)}"


def bottleneck(found: Analysis) -> Figure:
    """The model alone, the pipeline alone, what is possible together, and what is reached."""
    named = (
        ("model alone", found.model, "fill0"),
        ("pipeline alone", found.pipeline, "fill0"),
        ("possible", found.bound, "fill0"),
        ("end to end", found.end_to_end, "fill1"),
    )
    rates = [rate for _, rate, _ in named]
    frame = charts.rows([name for name, *_ in named], _ends(rates, zero=True), "images per second", charts.plain)
    for number, (name, rate, css) in enumerate(named):
        _rate_row(frame, number, rate, css, f"{name}: {units.rate(rate.value)}")
    words = "; ".join(f"{name} {units.rate(rate.value)}" for name, rate, _ in named)
    chart = Chart(
        "Throughput of model and pipeline",
        f"Images per second: {words}.",
        frame.height,
        tuple(frame.elements),
        (("fill0", "alone, or possible together"), ("fill1", "reached")),
    )
    rows: list[tuple[str | Cell, ...]] = [(name, units.rate(rate.value), _interval(rate)) for name, rate, _ in named]
    return Figure(chart, table("Throughput, interleaved rounds", "part|>rate|95 % CI", rows))


def operations(found: Sequence[OperationTime], place: Literal["step", "input"]) -> Figure | None:
    """The kinds of operation that take the most self time in the step, or in the input pipeline beside it."""
    here = [each for each in found if each.place == place]
    if not here:
        return None
    top = sorted(here, key=lambda each: -each.self_s)[:SHOWN_OPERATIONS]
    title = {"step": "Operations of the step by self time", "input": "Operations of the input pipeline by self time"}
    frame = charts.rows([each.kind for each in top], [0, *(each.share for each in top)], "share of self time", _percent)
    for number, each in enumerate(top):
        middle = charts.row_middle(number)
        end = frame.x(each.share)
        words = f"{each.kind}: {units.duration(each.self_s)} in {each.occurrences:,} calls; busiest {each.name}"
        frame.elements.append(charts.bar(frame.x.start, middle - 8, end - frame.x.start, 16, "fill0", words))
        frame.elements.append(charts.label(end + 6, middle + 4, units.share(each.share)))
    chart = Chart(
        title[place],
        f"The {len(top)} kinds of operation that took most self time; {top[0].kind} leads with "
        f"{units.share(top[0].share)}.",
        frame.height,
        tuple(frame.elements),
    )
    rows: list[tuple[str | Cell, ...]] = [
        (each.kind, units.duration(each.self_s), units.share(each.share), f"{each.occurrences:,}", each.name)
        for each in top
    ]
    return Figure(chart, table(title[place], "kind|>self time|>share|>calls|busiest instance", rows))


def _percent(share: float) -> str:
    return f"{share * 100:g} %"
