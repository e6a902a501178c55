"""Planning: what fits a budget."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.config import DataConfig
from resnet_bench.data.buffering import DEVICE_BUFFER, INJECTED_BUFFER, buffered
from resnet_bench.experiments import budget

seconds = st.floats(1e-5, 1e4)


@given(seconds, st.integers(1, 64))
def test_steps_per_round_is_a_whole_number_of_calls(step_s: float, per_call: int) -> None:
    steps = budget.steps_per_round(step_s, per_call)
    assert steps >= per_call
    assert steps % per_call == 0


def test_a_round_lasts_about_half_a_second() -> None:
    assert budget.steps_per_round(0.010, 1) == 50
    assert budget.steps_per_round(3.3, 1) == 1
    assert budget.steps_per_round(0.1, 4) == 4


@given(st.integers(1, 1000), seconds, st.floats(0, 1e5), st.floats(0, 1e5))
def test_planned_rounds_never_exceed_what_was_asked_or_what_is_left(
    rounds: int, round_s: float, share_s: float, left_s: float
) -> None:
    planned = budget.rounds_that_fit(rounds, round_s, min(share_s, left_s), left_s)
    assert 0 <= planned <= rounds
    assert planned * round_s <= left_s


def test_a_process_whose_share_is_too_small_takes_from_the_others() -> None:
    assert budget.rounds_that_fit(20, 10.0, share_s=15.0, left_s=100.0) == budget.MIN_TIMED_ROUNDS


def test_nothing_fits_where_no_round_fits() -> None:
    assert budget.rounds_that_fit(20, 10.0, share_s=5.0, left_s=5.0) == 0


def test_a_process_gets_what_the_cold_starts_of_those_that_fit_leave() -> None:
    assert budget.share_of_time(left_s=100.0, cold_s=10.0, round_s=1.0, further=2) == pytest.approx((100 - 22) / 3)
    assert budget.share_of_time(left_s=100.0, cold_s=40.0, round_s=1.0, further=2) == pytest.approx((100 - 88) / 3)
    assert budget.share_of_time(left_s=100.0, cold_s=60.0, round_s=1.0, further=2) == pytest.approx((100 - 66) / 2)
    assert budget.share_of_time(left_s=100.0, cold_s=95.0, round_s=1.0, further=2) == 100.0
    assert budget.share_of_time(left_s=100.0, cold_s=95.0, round_s=1.0, further=0) == 100.0


def test_processes_are_cut_to_what_fits() -> None:
    assert budget.processes_that_fit(3, done=1, process_s=10.0, left_s=30.0) == 3
    assert budget.processes_that_fit(3, done=1, process_s=10.0, left_s=15.0) == 2
    assert budget.processes_that_fit(3, done=1, process_s=10.0, left_s=5.0) == 1


def test_warmup_stops_where_it_would_leave_no_time_for_rounds() -> None:
    assert budget.another_warmup_fits(1.0, 1, left_s=10.0)
    assert not budget.another_warmup_fits(1.0, 1, left_s=4.0)


@given(st.integers(2, 50), seconds, st.floats(0, 1e5))
def test_the_split_always_has_a_middle(wanted: int, step_s: float, left_s: float) -> None:
    assert 2 <= budget.split_rounds(wanted, step_s, left_s) <= wanted


@pytest.mark.parametrize(
    ("values", "batch", "expected"),
    [
        ({"source": "synthetic"}, 8, 0),
        ({}, 8, 2),
        ({"prefetch_buffer_size": 0}, 8, 0),
        ({"map_and_batch_fusion": True, "num_parallel_calls": 2}, 64, 2 + 2),
        ({"map_and_batch_fusion": True, "num_parallel_calls": 16}, 8, 2 + 3),
        ({"inject_prefetch": True}, 8, 2 + INJECTED_BUFFER),
        ({"vectorized_augment": True, "num_parallel_calls": 3}, 8, 2 + 3),
    ],
)
def test_what_a_pipeline_buffers_while_it_waits(values: dict[str, Any], batch: int, expected: int) -> None:
    plain: dict[str, Any] = {"source": "photos", "num_parallel_calls": 1, "map_and_batch_fusion": False}
    data = DataConfig(**{**plain, "prefetch_buffer_size": 2, **values})
    assert buffered(data, batch) == expected
    on_device = 0 if data.source == "synthetic" else DEVICE_BUFFER
    assert buffered(data, batch, on_gpu=True) == expected + on_device


@pytest.mark.parametrize(("turn_s", "expected"), [(0.1, 90), (0.25, 40), (0.5, 20), (4.0, 20), (0.0, 90)])
def test_turns_come_to_about_ten_seconds(turn_s: float, expected: int) -> None:
    assert budget.rounds_per_pair(turn_s) == expected


def test_steps_fill_the_turn_that_is_asked_for() -> None:
    assert [budget.steps_per_round(0.01, 1, turn_s) for turn_s in (0.1, 0.5)] == [10, 50]


@pytest.mark.parametrize(
    ("left_s", "kept_s"),
    [
        (200.0, 30.0),  # (200 - 30 - 2 x 11) / 3 = 49 s for ten rounds of 2 s, which take 22
        (118.0, 30.0),
        (117.0, 20.0),
        (107.0, 0.0),  # less than ten rounds would be left beside any check
        (0.0, 0.0),
    ],
)
def test_checks_get_their_time_where_enough_rounds_fit_beside_them(left_s: float, kept_s: float) -> None:
    wishes = (20.0, 30.0)
    assert budget.kept_for_checks(wishes, 10, 2.0, left_s, cold_s=10.0, further=2) == kept_s


def test_nothing_is_kept_where_nothing_is_wished_for() -> None:
    assert budget.kept_for_checks((), 10, 2.0, 1000.0, cold_s=10.0, further=2) == 0.0
