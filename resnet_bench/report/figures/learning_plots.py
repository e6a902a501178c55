"""Figures of training: accuracy and loss, epoch by epoch. Pure. Neighbour: `charts.py` draws."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_bench import units
from resnet_bench.records.record import Record
from resnet_bench.report.figures import charts
from resnet_bench.report.figures.charts import Chart, Element
from resnet_bench.report.page.document import Cell, Figure, table


def learning(record: Record) -> list[Figure]:
    """Accuracy and loss, epoch by epoch."""
    epochs = record.training.epochs if record.training else ()
    if not epochs:
        return []
    found = []
    for title, y_title, words, train, test in (
        ("Accuracy by epoch", "accuracy", units.share, "accuracy", "test_accuracy"),
        ("Loss by epoch", "loss", units.significant, "loss", "test_loss"),
    ):
        series = [
            (name, [(one.epoch, value) for one in epochs if (value := getattr(one, field)) is not None])
            for name, field in (("training images", train), ("test images", test))
        ]
        drawn = [(name, points) for name, points in series if points]
        x, y = charts.plot(
            [one.epoch for one in epochs], [value for _, points in drawn for _, value in points], y_zero=True
        )
        area = charts.frame(x, y, "epoch", y_title, charts.plain, words if train == "accuracy" else charts.plain)
        for number, (name, points) in enumerate(drawn):
            area.elements += _curve(x, y, points, number, name, words)
        last = "; ".join(f"{name} end at {words(points[-1][1])}" for name, points in drawn)
        chart = Chart(
            title,
            f"{len(epochs)} epochs: {last}.",
            area.height,
            tuple(area.elements),
            tuple((f"dot{number}", name) for number, (name, _) in enumerate(drawn)),
        )
        rows: list[tuple[str | Cell, ...]] = [
            (str(one.epoch), *(_or_dash(getattr(one, field), words) for field in (train, test))) for one in epochs
        ]
        found.append(Figure(chart, table(title, ">epoch|>training images|>test images", rows)))
    return found


def _curve(
    x: charts.Scale,
    y: charts.Scale,
    points: Sequence[tuple[float, float]],
    number: int,
    name: str,
    words: charts.ChartLabels,
) -> list[Element]:
    pixels = [(x(at), y(value)) for at, value in points]
    marks = [
        charts.mark(px, py, f"dot{number}", f"{name}, {at:g}: {words(value)}", number)
        for (px, py), (at, value) in zip(pixels, points, strict=True)
    ]
    return [charts.line(pixels, f"line{number}"), *marks]


def _or_dash(value: float | None, words: charts.ChartLabels) -> str:
    return units.UNKNOWN if value is None else words(value)
