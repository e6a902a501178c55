"""Peaks: best of several, bounded in time, with the sizes they were measured at."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.records.environment import CpuEnvironment, Environment
from resnet_bench.records.machine import Machine
from resnet_bench.runtime import peaks
from resnet_bench.worker.handlers.peaks import device_peaks


class Clock:
    """Time that only work advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Work:
    """Calls whose durations are given; the last one repeats. Work is done when it is waited for."""

    def __init__(self, clock: Clock, *seconds: float) -> None:
        self.clock, self.seconds, self.calls, self.pending = clock, list(seconds), 0, 0.0

    def run(self) -> None:
        self.pending += self.seconds[min(self.calls, len(self.seconds) - 1)]
        self.calls += 1

    def wait(self) -> None:
        self.clock.now += self.pending
        self.pending = 0.0


def test_the_first_call_is_not_timed_and_the_best_repeat_counts() -> None:
    clock = Clock()
    work = Work(clock, 9.0, 2.0, 1.0, 3.0)
    found = peaks.best_time(work.run, work.wait, 16.0, clock)
    assert found == peaks.BestTime(call_s=1.0, repeats=3, calls=1)
    assert clock.now == pytest.approx(15.0)


def test_short_calls_are_timed_in_blocks_that_end_with_one_wait() -> None:
    clock = Clock()
    work = Work(clock, 0.01)
    found = peaks.best_time(work.run, work.wait, 1.0, clock)
    assert found.calls == 8
    assert found.call_s == pytest.approx(0.01)
    assert found.repeats >= 5


def test_without_budget_one_call_is_timed_all_the_same() -> None:
    clock = Clock()
    work = Work(clock, 7.0, 5.0)
    assert peaks.best_time(work.run, work.wait, 0.0, clock) == peaks.BestTime(call_s=5.0, repeats=1, calls=1)


@settings(deadline=None)
@given(st.floats(1e-5, 2.0), st.floats(0.1, 10.0))
def test_the_budget_is_overrun_by_no_more_than_the_calls_that_must_run(call_s: float, budget_s: float) -> None:
    clock = Clock()
    work = Work(clock, call_s)
    found = peaks.best_time(work.run, work.wait, budget_s, clock)
    assert found.repeats >= 1
    assert clock.now <= budget_s + 2 * max(call_s, 2 * peaks.SMALLEST_BLOCK_S) + 1e-6


def cubic(clock: Clock, smallest_s: float) -> Callable[[int], float]:
    """A matrix product whose time grows with the cube of its edge, and passes on the clock."""

    def call_s(edge: int) -> float:
        seconds = smallest_s * (edge / peaks.SMALLEST_EDGE) ** 3
        clock.now += 2 * seconds
        return seconds

    return call_s


@pytest.mark.parametrize(
    ("smallest_s", "size", "edge"),
    [(1e-6, 4096, 4096), (1e-3, 4096, 1024), (1.0, 4096, 256), (1e-9, 100, 100)],
)
def test_a_slow_device_gets_a_smaller_product(smallest_s: float, size: int, edge: int) -> None:
    clock = Clock()
    assert peaks.fitting_edge(size, cubic(clock, smallest_s), 2.0, clock) == edge
    planned_s = peaks.REPEATS_PLANNED * smallest_s * (edge / peaks.SMALLEST_EDGE) ** 3
    assert edge <= peaks.SMALLEST_EDGE or clock.now + planned_s <= 2.0


@pytest.mark.parametrize(
    ("kind", "cache", "memory", "expected"),
    [
        ("cpu", None, None, 256 * 2**20),
        ("cpu", 256 * 2**20, 64 * 2**30, 2**30),
        ("cpu", 32 * 2**20, 2**30, 128 * 2**20),
        ("gpu", None, None, 2 * 2**30),
    ],
)
def test_the_arrays_exceed_the_caches_and_leave_memory_alone(
    kind: str, cache: int | None, memory: int | None, expected: int
) -> None:
    assert peaks.triad_bytes(kind, cache, memory) == expected  # type: ignore[arg-type]


def test_real_products_and_updates_give_rates_that_follow_from_their_sizes() -> None:
    clock = Clock()

    def second() -> None:
        clock.now += 1.0

    product = peaks.matmul_flops_per_s("float32", 64, "/CPU:0", 2.0, clock=clock, wait=second)
    assert (product.size, product.unit) == (64, "flop/s")
    assert product.value == 2 * 64**3
    update = peaks.memory_bandwidth_bytes_per_s("/CPU:0", 2.0, working_set_bytes=8000, clock=clock, wait=second)
    assert (update.size, update.working_set_bytes) == (1000, 8000)
    assert update.value == 12 * 1000


def test_a_real_convolution_counts_every_multiply_accumulate_twice() -> None:
    clock = Clock()

    def second() -> None:
        clock.now += 1.0

    found = peaks.convolution_flops_per_s("float32", 1, "/CPU:0", 2.0, clock=clock, wait=second)
    assert (found.kind, found.size) == ("convolution", 1)
    assert found.value == 2 * 28 * 28 * 9 * 128 * 128


def test_the_detailed_roofs_have_every_size_and_precision_once() -> None:
    session = SimpleNamespace(
        runtime=SimpleNamespace(machine=Machine(device_kind="cpu", device="cpu", cpus=2), device="/CPU:0"),
        environment=Environment(
            python="", package_version="", device="cpu", cpu=CpuEnvironment(cpus=2, memory_bytes=8 * 2**20)
        ),
    )
    found = device_peaks(session, ("float32",), budget_s=0.06)  # type: ignore[arg-type]
    assert len({peak.size for peak in found.matmul}) == len(found.matmul) >= 1
    assert [(peak.kind, peak.dtype) for peak in found.convolution] == [("convolution", "float32")]
    assert found.bandwidth is not None
    assert found.bandwidth.working_set_bytes == 2**20


def test_all_peaks_of_a_device_are_measured_within_its_memory() -> None:
    found = peaks.measure("/CPU:0", "cpu", memory_bytes=8 * 2**20, budget_s=0.05, dtypes=("float32",))
    assert found.device == "/CPU:0"
    assert [(one.dtype, one.kind) for one in found.matmul] == [("float32", "matmul")]
    assert found.bandwidth is not None
    assert found.bandwidth.working_set_bytes == 2**20
    assert all(one.value > 0 and one.repeats >= 1 for one in (*found.matmul, found.bandwidth))
