"""Scales keep order and bounds, ticks are round and inside, and shapes stay in the drawing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.report.figures import charts

VALUES = st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=30)


@settings(deadline=None)
@given(VALUES, st.booleans(), st.booleans())
def test_every_value_lies_on_the_scale_and_in_order(values: list[float], zero: bool, log: bool) -> None:
    scale = charts.around(values, 10, 700, zero=zero, log=log)
    pixels = [scale(value) for value in sorted(values)]
    assert all(10 <= pixel <= 700 for pixel in pixels)
    assert pixels == sorted(pixels)


@settings(deadline=None)
@given(VALUES, st.booleans())
def test_ticks_are_few_and_inside(values: list[float], log: bool) -> None:
    scale = charts.around(values, 0, 100, log=log)
    ticks = scale.ticks()
    slack = 1e-6 * max(abs(scale.low), abs(scale.high))
    assert 1 <= len(ticks) <= 8
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"), [(0, 10, [0, 2, 4, 6, 8, 10]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (95, 106, [96, 98])]
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert charts.Scale(low, high, 0, 1).ticks()[: len(ticks)] == pytest.approx(ticks)


def test_logarithmic_ticks_are_ones_twos_and_fives() -> None:
    assert charts.Scale(0.9, 30, 0, 1, log=True).ticks() == pytest.approx([1, 2, 5, 10, 20])


def test_a_single_value_still_has_a_scale() -> None:
    assert charts.around([5.0], 0, 100)(5.0) == pytest.approx(50)


def test_marks_differ_in_shape() -> None:
    assert len({charts.mark(0, 0, "dot0", shape=shape).attributes["d"] for shape in range(charts.SHAPES)}) == 4


def test_long_names_lose_their_middle() -> None:
    assert charts.shown("a" * 100) == "a" * 21 + "…" + "a" * 21
