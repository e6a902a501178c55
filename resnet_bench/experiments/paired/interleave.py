"""Any number of live workers that take turns: the engine behind `duet.py` (two sides) and `ceilings.py` (three).

All sides are prepared and warmed up; then they run one round each, turn after turn, the idle ones stopped, so
that all see the same drift of the machine. The order is reversed every other turn (ABBA, ABCCBA), so that a
steady drift falls on all alike. Where they do not fit in memory at once, whole processes alternate, and the
result says so. Neighbours: `turns.py` has the sides; who asks says what the turns mean.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal, Protocol

from resnet_bench.analysis.ab import precise_enough
from resnet_bench.config.fields import Value
from resnet_bench.errors import BudgetError
from resnet_bench.experiments import budget as plan
from resnet_bench.experiments.paired.side import Budget, LiveSide, Side, SideFailure, display_name
from resnet_bench.records.ab import SideFacts
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.run import Round
from resnet_bench.runtime.system import available_bytes
from resnet_bench.worker.process import Worker

MIN_TURNS = 4
"""Fewest turns per side that make a repetition worth keeping."""

MIN_REPETITIONS = 3
"""The budget is shared so that this many fit, if need be with fewer turns each."""

MEMORY_SAFETY = 1.2


class PairedObserver(Protocol):
    """Who wants to know how far a match is. All calls are made between timed blocks."""

    def repetition(self, number: int, of: int) -> None:
        """Repetition `number` (from 0) of at most `of` starts: fresh processes for all sides."""

    def phase(self, side: str, name: str) -> None:
        """A side enters a phase of its preparation or its turn."""

    def note(self, notice: Notice) -> None:
        """Something to know at once."""

    def turn(self, done: int, of: int, left_s: float) -> None:
        """`done` of `of` turns of this repetition are over; `left_s` is about what remains of it."""

    def standing(self, estimate: Estimate, repetitions: int) -> None:
        """What the repetitions say so far."""


class SilentPairedObserver:
    """An observer that looks away."""

    def repetition(self, number: int, of: int) -> None:
        """Ignore it."""

    def phase(self, side: str, name: str) -> None:
        """Ignore it."""

    def note(self, notice: Notice) -> None:
        """Ignore it."""

    def turn(self, done: int, of: int, left_s: float) -> None:
        """Ignore it."""

    def standing(self, estimate: Estimate, repetitions: int) -> None:
        """Ignore it."""


@dataclass(frozen=True)
class Repetition:
    """What one process of each side timed: `rounds[side][i]` were neighbours in time for all sides where they
    were `interleaved`; else one process ran after the other."""

    rounds: dict[str, tuple[Round, ...]]
    interleaved: bool = True


@dataclass(frozen=True)
class StopEarly:
    """When to end before the budget: `within` a repetition, asked after each turn with the rounds so far, and
    `after` one, asked with all that are complete."""

    within: Callable[[Mapping[str, Sequence[Round]]], bool] = lambda _rounds: False
    after: Callable[[Sequence[Repetition]], bool] = lambda _done: False


class Interleaver:
    """Sides in turns, in progress; `done` holds the repetitions that are complete at any moment.

    judge: the estimate that the repetitions so far (at least one) come to; a precision target is held against
    its interval. equal_steps: every side's turn has the same steps, about the budget's `turn_s` of the
    slowest; without, each has as many as take that long.
    """

    def __init__(
        self,
        sides: Mapping[str, Side],
        budget: Budget,
        judge: Callable[[Sequence[Repetition]], Estimate],
        observer: PairedObserver | None = None,
        available: Callable[[], int | None] = available_bytes,
        equal_steps: bool = True,
        early: StopEarly | None = None,
    ) -> None:
        self.done: list[Repetition] = []
        self.facts = {name: SideFacts(label=side.label, requested=side.config) for name, side in sides.items()}
        self.notices: list[Notice] = []
        self._sides = dict(sides)
        self._budget, self._judge, self._equal_steps = budget, judge, equal_steps
        self._observer, self._available, self._early = (
            observer or SilentPairedObserver(),
            available,
            early or StopEarly(),
        )
        self._deadline = time.monotonic() + budget.max_time_s
        self._method: Literal["turns", "processes"] = "turns"
        self._shortest_s = 0.0

    def run(self) -> None:
        """Play repetitions until there are enough, the interval is narrow enough, or the budget is spent. Blocks.

        Raises `SideFailure` where a side does not answer, and `BudgetError` where not one repetition fits.
        """
        budget = self._budget
        while len(self.done) < budget.pairs and not self._precise() and not self._early.after(self.done):
            if self.done and self._left() < self._shortest_s * plan.SAFETY:
                return self._cut()
            self._observer.repetition(len(self.done), budget.pairs)
            try:
                self.done.append(self._repetition())
            except BudgetError:
                if not self.done:
                    raise
                return self._cut()
            self._observer.standing(self._judge(self.done), len(self.done))
        return None

    def _precise(self) -> bool:
        target = self._budget.precision_target
        return bool(self.done) and precise_enough(self._judge(self.done), len(self.done), target)

    def _cut(self) -> None:
        self._note(Notice.make("budget_cut_pairs", asked=self._budget.pairs, ran=len(self.done)))

    def _note(self, notice: Notice) -> None:
        self.notices.append(notice)
        self._observer.note(notice)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _repetition(self) -> Repetition:
        start = time.monotonic()
        found = self._in_turns() if self._method == "turns" else None
        if found is None:
            found = self._one_after_the_other()
        turns = max(len(rounds) for rounds in found.rounds.values())
        spare = max(0, turns - MIN_TURNS) / turns
        timed_s = sum(one.wall_s for rounds in found.rounds.values() for one in rounds)
        self._shortest_s = time.monotonic() - start - spare * timed_s
        return found

    def _in_turns(self) -> Repetition | None:
        """A repetition whose sides live at once; None where they do not fit, after saying so."""
        players: dict[str, LiveSide] = {}
        started = 0
        try:
            with ExitStack() as alive:
                for name, side in self._sides.items():
                    too_little = self._too_little_memory(list(players.values()))
                    if too_little is not None:
                        self._give_up_turns(too_little)
                        return None
                    started += 1
                    players[name] = self._ready(name, alive.enter_context(side.new_worker()))
                self._alternate(players)
        except SideFailure as failure:
            if started < 2 or failure.outcome.kind != "out_of_memory":
                raise
            self._give_up_turns(Notice.make("sides_ran_out_of_memory", side=display_name(failure.side)))
            return None
        return Repetition({name: tuple(player.timed) for name, player in players.items()})

    def _too_little_memory(self, players: list[LiveSide]) -> Notice | None:
        """Why another side cannot live beside these; it is expected to need what the largest of them took."""
        free, known = self._available(), [player.peak_host_bytes for player in players if player.peak_host_bytes]
        if free is None or not known or free >= max(known) * MEMORY_SAFETY:
            return None
        facts: dict[str, Value] = {"needed_bytes": max(known), "free_bytes": free}
        return Notice.make("sides_do_not_fit", **facts)

    def _give_up_turns(self, why: Notice) -> None:
        self._method = "processes"
        self._note(why)

    def _ready(self, name: str, worker: Worker) -> LiveSide:
        player = LiveSide(name, self._sides[name], worker, self._budget, self._deadline, self._observer.phase)
        try:
            player.get_ready()
        finally:
            self.facts[name] = player.facts
        return player

    def _steps(self, player: LiveSide, beside: Sequence[LiveSide]) -> int:
        steps = self._budget.steps
        if steps != "auto":
            return steps
        slowest_s = max(each.step_s for each in (beside if self._equal_steps else [player]))
        return plan.steps_per_round(slowest_s, 1, self._budget.turn_s)

    def _turns(self, players: Sequence[LiveSide]) -> int:
        """Turns of each side in this repetition."""
        turns = self._budget.turns
        if turns != "auto":
            return turns
        return plan.turns(max(self._steps(player, players) * player.step_s for player in players))

    def _order(self, turn: int) -> tuple[str, ...]:
        """Who comes first changes with every turn, and with every repetition."""
        names = tuple(self._sides)
        return names if (turn + len(self.done)) % 2 == 0 else names[::-1]

    def _alternate(self, players: dict[str, LiveSide]) -> None:
        start, all_players = time.monotonic(), list(players.values())
        share_end = start + self._left() / max(1, min(MIN_REPETITIONS, self._budget.pairs) - len(self.done))
        turns = self._turns(all_players)
        for turn in range(turns):
            for name in self._order(turn):
                self._take_turn(players[name], self._steps(players[name], all_players))
            self._after_turn(turn + 1, turns, start)
            timed = {name: player.timed for name, player in players.items()}
            if self._must_end(turn + 1, start, share_end) or self._early.within(timed):
                return

    def _one_after_the_other(self) -> Repetition:
        """A repetition of whole processes, in an order that changes from one to the next."""
        timed = {}
        parts = len(self._sides) * (2 if self._budget.pairs > 1 else 1)
        for name in self._order(0):
            with self._sides[name].new_worker() as worker:
                player = self._ready(name, worker)
                start = time.monotonic()
                share_end = start + self._left() / parts
                turns = self._turns([player])
                for turn in range(turns):
                    self._take_turn(player, self._steps(player, [player]))
                    self._after_turn(turn + 1, turns, start)
                    if self._must_end(turn + 1, start, share_end):
                        break
                timed[name] = tuple(player.timed)
        return Repetition(timed, interleaved=False)

    def _take_turn(self, player: LiveSide, steps: int) -> None:
        try:
            player.take_turn(steps)
        finally:
            self.facts[player.name] = player.facts

    def _after_turn(self, done: int, of: int, start: float) -> None:
        each_s = (time.monotonic() - start) / done
        self._observer.turn(done, of, each_s * (of - done))

    def _must_end(self, done: int, start: float, share_end: float) -> bool:
        """Whether time is up for this repetition; an even number of turns is kept, so that every side came first
        equally often."""
        now = time.monotonic()
        next_two_s = 2 * (now - start) / done
        if done >= MIN_TURNS:
            return done % 2 == 0 and now + next_two_s > share_end
        return False
