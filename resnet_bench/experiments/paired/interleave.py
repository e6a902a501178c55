"""Interleaves the timed rounds of several live worker processes, so that all see the same drift of the machine.

All sides are prepared and warmed up; then each times one round after the other, the idle ones stopped. The order is
reversed every other round (ABBA, ABCCBA), so that a steady drift affects all sides equally. The order in which their
processes are started is drawn again for every two repetitions and reversed in the second: the process that is started
and warmed up last is faster (by 1.4 % in eight A/A pairs), which cancels over an even number of repetitions. Where
the sides do not fit in memory at once, whole processes alternate, and the result says so. Neighbours: `side.py` has
the sides; `ab.py` and `experiments/bottleneck.py` say what their rounds mean.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from resnet_bench.analysis.ab import precise_enough
from resnet_bench.config.fields import Value
from resnet_bench.errors import BudgetError
from resnet_bench.experiments.budget import SAFETY, rounds_per_pair, steps_per_round
from resnet_bench.experiments.paired.side import Budget, LiveSide, Side, SideFailure, display_name
from resnet_bench.experiments.progress import PairedObserver
from resnet_bench.records.ab import SideFacts
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.run import Round
from resnet_bench.runtime.system import available_bytes
from resnet_bench.worker.interface import Worker

MIN_PAIRED_ROUNDS = 4
"""Fewest rounds per side that make a repetition worth keeping."""

MIN_REPETITIONS = 3
"""The budget is shared so that this many fit, if need be with fewer rounds each."""

MEMORY_SAFETY = 1.2


@dataclass(frozen=True)
class Repetition:
    """What one process of each side timed: `rounds[side][i]` were neighbours in time for all sides where they
    were `interleaved`; else one process ran after the other. `start_order` is that of processes that were
    live together."""

    rounds: dict[str, tuple[Round, ...]]
    interleaved: bool = True
    start_order: tuple[str, ...] = ()


class StartOrder:
    """In which order the processes of each repetition are started: random, and reversed in every second one."""

    def __init__(self, names: Sequence[str], draw: random.Random | None = None) -> None:
        self._names, self._draw = list(names), draw or random.Random()
        self._drawn: list[tuple[str, ...]] = []

    def of(self, repetition: int) -> tuple[str, ...]:
        """The order of a repetition (from 0); the same at every call."""
        while len(self._drawn) <= repetition // 2:
            self._drawn.append(tuple(self._draw.sample(self._names, len(self._names))))
        drawn = self._drawn[repetition // 2]
        return drawn if repetition % 2 == 0 else drawn[::-1]


@dataclass(frozen=True)
class StopEarly:
    """When to end before the budget: `within` a repetition, asked after each round of all sides with the rounds so
    far, and `after` one, asked with all that are complete."""

    within: Callable[[Mapping[str, Sequence[Round]]], bool] = lambda _rounds: False
    after: Callable[[Sequence[Repetition]], bool] = lambda _done: False


class Interleaver:
    """Interleaved runs of several sides, in progress; `done` holds the repetitions that are complete at any moment.

    estimate: from the repetitions so far (at least one); a precision target is compared with its interval.
    equal_steps: the rounds of all sides have the same steps, about the budget's `turn_s` of the slowest; without,
    each has as many as take that long.
    """

    def __init__(
        self,
        sides: Mapping[str, Side],
        budget: Budget,
        estimate: Callable[[Sequence[Repetition]], Estimate],
        observer: PairedObserver | None = None,
        available: Callable[[], int | None] = available_bytes,
        equal_steps: bool = True,
        early: StopEarly | None = None,
    ) -> None:
        self.done: list[Repetition] = []
        self.facts = {name: SideFacts(label=side.label, requested=side.config) for name, side in sides.items()}
        self.notices: list[Notice] = []
        self._sides = dict(sides)
        self._start_order = StartOrder(list(sides))
        self._budget, self._estimate, self._equal_steps = budget, estimate, equal_steps
        self._observer, self._early = observer or PairedObserver(), early or StopEarly()
        self._available = available
        self._deadline = time.monotonic() + budget.max_time_s
        self._fit_together = True
        self._shortest_s = 0.0

    def run(self) -> None:
        """Run repetitions until there are enough, the interval is narrow enough, or the budget is spent. Blocks.

        Raises `SideFailure` where a side does not answer, and `BudgetError` where not one repetition fits.
        """
        budget = self._budget
        while len(self.done) < budget.pairs and not self._precise() and not self._early.after(self.done):
            if self.done and self._left() < self._shortest_s * SAFETY:
                return self._cut()
            self._observer.repetition(len(self.done), budget.pairs)
            try:
                self.done.append(self._repetition())
            except BudgetError:
                if not self.done:
                    raise
                return self._cut()
            self._observer.estimate(self._estimate(self.done), len(self.done))
        return None

    def _precise(self) -> bool:
        target = self._budget.precision_target
        return bool(self.done) and precise_enough(self._estimate(self.done), len(self.done), target)

    def _cut(self) -> None:
        self._note(Notice.make("budget_cut_pairs", asked=self._budget.pairs, ran=len(self.done)))

    def _note(self, notice: Notice) -> None:
        self.notices.append(notice)
        self._observer.note(notice)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _repetition(self) -> Repetition:
        start = time.monotonic()
        found = self._interleaved() if self._fit_together else None
        if found is None:
            found = self._process_by_process()
        most = max(len(rounds) for rounds in found.rounds.values())
        spare = max(0, most - MIN_PAIRED_ROUNDS) / most
        timed_s = sum(one.wall_s for rounds in found.rounds.values() for one in rounds)
        self._shortest_s = time.monotonic() - start - spare * timed_s
        return found

    def _interleaved(self) -> Repetition | None:
        """A repetition whose sides are live at once; None, and a notice, where they do not fit."""
        live: dict[str, LiveSide] = {}
        started, order = 0, self._start_order.of(len(self.done))
        try:
            with ExitStack() as alive:
                for name in order:
                    too_little = self._too_little_memory(list(live.values()))
                    if too_little is not None:
                        self._stop_interleaving(too_little)
                        return None
                    started += 1
                    live[name] = self._ready(name, alive.enter_context(self._sides[name].new_worker()))
                self._alternate(live)
        except SideFailure as failure:
            if started < 2 or failure.outcome.kind != "out_of_memory":
                raise
            self._stop_interleaving(Notice.make("sides_ran_out_of_memory", side=display_name(failure.side)))
            return None
        return Repetition({name: tuple(live[name].timed) for name in self._sides}, start_order=order)

    def _too_little_memory(self, live: list[LiveSide]) -> Notice | None:
        """Why another side does not fit beside these: it is expected to need what the largest of them took."""
        free, known = self._available(), [side.peak_host_bytes for side in live if side.peak_host_bytes]
        if free is None or not known or free >= max(known) * MEMORY_SAFETY:
            return None
        facts: dict[str, Value] = {"needed_bytes": max(known), "free_bytes": free}
        return Notice.make("sides_do_not_fit", **facts)

    def _stop_interleaving(self, why: Notice) -> None:
        self._fit_together = False
        self._note(why)

    def _ready(self, name: str, worker: Worker) -> LiveSide:
        side = LiveSide(name, self._sides[name], worker, self._budget, self._deadline, self._observer.phase)
        try:
            side.get_ready()
        finally:
            self.facts[name] = side.facts
        return side

    def _steps(self, side: LiveSide, beside: Sequence[LiveSide]) -> int:
        steps = self._budget.steps
        if steps != "auto":
            return steps
        slowest_s = max(each.step_s for each in (beside if self._equal_steps else [side]))
        return steps_per_round(slowest_s, 1, self._budget.turn_s)

    def _rounds(self, live: Sequence[LiveSide]) -> int:
        """Rounds of each side in this repetition."""
        rounds = self._budget.turns
        if rounds != "auto":
            return rounds
        return rounds_per_pair(max(self._steps(side, live) * side.step_s for side in live))

    def _order(self, number: int) -> tuple[str, ...]:
        """The order is reversed with every round, and with every repetition."""
        names = tuple(self._sides)
        return names if (number + len(self.done)) % 2 == 0 else names[::-1]

    def _alternate(self, live: dict[str, LiveSide]) -> None:
        start, every = time.monotonic(), list(live.values())
        share_end = start + self._left() / max(1, min(MIN_REPETITIONS, self._budget.pairs) - len(self.done))
        rounds = self._rounds(every)
        for number in range(rounds):
            for name in self._order(number):
                self._time_round(live[name], self._steps(live[name], every))
            self._report_round(number + 1, rounds, start)
            timed = {name: side.timed for name, side in live.items()}
            if self._must_end(number + 1, start, share_end) or self._early.within(timed):
                return

    def _process_by_process(self) -> Repetition:
        """A repetition of whole processes, in an order that changes from one to the next."""
        timed = {}
        parts = len(self._sides) * (2 if self._budget.pairs > 1 else 1)
        for name in self._order(0):
            with self._sides[name].new_worker() as worker:
                side = self._ready(name, worker)
                start = time.monotonic()
                share_end = start + self._left() / parts
                rounds = self._rounds([side])
                for number in range(rounds):
                    self._time_round(side, self._steps(side, [side]))
                    self._report_round(number + 1, rounds, start)
                    if self._must_end(number + 1, start, share_end):
                        break
                timed[name] = tuple(side.timed)
        return Repetition(timed, interleaved=False)

    def _time_round(self, side: LiveSide, steps: int) -> None:
        try:
            side.time_round(steps)
        finally:
            self.facts[side.name] = side.facts

    def _report_round(self, done: int, of: int, start: float) -> None:
        each_s = (time.monotonic() - start) / done
        self._observer.round_done(done, of, each_s * (of - done))

    def _must_end(self, done: int, start: float, share_end: float) -> bool:
        """Whether time is up for this repetition; an even number of rounds is kept, so that every side came
        first equally often."""
        now = time.monotonic()
        next_two_s = 2 * (now - start) / done
        if done >= MIN_PAIRED_ROUNDS:
            return done % 2 == 0 and now + next_two_s > share_end
        return False
