"""A metric over time as a picture (SVG, PNG or PDF): points with intervals, levels and where they change.

matplotlib (the extra `plots`) draws; nothing here decides what is a change.
"""

from __future__ import annotations

import datetime
import io
import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resnet_bench.records.columns import Metric

FORMATS = ("svg", "png", "pdf")
_COLOURS = {"valid": "#1b7837", "provisional": "#d98c00", "invalid": "#c0392b"}
_LEVEL, _CHANGE, _GRID = "#4a5568", "#6b46c1", "#e2e8f0"


@dataclass(frozen=True)
class Point:
    """One record: when, how much in the metric's unit, its 95 % interval, and whether to believe it."""

    when: datetime.datetime
    value: float
    low: float | None
    high: float | None
    verdict: str


def draw(
    points: Sequence[Point], changes: Sequence[int], metric: Metric, title: str, subtitle: str, kind: str
) -> bytes:
    """The picture as bytes of a file of that kind (`FORMATS`).

    `points` are in order of time; `changes` are the indices at which a new level begins.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "resnet-bench", "font.size": 10}):
        figure = Figure(figsize=(9, 4.5), layout="constrained", dpi=150)
        axes = figure.add_subplot()
        _points(axes, points)
        _levels(axes, points, changes)
        _dress(axes, points, metric)
        axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=22)
        axes.text(0, 1.025, subtitle, transform=axes.transAxes, fontsize=9, color=_LEVEL)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, metadata=None if kind == "png" else {_DATE[kind]: None})
    return buffer.getvalue()


_DATE = {"svg": "Date", "pdf": "CreationDate"}


def _points(axes: Any, points: Sequence[Point]) -> None:
    for verdict, colour in _COLOURS.items():
        chosen = [point for point in points if point.verdict == verdict]
        if not chosen:
            continue
        times, values = [point.when for point in chosen], [point.value for point in chosen]
        below = [point.value - point.low if point.low is not None else 0.0 for point in chosen]
        above = [point.high - point.value if point.high is not None else 0.0 for point in chosen]
        axes.errorbar(
            times, values, yerr=(below, above), fmt="o", ms=5, lw=1, capsize=2, color=colour, label=verdict, zorder=3
        )


def _levels(axes: Any, points: Sequence[Point], changes: Sequence[int]) -> None:
    """A line at each level's median; a dashed line and a percentage where one level gives way to the next."""
    edges = [0, *changes, len(points)]
    before: float | None = None
    for start, end in itertools.pairwise(edges):
        part = points[start:end]
        level = statistics.median(point.value for point in part)
        axes.hlines(level, part[0].when, part[-1].when, color=_LEVEL, lw=1.5, alpha=0.7, zorder=2)
        if before is not None:
            axes.axvline(part[0].when, color=_CHANGE, lw=1, ls="--", zorder=1)
            axes.annotate(
                f" {level / before - 1:+.1%}".replace("%", " %"),
                (part[0].when, 0.98),
                xycoords=("data", "axes fraction"),
                va="top",
                color=_CHANGE,
                fontweight="bold",
            )
        before = level


def _dress(axes: Any, points: Sequence[Point], metric: Metric) -> None:
    from matplotlib import dates

    made: Any = dates  # It has no types of its own.
    locator = made.AutoDateLocator(minticks=3, maxticks=8, tz=datetime.UTC)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(made.ConciseDateFormatter(locator, tz=datetime.UTC))
    axes.set_ylabel(f"{metric.words} [{metric.unit}]")
    axes.set_xlabel("UTC", loc="left")
    axes.grid(axis="y", color=_GRID)
    axes.margins(x=0.04, y=0.18)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len({point.verdict for point in points}) > 1 or points[0].verdict != "valid":
        axes.legend(loc="lower left", frameon=False, ncols=3)
