"""The timed block: n steps, then wait for the device. Imports no TensorFlow; clock and wait are passed in.

Neighbours: it drives a step of a backend and gives `records.run.Round`s; `experiments/budget.py` decides how many.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from resnet_bench.errors import BenchError
from resnet_bench.records.run import Interference, Round, Split

Clock = Callable[[], float]
LONGER = 1.1
"""A round may take this many times as long as the longest before it."""


class Stepper(Protocol):
    """What can be timed: a compiled step bound to its input."""

    @property
    def images_per_call(self) -> int:
        """Images that one call consumes."""

    @property
    def steps_per_call(self) -> int:
        """Steps that one call runs."""

    @property
    def own_thread(self) -> bool:
        """Whether the calls are made in another thread, so that `dispatch` returns before they were."""

    @property
    def steps_run(self) -> int:
        """Steps that have run so far, as the loop itself counts them. Read outside the timed window."""

    def dispatch(self, calls: int) -> None:
        """Hand over that many calls, without waiting for the device."""

    def wait(self) -> None:
        """Return once the device is done."""


class InterferenceProbe(Protocol):
    """Watches the machine around a block; both calls lie outside the timed window."""

    def begin(self) -> None:
        """Remember the counters."""

    def end(self) -> Interference:
        """What changed since `begin`."""


@dataclass(frozen=True)
class Bench:
    """A step with the clock and the probe that watch it."""

    step: Stepper
    probe: InterferenceProbe
    clock: Clock = time.perf_counter

    def round(self, steps: int, pre_turn_calls: int = 0) -> Round:
        """Time `steps` steps (a multiple of `steps_per_call`), then one wait. Blocks on the device.

        `pre_turn_calls` calls run right before, untimed and waited for: they take what a pipeline has buffered
        while nothing was taken from it, so that the block begins as it would amid others. Raises `BenchError` if
        another number of steps ran: the time would belong to other work than was requested.
        """
        step, clock = self.step, self.clock
        calls, rest = divmod(steps, step.steps_per_call)
        assert calls > 0, "a round holds at least one call"
        assert rest == 0, "a round is a whole number of calls"
        if pre_turn_calls:
            step.dispatch(pre_turn_calls)
            step.wait()
        before = step.steps_run
        self.probe.begin()
        with _no_collection():
            start = clock()
            step.dispatch(calls)
            dispatched = clock()
            step.wait()
            done = clock()
        interference = self.probe.end()
        _check_steps(step.steps_run - before, steps)
        return Round(
            steps=steps,
            images=calls * step.images_per_call,
            wall_s=done - start,
            dispatch_s=None if step.own_thread else dispatched - start,
            interference=interference,
        )

    def rounds(self, count: int, steps: int, until: float | None = None, pre_turn_calls: int = 0) -> Iterator[Round]:
        """`count` rounds back to back; ends early, after at least one, where another might pass `until`:
        one that takes a little longer than the longest so far."""
        longest_s = 0.0
        for _ in range(count):
            begun = self.clock()
            yield self.round(steps, pre_turn_calls)
            if until is not None:
                now = self.clock()
                longest_s = max(longest_s, now - begun)
                if now + LONGER * longest_s > until:
                    return


def _check_steps(ran: int, asked: int) -> None:
    if ran != asked:
        raise BenchError(
            f"{ran} of {asked} steps ran in a timed round, so its throughput is not that of the requested work.",
            "Check what limits the steps: the input's length, keras.json, or KERAS_MAX_STEPS_PER_EPOCH.",
        )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's cycle collector out of the timed block."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def split_in_turns(
    functions: dict[str, Callable[[], None]],
    wait: Callable[[], None],
    rounds: int,
    clock: Clock = time.perf_counter,
    until: float | None = None,
) -> Split:
    """Split a training step by timing its compiled parts interleaved, `rounds` times each, or fewer but two at
    least where another turn might pass `until`. Blocks.

    `functions` has `forward`, `forward_backward`, `apply` and `whole`. The order is reversed every other
    turn, so that drift of the machine affects all equally. Medians are reported; `residual_s` is what the
    whole step takes beyond forward_backward + apply.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    wait()
    longest_s = 0.0
    for turn in range(rounds):
        begun = clock()
        names = list(functions)
        for name in names if turn % 2 == 0 else reversed(names):
            start = clock()
            functions[name]()
            wait()
            seconds[name].append(clock() - start)
        longest_s = max(longest_s, clock() - begun)
        if turn > 0 and until is not None and clock() + LONGER * longest_s > until:
            break
    median = {name: statistics.median(values) for name, values in seconds.items()}
    return Split(
        forward_s=median["forward"],
        backward_s=median["forward_backward"] - median["forward"],
        optimizer_s=median["apply"],
        whole_s=median["whole"],
        residual_s=median["whole"] - median["forward_backward"] - median["apply"],
        rounds=len(seconds["whole"]),
    )
