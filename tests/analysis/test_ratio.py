"""Intervals and corrections, against SciPy's own and against what they promise."""

from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.analysis import ratio
from resnet_bench.records.base import Estimate

rates = st.lists(st.floats(10, 1000), min_size=2, max_size=8)


@given(rates, rates)
def test_unpaired_is_welchs_t_on_logarithms(base: list[float], new: list[float]) -> None:
    from scipy.stats import ttest_ind

    found = ratio.unpaired(base, new)
    if found.error < 1e-6:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ttest_ind([math.log(x) for x in new], [math.log(x) for x in base], equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    low, high = expected.confidence_interval(0.95)
    estimate = found.estimate()
    assert estimate.low == pytest.approx(math.exp(low), rel=1e-6)
    assert estimate.high == pytest.approx(math.exp(high), rel=1e-6)


def test_paired_is_the_t_interval_of_the_geometric_mean() -> None:
    from resnet_bench.analysis.summary import log_t_interval

    values = [0.97, 1.01, 0.99, 1.02]
    estimate = ratio.paired(values).estimate()
    assert (estimate.low, estimate.high) == pytest.approx(log_t_interval(values))


def test_holm_corrects_as_published() -> None:
    # 0.01 <= 0.05/4, 0.015 <= 0.05/3, 0.04 > 0.05/2: two are rejected, the rest keep the level that failed.
    assert ratio.holm([0.04, 0.01, 0.9, 0.015]) == pytest.approx([0.975, 0.9875, 0.975, 1 - 0.05 / 3])


def test_holm_leaves_one_comparison_alone_and_skips_those_without_an_interval() -> None:
    assert ratio.holm([0.2]) == [0.95]
    assert ratio.holm([None, 0.01]) == [pytest.approx(0.95), 0.95]


@given(st.lists(st.tuples(st.floats(-0.5, 0.5), st.floats(0.001, 0.2)), min_size=1, max_size=6))
def test_an_interval_leaves_one_out_exactly_where_holm_rejects(parts: list[tuple[float, float]]) -> None:
    found = [ratio.LogRatio(centre, error, 5) for centre, error in parts]
    p_values = [each.p_value or 0.0 for each in found]
    order = sorted(range(len(found)), key=lambda i: p_values[i])
    rejected, alive = set(), True
    for k, index in enumerate(order):
        alive = alive and p_values[index] <= 0.05 / (len(found) - k)
        if alive:
            rejected.add(index)
    levels = ratio.holm(p_values)
    for index, (each, level) in enumerate(zip(found, levels, strict=True)):
        near = any(abs(p_values[index] - 0.05 / n) < 1e-9 for n in range(1, 7))
        assert near or (ratio.finding(each.estimate(level)) != "no difference") == (index in rejected)


@pytest.mark.parametrize(
    ("low", "high", "threshold", "slower"),
    [(0.90, 0.96, 0.03, True), (0.90, 0.98, 0.03, False), (0.95, 0.99, 0.0, True), (0.5, 0.6, 0.4, False)],
)
def test_slower_than_needs_the_whole_interval(low: float, high: float, threshold: float, slower: bool) -> None:
    assert ratio.slower_than(Estimate(value=math.sqrt(low * high), low=low, high=high), threshold) is slower


def test_no_interval_is_never_slower() -> None:
    assert not ratio.slower_than(Estimate(value=0.1), 0.0)
    assert ratio.resolution(Estimate(value=0.1)) is None
