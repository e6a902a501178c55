"""A turn measures the pipeline, not what it buffered: with a producer of known rate, at every turn length.

Here time is real, because that is what is proved. The producer sleeps, and the rate that counts as true is the
one of a long block of the same worker.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resnet_bench.config.options import parse_args
from resnet_bench.experiments import budget
from resnet_bench.experiments.paired import side as turns
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import WorkerProcess

ROOT = Path(__file__).parents[2]
DEPTH, PERIOD_S, IDLE_S = 4, 0.02, 0.15


@contextmanager
def live_side(ticks: int) -> Iterator[turns.LiveSide]:
    environment = {"PYTHONPATH": str(ROOT), "PERIOD_S": str(PERIOD_S), "TICKS": str(ticks), "DEPTH": str(DEPTH)}
    config, _ = parse_args(["--mode", "input", "--prefetch-buffer-size", str(DEPTH)])
    side = turns.Side("producer", config, lambda: WorkerProcess("tests.support.producer_worker", environment))
    with side.new_worker() as worker:
        one = turns.LiveSide("a", side, worker, turns.Budget(), time.monotonic() + 120, lambda _side, _phase: None)
        one.get_ready()
        yield one


def true_rate(one: turns.LiveSide) -> float:
    """Batches per second of a block that nothing precedes or interrupts but itself; stops afterwards."""
    one.time_round(25)
    last = one.timed.pop()
    return last.images / last.wall_s


def deviation(one: turns.LiveSide, steps: int) -> float:
    """How far turns of that many batches, each after idling, are from the true rate, as a fraction of it."""
    true = true_rate(one)
    one.timed.clear()
    for _ in range(5):
        time.sleep(IDLE_S)
        one.time_round(steps)
    return abs(statistics.median(each.images / each.wall_s for each in one.timed) / true - 1)


@pytest.mark.parametrize("ticks", [10, 1], ids=["processor-bound", "read-while-stopped"])
def test_a_round_of_any_length_reads_the_true_rate_after_idling(ticks: int) -> None:
    """A busy machine delays wake-ups by chance, so a length may try again; reading a buffer is no chance."""
    with live_side(ticks) as one:
        for steps in (1, 3, 10):
            assert any(deviation(one, steps) <= 0.05 for _attempt in range(4)), steps


def test_without_stopping_and_untimed_calls_it_would_read_the_buffer() -> None:
    rounds = []
    with live_side(ticks=10) as one:
        true = true_rate(one)
        for _ in range(3):
            one._ask(p.Measure(rounds=1, steps=3), p.Timed)
            rounds.append(one._rounds[-1])
            time.sleep(IDLE_S)
    assert statistics.median(each.images / each.wall_s for each in rounds) > 2 * true


def test_the_pilot_is_not_read_from_the_buffer() -> None:
    with live_side(ticks=10) as one:
        assert one.step_s > PERIOD_S / 2


@pytest.mark.parametrize(
    ("call_s", "calls", "buffered", "expected"),
    [
        (3.0, 2, 3, 0),  # 6 s: the moments around the block are nothing
        (0.1, 5, 3, 1),
        (0.015, 30, 3, 2),
        (0.001, 500, 3, 4),  # never more than can lie ready, and one that had to be waited for
        (0.11, 5, 0, 0),  # nothing is buffered
        (0.07, 1, 0, 1),  # but the caches held another process' data
    ],
)
def test_untimed_calls_before_a_round(call_s: float, calls: int, buffered: int, expected: int) -> None:
    assert budget.pre_turn_calls(call_s, calls, buffered) == expected
