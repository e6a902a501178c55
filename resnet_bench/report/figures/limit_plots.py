"""Figures of the roofline, and of throughput against latency over batch sizes.

Pure. Neighbours: `analysis/roofline.py` and `analysis/batch_curve.py` compute, `charts.py` draws.
"""

from __future__ import annotations

from resnet_bench import units
from resnet_bench.analysis.batch_curve import BatchCurve
from resnet_bench.records.roofline import Roofline, RooflineGroup
from resnet_bench.report.figures import charts
from resnet_bench.report.figures.charts import Chart, Element, PlotArea
from resnet_bench.report.page.document import Cell, Figure, Table, table
from resnet_bench.report.words.roofline import byte_rate, flop_rate


def roofline(found: Roofline) -> Figure | None:
    """Operation groups under the measured peaks, on logarithmic axes; None where a peak is missing."""
    peaks = {name: value for name, value in found.peak_flops_per_s.items() if name.endswith(f" {found.dtype}")}
    bandwidth = found.peak_bytes_per_s
    placed = [group for group in found.groups if group.flops and group.bytes]
    if not peaks or bandwidth is None or not placed:
        return None
    points = [(_intensity(group), _height(group, peaks, bandwidth)) for group in placed]
    ridge = max(peaks.values()) / bandwidth
    across = [ridge / 8, ridge * 8, *(at for at, _ in points)]
    low = min(across)
    up = [*(height for _, height in points), *peaks.values(), low * bandwidth, found.step_flops / found.step_s]
    x, y = charts.plot(across, up, x_log=True, y_log=True)
    area = charts.frame(x, y, "flops per byte of least traffic", "flops per second", charts.plain, units.count)
    area.elements += _peak_lines(area, peaks, bandwidth)
    for group, (at, height) in zip(placed, points, strict=True):
        area.elements += _group(area, group, at, height)
    area.elements += _whole(area, found)
    chart = Chart(
        f"Roofline, {found.dtype}",
        f"{len(placed)} groups of operations under the measured peaks: {flop_rate(max(peaks.values()))} and "
        f"{byte_rate(bandwidth)}. Solid ones were timed by a profile; hollow ones lie at their upper bound.",
        area.height,
        tuple(area.elements),
        (
            ("dot0", "timed by a profile"),
            ("open0", "hollow: not timed, upper bound"),
            ("dot1", "the whole step, least traffic"),
        ),
    )
    return Figure(chart, _table(found))


def _intensity(group: RooflineGroup) -> float:
    return group.flops / group.bytes


def _height(group: RooflineGroup, peaks: dict[str, float], bandwidth: float) -> float:
    """What the group reached; its upper bound where it was not timed."""
    if group.seconds:
        return group.flops / group.seconds
    return min(max(peaks.values()), _intensity(group) * bandwidth)


def _peak_lines(area: PlotArea, peaks: dict[str, float], bandwidth: float) -> list[Element]:
    x, y = area.x, area.y
    top = max(peaks.values())
    start = max(x.low, y.low / bandwidth)
    found = [charts.line([(x(start), y(start * bandwidth)), (x(top / bandwidth), y(top))], "peak")]
    middle = (start * top / bandwidth) ** 0.5
    found.append(charts.label(x(middle) - 8, y(middle * bandwidth) - 4, f"memory {byte_rate(bandwidth)}", anchor="end"))
    for number, (name, value) in enumerate(sorted(peaks.items(), key=lambda each: -each[1])):
        found.append(charts.line([(x(value / bandwidth), y(value)), (x.end, y(value))], "peak"))
        above = number == 0
        words = f"{name} {flop_rate(value)}"
        found.append(charts.label(x.end - 2, y(value) + (-6 if above else 15), words, anchor="end"))
    return found


