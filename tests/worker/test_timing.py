"""The timed block, with a fake clock and a fake step: exact numbers, no TensorFlow."""

from __future__ import annotations

import gc

import pytest

from resnet_bench.errors import BenchError
from resnet_bench.records.run import Interference
from resnet_bench.worker.timing import Bench, split_in_turns


class FakeDevice:
    """A device where handing over takes 1 s a call, and the work is done 2 s a call after that."""

    images_per_call = 8
    steps_per_call = 2
    own_thread = False

    def __init__(self) -> None:
        self.now = 0.0
        self.events: list[str] = []
        self.pending = self.steps_run = self.lost = 0
        self.collecting: list[bool] = []

    def clock(self) -> float:
        self.events.append("clock")
        return self.now

    def dispatch(self, calls: int) -> None:
        self.events.append("dispatch")
        self.collecting.append(gc.isenabled())
        self.now += calls
        self.pending += calls
        self.steps_run += calls * self.steps_per_call - self.lost

    def wait(self) -> None:
        self.events.append("wait")
        self.now += 2 * self.pending
        self.pending = 0

    def begin(self) -> None:
        self.events.append("begin")

    def end(self) -> Interference:
        self.events.append("end")
        return Interference(steal_s=0.5)


def test_a_round_counts_what_ran_and_tells_dispatch_from_completion() -> None:
    device = FakeDevice()
    one = Bench(device, device, device.clock).round(6)
    assert (one.steps, one.images) == (6, 24)
    assert (one.dispatch_s, one.wall_s) == (3.0, 9.0)
    assert one.interference.steal_s == 0.5


def test_dispatch_time_is_unknown_where_another_thread_dispatches() -> None:
    device = FakeDevice()
    device.own_thread = True
    assert Bench(device, device, device.clock).round(2).dispatch_s is None


def test_nothing_but_dispatch_and_wait_happens_inside_the_window() -> None:
    device = FakeDevice()
    Bench(device, device, device.clock).round(2)
    assert device.events == ["begin", "clock", "dispatch", "clock", "wait", "clock", "end"]


def test_the_garbage_collector_rests_inside_the_window_and_works_after_it() -> None:
    device = FakeDevice()
    Bench(device, device, device.clock).round(2)
    assert device.collecting == [False]
    assert gc.isenabled()


@pytest.mark.parametrize("steps", [1, 3, 0])
def test_a_round_is_a_whole_number_of_calls(steps: int) -> None:
    device = FakeDevice()
    with pytest.raises(AssertionError):
        Bench(device, device, device.clock).round(steps)


def test_a_series_ends_early_but_never_empty_when_time_is_up() -> None:
    device = FakeDevice()
    bench = Bench(device, device, device.clock)
    assert len(list(bench.rounds(10, 2, until=9.4))) == 3
    assert len(list(bench.rounds(10, 2, until=device.now + 9.2))) == 2  # a third might take 3.3
    assert len(list(bench.rounds(10, 2, until=-1.0))) == 1
    assert len(list(bench.rounds(4, 2))) == 4


def test_the_split_takes_differences_of_medians_and_reports_the_residual() -> None:
    now = 0.0
    order: list[str] = []
    cost = {"forward": 1.0, "forward_backward": 3.0, "apply": 0.5, "whole": 3.25}

    def function(name: str) -> None:
        nonlocal now
        order.append(name)
        now += cost[name]

    functions = {name: (lambda name=name: function(name)) for name in cost}
    split = split_in_turns(functions, lambda: None, 3, lambda: now)  # type: ignore[arg-type]
    assert (split.forward_s, split.backward_s, split.optimizer_s) == (1.0, 2.0, 0.5)
    assert (split.whole_s, split.residual_s, split.rounds) == (3.25, -0.25, 3)
    names = list(cost)
    assert order == names + names + names[::-1] + names


@pytest.mark.parametrize(("until", "turns"), [(33.0, 3), (32.0, 2), (0.0, 2), (1000.0, 5)])
def test_the_split_ends_in_time_with_two_turns_at_least(until: float, turns: int) -> None:
    now = 0.0

    def part() -> None:
        nonlocal now
        now += 2.0

    functions = dict.fromkeys(("forward", "forward_backward", "apply", "whole"), part)  # 8 s a turn, 8 s before
    assert split_in_turns(functions, lambda: None, 5, lambda: now, until).rounds == turns


def test_a_round_in_which_fewer_steps_ran_has_no_result() -> None:
    device = FakeDevice()
    device.lost = 1
    with pytest.raises(BenchError, match="5 of 6 steps ran in a timed round"):
        Bench(device, device, device.clock).round(6)
