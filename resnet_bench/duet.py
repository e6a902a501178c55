"""Two live workers that take turns: where every ratio we claim comes from.

Both sides are prepared and warmed up; then they run alternate rounds in ABBA order, the idle side stopped,
so that both see the same drift of the machine. The ratio is taken per pair of rounds, its median per pair
of processes, and the interval over pairs of processes. Where both do not fit in memory, whole processes
alternate, and the result says so. Neighbours: `turns.py` has the sides, `contest.py` what their turns say,
`ab.py` a whole run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, Protocol

import psutil

from resnet_bench import plan
from resnet_bench.contest import Duet, SideFacts, SideName, Turns, estimate, narrow_enough, summed_up
from resnet_bench.errors import BudgetError
from resnet_bench.results import Estimate, Notice, Value
from resnet_bench.runtime.cgroup import memory_left_bytes
from resnet_bench.turns import Budget, Player, Side, SideFailure
from resnet_bench.worker.handle import Worker

MIN_TURNS = 4
"""Fewest turns per side that make a pair of processes worth keeping."""

MIN_PAIRS = 3
"""The budget is shared so that this many pairs fit, if need be with fewer turns each."""

MEMORY_SAFETY = 1.2


class Observer(Protocol):
    """Who wants to know how far a match is. All calls are made between timed blocks."""

    def pair(self, number: int, of: int) -> None:
        """Pair `number` (from 0) of at most `of` starts."""

    def phase(self, side: SideName, name: str) -> None:
        """A side enters a phase of its preparation or its turn."""

    def note(self, notice: Notice) -> None:
        """Something to know at once."""

    def turn(self, done: int, of: int, left_s: float) -> None:
        """`done` of `of` turns of this pair are over; `left_s` is about what remains of it."""

    def standing(self, ratio: Estimate, pairs: int) -> None:
        """What `pairs` pairs say so far."""


class Silent:
    """An observer that looks away."""

    def pair(self, number: int, of: int) -> None:
        """Ignore it."""

    def phase(self, side: SideName, name: str) -> None:
        """Ignore it."""

    def note(self, notice: Notice) -> None:
        """Ignore it."""

    def turn(self, done: int, of: int, left_s: float) -> None:
        """Ignore it."""

    def standing(self, ratio: Estimate, pairs: int) -> None:
        """Ignore it."""


def available_bytes() -> int | None:
    """Host memory that new processes may still take, the control group's bound included."""
    left = memory_left_bytes()
    free: int = psutil.virtual_memory().available
    return free if left is None else min(free, left)


def play(
    a: Side,
    b: Side,
    budget: Budget,
    observer: Observer | None = None,
    available: Callable[[], int | None] = available_bytes,
) -> Duet:
    """Run both sides in turns; blocks throughout. Raises `SideFailure` where a side does not answer, and
    `BudgetError` where not one pair fits."""
    match = Match(a, b, budget, observer, available)
    match.run()
    result = match.result()
    assert result is not None, "a match that ran has a pair"
    return result