def _group(area: PlotArea, group: RooflineGroup, at: float, height: float) -> list[Element]:
    x, y = area.x(at), area.y(height)
    time = units.UNKNOWN if group.seconds is None else units.duration(group.seconds)
    words = f"{group.name}: {units.significant(at)} flops per byte, time {time}, limit {units.duration(group.limit_s)}"
    if group.seconds is None:
        return [charts.mark(x, y, "open0", words)]
    return [charts.mark(x, y, "dot0", words, size=6), charts.label(x, y - 11, group.name, "strong", "middle")]


def _whole(area: PlotArea, found: Roofline) -> list[Element]:
    if not found.step_bytes:
        return []
    at, height = found.step_flops / found.step_bytes, found.step_flops / found.step_s
    x, y = area.x(at), area.y(height)
    words = f"whole step: {flop_rate(height)}"
    return [charts.mark(x, y, "dot1", words, 1, 6), charts.label(x + 11, y + 4, words, "strong")]


def _table(found: Roofline) -> Table:
    rows: list[tuple[str | Cell, ...]] = []
    for group in found.groups:
        reached = group.flops / group.seconds if group.seconds and group.flops else None
        rows.append(
            (
                group.name if group.stage else f"{group.name} (all stages)",
                units.count(group.flops),
                units.count(group.bytes),
                units.duration(group.limit_s),
                units.duration(group.seconds),
                flop_rate(reached),
            )
        )
    heads = "operations of a step|>flops|>least bytes|>least time|>time|>reached"
    return table("Operation groups against the measured peaks", heads, rows)


def knee(curve: BatchCurve) -> Figure:
    """Throughput over latency, a point per batch size; the knee is a diamond with its name."""
    loads = curve.loads
    rates = [end for load in loads for end in (load.images_per_s.low, load.images_per_s.value, load.images_per_s.high)]
    x, y = charts.plot(
        [load.latency_s for load in loads],
        [rate for rate in rates if rate is not None],
        x_zero=True,
        y_zero=True,
    )
    area = charts.frame(x, y, f"latency of a batch ({curve.latency})", "img/s", charts.seconds, charts.plain)
    area.elements.append(charts.line([(x(each.latency_s), y(each.images_per_s.value)) for each in loads], "line0"))
    for number, load in enumerate(loads):
        at, height = x(load.latency_s), y(load.images_per_s.value)
        low, high = load.images_per_s.low, load.images_per_s.high
        if low is not None and high is not None:
            area.elements.append(charts.rule(at, y(low), at, y(high), "whisker"))
        is_knee = number == curve.knee
        words = f"batch {load.batch_size}: {units.rate(load.images_per_s.value)} at {units.duration(load.latency_s)}"
        css, shape, size = ("dot1", 3, 7) if is_knee else ("dot0", 0, 4.5)
        area.elements.append(charts.mark(at, height, css, words, shape, size))
        name = f"batch {load.batch_size}: knee" if is_knee else str(load.batch_size)
        area.elements.append(charts.label(at + 9, height + 15, name, "strong" if is_knee else "label"))
    chart = Chart(
        "Throughput against latency",
        f"{len(loads)} batch sizes from {loads[0].batch_size} to {loads[-1].batch_size}. {_knee_words(curve)}",
        area.height,
        tuple(area.elements),
        (("dot0", "batch size"), ("dot1", "knee")) if curve.knee is not None else (),
    )
    rows: list[tuple[str | Cell, ...]] = [
        (
            f"{load.batch_size}{' (knee)' if number == curve.knee else ''}",
            units.rate(load.images_per_s.value),
            units.duration(load.latency_s),
        )
        for number, load in enumerate(loads)
    ]
    return Figure(chart, table("Throughput and latency by batch size", ">batch size|>throughput|>latency", rows))


def _knee_words(curve: BatchCurve) -> str:
    if curve.knee is None:
        return "There is no clear knee."
    best = curve.loads[curve.knee]
    rate, latency = units.rate(best.images_per_s.value), units.duration(best.latency_s)
    return f"The knee is batch {best.batch_size}: {rate} at {latency}."
