"""The race for the fastest configuration: a champion, and challengers that play short turns against it.

Coordinate ascent: first the choice that experience expects to win, then one option at a time, again where a
related option won, then pairs of related options. A challenger is dropped, promoted or given another pair of
processes by `race.decide`. No optimisation library: Optuna's samplers want an absolute score per trial, and on a
shared machine there is none to be had, only ratios to something that ran at the same time; a dozen switches
need no sampler, and it would bring SQLAlchemy and Alembic along. Neighbours: `space.py` says what may be
chosen, `tune.py` supplies the matches and sums up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from resnet_bench.config.option import to_json_value
from resnet_bench.errors import BenchError, BudgetError
from resnet_bench.experiments.paired.interleave import Repetition, StopEarly
from resnet_bench.experiments.paired.side import SideFailure
from resnet_bench.experiments.tuning import search_space, stopping_rule
from resnet_bench.experiments.tuning.search_space import SearchSpace
from resnet_bench.experiments.tuning.stopping_rule import Decision, StoppingRule
from resnet_bench.records.ab import PairSamples, rate
from resnet_bench.records.base import Notice
from resnet_bench.records.tuning import Candidate, CandidateStatus, ConstraintCheck
from resnet_bench.worker.process import outcome_of

Choice = dict[str, Any]

HOPEFUL = 0.9
"""Options that lost by more than this ratio are not tried in pairs."""

MAX_BASELINE_FAILURES = 2
"""In a row: a champion that no longer runs makes every further challenge meaningless."""


@dataclass(frozen=True)
class PairsRun:
    """The complete pairs of a match (`a` the champion, `b` the challenger), and what ended it early."""

    pairs: tuple[PairSamples, ...]
    failure: BenchError | None = None
    notices: tuple[Notice, ...] = ()


class SearchObserver(Protocol):
    """Who wants to know how far a search is."""

    def challenge(self, number: int, at_most: int, words: str) -> None:
        """Challenger `number` (from 0) is about to play."""

    def settled(self, challenge: Candidate) -> None:
        """What became of it."""


class SearchTimeout(Exception):  # noqa: N818
    """The time of the search is over."""


@dataclass
class Search:
    """A search in progress: `champion` and `challenges` are right at any moment, `shortest_pair_s` is what a pair of
    processes took at least (0 before there was one).

    play: a match of champion and challenger, which `early` may end. admit: whether a winner keeps the bounds:
    what was found, and the bound that it breaks. `until` is on `time.monotonic`. `start` is the first champion. known:
    an earlier search's challenges, in order, which are not played again as far as the two go the same way.
    """

    space: SearchSpace
    rules: StoppingRule
    play: Callable[[Choice, Choice, StopEarly], PairsRun]
    admit: Callable[[Choice], tuple[ConstraintCheck | None, str | None]]
    watcher: SearchObserver
    until: float
    start: Choice
    known: list[Candidate] = field(default_factory=list)
    champion: Choice = field(default_factory=dict)
    challenges: list[Candidate] = field(default_factory=list)
    out_of_time: bool = False

    def __post_init__(self) -> None:
        self.champion = dict(self.start)
        self._tried = {_key(self.champion)}
        self._played: list[list[float]] = []
        self._best: dict[str, float] = {}
        self._hopeless: set[tuple[str, Any]] = set()
        self._champion_failures = 0
        self.shortest_pair_s = 0.0

    def run(self) -> None:
        """Search until nothing is left to try or the time is over; blocks. Raises `SideFailure` where the champion
        itself stops working."""
        try:
            self._try({**self.champion, **_changed(self.space.promising, self.space.defaults)})
            self._one_by_one()
            hopeful = frozenset(name for name, ratio in self._best.items() if ratio >= HOPEFUL)
            for chosen in search_space.paired_changes(self.space, dict(self.champion), hopeful):
                self._try(chosen)
        except SearchTimeout:
            self.out_of_time = True

    def _one_by_one(self) -> None:
        waiting = list(self.space.values)
        while waiting:
            name = waiting.pop(0)
            for value in self.space.values[name]:
                if value == self.champion[name] or (name, value) in self._hopeless:
                    continue
                if self._try({**self.champion, name: value}):
                    again = (
                        other for other in self.space.values if other != name and search_space.related(name, other)
                    )
                    waiting += [other for other in again if other not in waiting]

    def _try(self, chosen: Choice) -> bool:
        """Whether `chosen` is the new champion; each choice is tried once at most."""
        if _key(chosen) in self._tried or not self.space.possible(chosen):
            return False
        if len(self.challenges) >= self.rules.challengers:
            return False
        if time.monotonic() + self.shortest_pair_s >= self.until:
            raise SearchTimeout
        self._tried.add(_key(chosen))
        changes = _changed(chosen, self.champion)
        self.watcher.challenge(len(self.challenges), self.rules.challengers, words(changes))
        challenge = self._known(changes) or self._challenge(chosen, changes)
        self._remember(changes, challenge.pairs)
        if challenge.pairs:
            pair_s = challenge.wall_s / (len(challenge.pairs) + (challenge.status == "out of time"))
            self.shortest_pair_s = min(pair_s, self.shortest_pair_s or pair_s)
        self.challenges.append(challenge)
        self.watcher.settled(challenge)
        if challenge.status == "won":
            self.champion = chosen
        return challenge.status == "won"

    def _challenge(self, chosen: Choice, changes: Choice) -> Candidate:
        start = time.monotonic()

        def after(done: Sequence[Repetition]) -> bool:
            return bool(done) and self._decision([_turns(each) for each in done]) != "another pair"

        early = StopEarly(within=lambda rounds: stopping_rule.hopeless(_turn_ratios(rounds)), after=after)
        played = self.play(self.champion, chosen, early)
        found = [pair.ratio for pair in played.pairs]
        status, probe, broken = self._status(played), None, None
        failure = played.failure if status == "failed" else None
        if status == "won":
            try:
                probe, broken = self.admit(chosen)
                status = "out of bounds" if broken else status
            except BenchError as error:
                status, failure = "failed", error
        ratio = stopping_rule.estimate(found, self._spread(played.pairs), self.rules) if found else None
        return Candidate(
            changes=to_json_value(changes),
            instead_of=to_json_value({name: self.champion[name] for name in changes}),
            status=status,
            ratio=ratio,
            images_per_s=rate([one for pair in played.pairs for one in pair.b]) if found else None,
            pairs=played.pairs,
            probe=probe,
            broken=broken,
            outcome=outcome_of(failure) if failure else None,
            notices=played.notices,
            wall_s=time.monotonic() - start,
        )

    def _known(self, changes: Choice) -> Candidate | None:
        """What the earlier search found where it stood at this point; what failed or ran out of time is tried again."""
        if not self.known:
            return None
        found = self.known.pop(0)
        if (found.changes, found.instead_of) != (
            to_json_value(changes),
            to_json_value({name: self.champion[name] for name in changes}),
        ):
            self.known.clear()
            return None
        return None if found.status in ("failed", "out of time") else found

    def _spread(self, pairs: Sequence[PairSamples]) -> stopping_rule.Spread:
        """Of a match among all that took turns; one of whole processes has a spread of its own."""
        found = [pair.ratio for pair in pairs]
        if all(pair.interleaved for pair in pairs):
            return stopping_rule.pooled([*self._played, found], self.rules.prior_sd)
        return stopping_rule.pooled([found], stopping_rule.PROCESSES_SD)

    def _decision(self, pairs: Sequence[PairSamples]) -> Decision:
        return stopping_rule.decide([pair.ratio for pair in pairs], self._spread(pairs), self.rules)

    def _status(self, played: PairsRun) -> CandidateStatus:
        failure = played.failure
        champion_failed = isinstance(failure, SideFailure) and failure.side == "a"
        self._champion_failures = self._champion_failures + 1 if champion_failed else 0
        if champion_failed and failure is not None and self._champion_failures >= MAX_BASELINE_FAILURES:
            raise failure
        if failure is not None and not isinstance(failure, BudgetError):
            return "failed"
        decision = self._decision(played.pairs) if played.pairs else "another pair"
        return "out of time" if decision == "another pair" else decision

    def _remember(self, changes: Choice, pairs: Sequence[PairSamples]) -> None:
        found = [pair.ratio for pair in pairs]
        if not found:
            return
        if all(pair.interleaved for pair in pairs):
            self._played.append(found)
        if len(changes) == 1:
            ((name, value),) = changes.items()
            mean = sum(found) / len(found)
            self._best[name] = max(mean, self._best.get(name, 0.0))
            if mean < stopping_rule.HOPELESS:
                self._hopeless.add((name, value))


def words(values: Choice) -> str:
    """ "xla=true batch_size=32"."""
    shown = {
        name: str(value).lower() if isinstance(value, bool) else value for name, value in to_json_value(values).items()
    }
    return " ".join(f"{name}={value}" for name, value in shown.items())


def _changed(chosen: Choice, before: Choice) -> Choice:
    return {name: value for name, value in chosen.items() if value != before[name]}


def _key(chosen: Choice) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(chosen.items(), key=lambda item: item[0]))


def _turn_ratios(rounds: Any) -> tuple[float, ...]:
    return PairSamples(a=tuple(rounds["a"]), b=tuple(rounds["b"])).ratios


def _turns(repetition: Repetition) -> PairSamples:
    return PairSamples(a=repetition.rounds["a"], b=repetition.rounds["b"], interleaved=repetition.interleaved)