class Match:
    """A duet in progress; `result` works at any moment, with the pairs that are complete."""

    def __init__(
        self,
        a: Side,
        b: Side,
        budget: Budget,
        observer: Observer | None = None,
        available: Callable[[], int | None] = available_bytes,
    ) -> None:
        self.pairs: list[Turns] = []
        self.facts: dict[SideName, SideFacts] = {
            "a": SideFacts(label=a.label, requested=a.config),
            "b": SideFacts(label=b.label, requested=b.config),
        }
        self.notices: list[Notice] = []
        self._sides: dict[SideName, Side] = {"a": a, "b": b}
        self._budget, self._observer, self._available = budget, observer or Silent(), available
        self._deadline = time.monotonic() + budget.max_time_s
        self._method: Literal["turns", "processes"] = "turns"
        self._shortest_s = 0.0

    def result(self) -> Duet | None:
        """What the complete pairs say; None where there is none."""
        if not self.pairs:
            return None
        labels = (self._sides["a"].label, self._sides["b"].label)
        return summed_up(*labels, self.pairs, self.notices)

    def run(self) -> None:
        """Play pairs until there are enough, the interval is narrow enough, or the budget is spent."""
        budget = self._budget
        while len(self.pairs) < budget.pairs and not narrow_enough(self.pairs, budget.precision_target):
            if self.pairs and self._left() < self._shortest_s * plan.SAFETY:
                return self._cut()
            self._observer.pair(len(self.pairs), budget.pairs)
            try:
                self.pairs.append(self._pair())
            except BudgetError:
                if not self.pairs:
                    raise
                return self._cut()
            self._observer.standing(estimate(self.pairs), len(self.pairs))
        return None

    def _cut(self) -> None:
        self._note(Notice(kind="budget_cut_pairs", facts={"asked": self._budget.pairs, "ran": len(self.pairs)}))

    def _note(self, notice: Notice) -> None:
        self.notices.append(notice)
        self._observer.note(notice)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _pair(self) -> Turns:
        start = time.monotonic()
        turns = self._in_turns() if self._method == "turns" else None
        if turns is None:
            turns = self._one_after_the_other()
        spare = max(0, len(turns.a) - MIN_TURNS) / len(turns.a)
        timed_s = sum(one.wall_s for one in (*turns.a, *turns.b))
        self._shortest_s = time.monotonic() - start - spare * timed_s
        return turns

    def _in_turns(self) -> Turns | None:
        """A pair whose sides live at once; None where they do not fit, after saying so."""
        b_started = False
        try:
            with self._sides["a"].new_worker() as worker_a:
                one = self._ready("a", worker_a)
                free, needed = self._available(), one.peak_host_bytes
                if free is not None and needed is not None and free < needed * MEMORY_SAFETY:
                    facts: dict[str, Value] = {"needed_bytes": needed, "free_bytes": free}
                    self._give_up_turns(Notice(kind="sides_do_not_fit", facts=facts))
                    return None
                b_started = True
                with self._sides["b"].new_worker() as worker_b:
                    two = self._ready("b", worker_b)
                    self._alternate_turns(one, two)
        except SideFailure as failure:
            if not b_started or failure.outcome.kind != "out_of_memory":
                raise
            self._give_up_turns(Notice(kind="sides_ran_out_of_memory", facts={"side": failure.side.upper()}))
            return None
        return Turns(a=tuple(one.timed), b=tuple(two.timed))

    def _give_up_turns(self, why: Notice) -> None:
        self._method = "processes"
        self._note(why)

    def _ready(self, name: SideName, worker: Worker) -> Player:
        player = Player(name, self._sides[name], worker, self._budget, self._deadline, self._observer.phase)
        try:
            player.get_ready()
        finally:
            self.facts[name] = player.facts
        return player

    def _steps(self, *players: Player) -> int:
        steps = self._budget.steps
        return plan.steps_per_round(max(player.step_s for player in players), 1) if steps == "auto" else steps

    def _order(self, turn: int) -> tuple[SideName, SideName]:
        """ABBA: who comes first changes with every turn, and with every pair."""
        return ("a", "b") if (turn + len(self.pairs)) % 2 == 0 else ("b", "a")

    def _alternate_turns(self, one: Player, two: Player) -> None:
        players: dict[SideName, Player] = {"a": one, "b": two}
        steps, start = self._steps(one, two), time.monotonic()
        share_end = start + self._left() / max(1, min(MIN_PAIRS, self._budget.pairs) - len(self.pairs))
        for turn in range(self._budget.turns):
            for name in self._order(turn):
                players[name].take_turn(steps)
            self._after_turn(turn + 1, start)
            if self._must_end(turn + 1, start, share_end):
                return

    def _one_after_the_other(self) -> Turns:
        """A pair of whole processes, in an order that changes from pair to pair."""
        timed = {}
        for name in self._order(0):
            with self._sides[name].new_worker() as worker:
                player = self._ready(name, worker)
                start = time.monotonic()
                share_end = start + self._left() / (4 if self._budget.pairs > 1 else 2)
                for turn in range(self._budget.turns):
                    player.take_turn(self._steps(player))
                    self._after_turn(turn + 1, start)
                    if self._must_end(turn + 1, start, share_end):
                        break
                timed[name] = tuple(player.timed)
        return Turns(a=timed["a"], b=timed["b"], interleaved=False)

    def _after_turn(self, done: int, start: float) -> None:
        each_s = (time.monotonic() - start) / done
        self._observer.turn(done, self._budget.turns, each_s * (self._budget.turns - done))

    def _must_end(self, done: int, start: float, share_end: float) -> bool:
        """Whether time is up for this pair; an even number of turns is kept, so that both sides came first
        equally often."""
        now = time.monotonic()
        next_two_s = 2 * (now - start) / done
        if done >= MIN_TURNS:
            return done % 2 == 0 and now + next_two_s > share_end
        return False


__all__ = ["Budget", "Duet", "Match", "Observer", "Side", "SideFailure", "Turns", "estimate", "play"]
