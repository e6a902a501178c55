"""The knee of throughput over latency: where more of one stops being worth the other."""

from __future__ import annotations

import pytest

from resnet_bench.analysis.batch_curve import curves, knee
from resnet_bench.records.run import Verdict
from tests.support import report_records as made


def saturating(batches: list[int], overhead_s: float, image_s: float) -> tuple[list[float], list[float]]:
    latency = [overhead_s + batch * image_s for batch in batches]
    return latency, [batch / seconds for batch, seconds in zip(batches, latency, strict=True)]


def test_a_fixed_cost_per_batch_has_its_knee_where_it_stops_to_matter() -> None:
    latency, rate = saturating([1, 2, 4, 8, 16, 32, 64], overhead_s=0.008, image_s=0.001)
    assert knee(latency, rate) == 4  # batch 16: twice the overhead


def test_what_lies_beyond_the_best_throughput_takes_no_part() -> None:
    latency, rate = saturating([1, 2, 4, 8, 16, 32, 64], overhead_s=0.008, image_s=0.001)
    assert knee([*latency, 1.0], [*rate, rate[-1] / 2]) == 4


@pytest.mark.parametrize(
    ("latency", "rate"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 40]),  # a straight line
        ([1, 2], [10, 11]),  # too few
        ([1, 2, 3], [30, 20, 10]),  # only worse
        ([1, 3, 2, 4], [10, 25, 26, 30]),  # a larger batch that takes less time
        ([1, 2, 3, 4], [10, 30, 15, 40]),  # noise
    ],
)
def test_no_knee_is_named_where_there_is_none(latency: list[float], rate: list[float]) -> None:
    assert knee(latency, rate) is None


def test_records_that_differ_in_batch_size_alone_make_a_curve() -> None:
    (curve,) = curves([*made.sweep(), made.make(99, batch_size=16), made.failed()])
    assert [load.batch_size for load in curve.loads] == [1, 2, 4, 8, 16, 32, 64]
    assert curve.latency == "median of single steps"
    assert curve.knee is not None
    assert curve.loads[curve.knee].batch_size == 8


def test_the_newest_of_one_batch_size_counts_and_an_invalid_one_does_not() -> None:
    from msgspec.structs import replace

    old = made.sweep()
    newer = replace(old[2], id="newer", created_at="2027-01-01T00:00:00+00:00")
    invalid = replace(old[3], verdict=Verdict(kind="invalid"), created_at="2027-01-02T00:00:00+00:00")
    (curve,) = curves([newer, *old, invalid])
    assert curve.loads[2].record.id == "newer"
    assert curve.loads[3].record is old[3]


def test_two_batch_sizes_are_no_curve() -> None:
    assert curves(made.sweep()[:2]) == ()
