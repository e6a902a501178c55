"""Summaries: rates are total work over total time, intervals hold what they promise, percentiles need samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.analysis import summary as stats
from resnet_bench.records.run import ColdStart, Memory, ProcessSamples, Round, Samples


def rounds(*wall_s: float, steps: int = 1, images: int = 16) -> tuple[Round, ...]:
    return tuple(Round(steps=steps, images=images * steps, wall_s=wall, dispatch_s=wall / 2) for wall in wall_s)


def samples(*processes: tuple[Round, ...]) -> Samples:
    return Samples(processes=tuple(ProcessSamples(process=i, rounds=r) for i, r in enumerate(processes)))


def test_throughput_is_total_work_over_total_time_not_a_mean_of_rates() -> None:
    summary = stats.summarize(samples(rounds(1.0, 3.0)))
    assert summary is not None
    assert summary.images_per_s.value == 8.0  # the mean of 16 and 5.33 would be 10.67
    assert summary.step_s.value == 2.0
    assert (summary.timed_images, summary.timed_steps, summary.timed_s) == (32, 2, 4.0)


def test_one_process_supports_no_interval() -> None:
    summary = stats.summarize(samples(rounds(1.0, 1.1, 0.9)))
    assert summary is not None
    assert (summary.images_per_s.low, summary.images_per_s.high) == (None, None)


def test_several_processes_support_one() -> None:
    summary = stats.summarize(samples(rounds(1.0), rounds(1.1), rounds(0.9)))
    assert summary is not None
    low, high = summary.images_per_s.low, summary.images_per_s.high
    assert low is not None
    assert high is not None
    assert low < summary.images_per_s.value < high
    assert summary.step_s.low == pytest.approx(16 / high)
    assert summary.step_s.high == pytest.approx(16 / low)


def test_no_round_gives_no_summary_rather_than_zero() -> None:
    assert stats.summarize(Samples()) is None
    assert stats.summarize(samples(())) is None


def test_a_process_without_rounds_does_not_count() -> None:
    summary = stats.summarize(samples(rounds(1.0), ()))
    assert summary is not None
    assert summary.process_images_per_s == (16.0,)


def test_the_t_interval_covers_what_it_promises_with_three_processes() -> None:
    generator = np.random.default_rng(20260131)
    hits = 0
    for _ in range(2000):
        low_high = stats.log_t_interval(np.exp(generator.normal(math.log(100), 0.05, 3)).tolist())
        assert low_high is not None
        hits += low_high[0] <= 100 <= low_high[1]
    assert 0.94 <= hits / 2000 <= 0.96


@pytest.mark.parametrize(("percentile", "needed"), [(90, 29), (95, 59), (99, 299)])
def test_percentiles_need_as_many_samples_as_stated(percentile: float, needed: int) -> None:
    assert stats.samples_needed(percentile) == needed
    assert stats.percentile([1.0] * (needed - 1), percentile) is None
    assert stats.percentile([1.0] * needed, percentile) is not None


def test_latency_uses_single_steps_alone() -> None:
    summary = stats.summarize(samples(rounds(*[10.0] * 40, steps=5)))
    assert summary is not None
    assert summary.step_latency_s is None
    process = ProcessSamples(process=0, rounds=rounds(5.0, steps=5), latency=rounds(*[0.9] * 29))
    mixed = stats.summarize(Samples(processes=(process,)))
    assert mixed is not None
    assert mixed.step_latency_s is not None
    assert mixed.step_latency_s.samples == 29
    assert mixed.step_latency_s.p90 is not None
    assert mixed.step_latency_s.p95 is None


@given(st.lists(st.floats(1e-6, 1e3), min_size=5, max_size=400), st.sampled_from(stats.PERCENTILES))
def test_a_percentile_lies_in_its_interval_and_in_the_data(values: list[float], percentile: float) -> None:
    ordered = sorted(values)
    estimate = stats.percentile(ordered, percentile)
    if estimate is None:
        assert len(values) < stats.samples_needed(percentile)
        return
    assert estimate.value in values
    assert estimate.low is None or estimate.low <= estimate.value
    assert estimate.high is None or estimate.value <= estimate.high


def test_the_percentile_interval_covers_what_it_promises() -> None:
    generator = np.random.default_rng(20260201)
    hits = 0
    for _ in range(1000):
        estimate = stats.percentile(sorted(generator.exponential(1.0, 200).tolist()), 90)
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low <= math.log(10) <= estimate.high
    assert hits / 1000 >= 0.94


def test_unknown_stays_unknown() -> None:
    summary = stats.summarize(samples(rounds(1.0)))
    assert summary is not None
    assert summary.peak_host_bytes is None
    assert summary.cold_start_total_s is None
    assert summary.cold_start_s == ColdStart()


def test_peaks_are_the_largest_of_all_phases_and_processes() -> None:
    one = ProcessSamples(process=0, rounds=rounds(1.0), memory=Memory(host_peak_bytes={"build": 5, "timed": 9}))
    two = ProcessSamples(process=1, rounds=rounds(1.0), memory=Memory(host_peak_bytes={"build": 7}))
    summary = stats.summarize(Samples(processes=(one, two)))
    assert summary is not None
    assert summary.peak_host_bytes == 9
