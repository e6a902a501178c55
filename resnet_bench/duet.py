"""Two live workers that take turns: where every ratio we claim comes from.

Both sides are prepared and warmed up; then they run alternate rounds in ABBA order, the idle side's whole
process group stopped (SIGSTOP by itself, right after its block), so that its pipeline neither runs ahead
nor takes cores. The state a pipeline is stopped in is the state it continues from. The ratio is taken per
pair of rounds, its median per pair of processes, and the interval over pairs of processes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from resnet_bench import plan
from resnet_bench.config import Config
from resnet_bench.results import Data, Estimate, Round
from resnet_bench.stats import log_t_interval
from resnet_bench.worker import protocol as p
from resnet_bench.worker.handle import Worker

SideName = Literal["a", "b"]


@dataclass(frozen=True)
class Side:
    """One of the two: a configuration, and how its worker is started."""

    label: str
    config: Config
    new_worker: Callable[[], Worker] = Worker


@dataclass(frozen=True)
class Budget:
    """Turns per pair of processes, and steps per turn ("auto": about half a second of the slower side)."""

    turns: int = 20
    steps: int | Literal["auto"] = "auto"
    warmup: int = 3
    pairs: int = 1
    max_time_s: float = 600.0
    silence_s: float = 300.0


class Turns(Data, frozen=True, kw_only=True):
    """What one pair of processes timed: `a[i]` and `b[i]` were neighbours in time."""

    a: tuple[Round, ...]
    b: tuple[Round, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times faster `b` was than `a`, turn by turn (images per second)."""
        return tuple(_rate(two) / _rate(one) for one, two in zip(self.a, self.b, strict=True))


class Duet(Data, frozen=True, kw_only=True):
    """The outcome: `ratio` is b's throughput over a's; its interval needs two pairs of processes."""

    label_a: str
    label_b: str
    ratio: Estimate
    images_per_s_a: float
    images_per_s_b: float
    pairs: tuple[Turns, ...]


def play(a: Side, b: Side, budget: Budget) -> Duet:
    """Run both sides in turns. Raises `WorkerFailure` where either does not answer; blocks throughout."""
    deadline = time.monotonic() + budget.max_time_s
    pairs = tuple(_pair(a, b, budget, deadline) for _ in range(budget.pairs))
    medians = [statistics.median(turns.ratios) for turns in pairs]
    low, high = log_t_interval(medians) or (None, None)
    return Duet(
        label_a=a.label,
        label_b=b.label,
        ratio=Estimate(value=statistics.geometric_mean(medians), low=low, high=high),
        images_per_s_a=_total_rate([one for turns in pairs for one in turns.a]),
        images_per_s_b=_total_rate([one for turns in pairs for one in turns.b]),
        pairs=pairs,
    )


def _rate(one: Round) -> float:
    return one.images / one.wall_s


def _total_rate(rounds: list[Round]) -> float:
    return sum(one.images for one in rounds) / sum(one.wall_s for one in rounds)


def _pair(a: Side, b: Side, budget: Budget, deadline: float) -> Turns:
    with a.new_worker() as worker_a, b.new_worker() as worker_b:
        players = {
            "a": _Player(worker_a, a.config, budget, deadline),
            "b": _Player(worker_b, b.config, budget, deadline),
        }
        step_s = max(player.get_ready() for player in players.values())
        steps = plan.steps_per_round(step_s, 1) if budget.steps == "auto" else budget.steps
        for turn in range(budget.turns):
            for name in ("a", "b") if turn % 2 == 0 else ("b", "a"):
                players[name].take_turn(steps)
        return Turns(a=tuple(players["a"].timed), b=tuple(players["b"].timed))


class _Player:
    """One live worker, stopped whenever it is not its turn."""

    def __init__(self, worker: Worker, config: Config, budget: Budget, deadline: float) -> None:
        self._worker, self._config, self._budget, self._deadline = worker, config, budget, deadline
        self._rounds: list[Round] = []
        self.timed: list[Round] = []

    def get_ready(self) -> float:
        """Prepare and warm up; returns the last warm-up step's time in seconds."""
        self._ask(p.Prepare(config=self._config, log_path=str(self._worker.log_path)), p.Prepared)
        per_call = self._config.step.steps_per_call
        self._ask(p.WarmUp(steps=max(1, self._budget.warmup) * per_call, then_stop=True), p.Timed)
        self._worker.wait_until_stopped()
        last = self._rounds[-1]
        return last.wall_s / last.steps

    def take_turn(self, steps: int) -> None:
        """Run one timed round, then stop."""
        per_call = self._config.step.steps_per_call
        whole = max(1, steps // per_call) * per_call
        self._ask(p.Measure(rounds=1, steps=whole, then_stop=True), p.Timed)
        self._worker.wait_until_stopped()
        self.timed.append(self._rounds[-1])

    def _ask(self, command: p.Command, reply: type[p.M]) -> p.M:
        return self._worker.request(
            command, reply, silence_s=self._budget.silence_s, deadline=self._deadline, on_event=self._on_event
        )

    def _on_event(self, event: p.Events) -> None:
        if isinstance(event, p.RoundDone):
            self._rounds.append(event.round)


__all__ = ["Budget", "Duet", "Side", "Turns", "play"]
