"""The search for the fastest configuration: candidates in interleaved runs with the best so far, their baseline.

Coordinate ascent: first the choice that experience expects to win, then one option at a time, again where a
related option won, then pairs of related options. A candidate is dropped, accepted or given another pair of
processes by `stopping_rule.decide`. No optimisation library: Optuna's samplers want an absolute score per trial, and a
shared machine gives none, only ratios to something that ran at the same time; a dozen options need no sampler, and it
would bring SQLAlchemy and Alembic along. Neighbours: `search_space.py` says what may be chosen, `tune.py` supplies the
interleaved runs and sums up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from resnet_bench.config.option import to_json_value
from resnet_bench.errors import BenchError, BudgetError
from resnet_bench.experiments.paired.ab import pair_samples
from resnet_bench.experiments.paired.interleave import Repetition, StopEarly
from resnet_bench.experiments.paired.side import SideFailure
from resnet_bench.experiments.progress import SearchObserver
from resnet_bench.experiments.tuning import search_space, stopping_rule
from resnet_bench.experiments.tuning.search_space import SearchSpace
from resnet_bench.experiments.tuning.stopping_rule import Decision, StoppingRule
from resnet_bench.records.ab import PairSamples, rate
from resnet_bench.records.base import Notice
from resnet_bench.records.tuning import Candidate, CandidateStatus, ConstraintCheck
from resnet_bench.worker.interface import outcome_of

Choice = dict[str, Any]

HOPEFUL = 0.9
"""Options that lost by more than this ratio are not tried in pairs."""

MAX_BASELINE_FAILURES = 2
"""In a row: a baseline that no longer runs makes every further comparison meaningless."""


@dataclass(frozen=True)
class PairsRun:
    """The complete pairs of a comparison (`a` the baseline, `b` the candidate), and what ended it early."""

    pairs: tuple[PairSamples, ...]
    failure: BenchError | None = None
    notices: tuple[Notice, ...] = ()


class SearchTimeout(Exception):  # noqa: N818
    """The time of the search is over."""


@dataclass
class Search:
    """A search in progress: `best` and `candidates` are right at any moment, `shortest_pair_s` is the least time that a
    pair of processes took (0 before there was one).

    compare: interleaved runs of baseline and candidate, which `early` may end. admit: whether a winner keeps the
    constraints: what was measured, and the constraint that it breaks. `until` is on `time.monotonic`. `start` is the
    first baseline. known: an earlier search's candidates, in order, which are not measured again as long as both
    searches take the same path.
    """

    space: SearchSpace
    rules: StoppingRule
    compare: Callable[[Choice, Choice, StopEarly], PairsRun]
    admit: Callable[[Choice], tuple[ConstraintCheck | None, str | None]]
    observer: SearchObserver
    until: float
    start: Choice
    known: list[Candidate] = field(default_factory=list)
    best: Choice = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    out_of_time: bool = False

    def __post_init__(self) -> None:
        self.best = dict(self.start)
        self._tried = {_key(self.best)}
        self._ratios: list[list[float]] = []
        self._best_ratio: dict[str, float] = {}
        self._clearly_slower: set[tuple[str, Any]] = set()
        self._baseline_failures = 0
        self.shortest_pair_s = 0.0

    def run(self) -> None:
        """Search until nothing is left to try or the time is over; blocks. Raises `SideFailure` where the
        baseline itself stops working."""
        try:
            self._try({**self.best, **_changed(self.space.promising, self.space.defaults)})
            self._one_by_one()
            hopeful = frozenset(name for name, ratio in self._best_ratio.items() if ratio >= HOPEFUL)
            for chosen in search_space.paired_changes(self.space, dict(self.best), hopeful):
                self._try(chosen)
        except SearchTimeout:
            self.out_of_time = True

    def _one_by_one(self) -> None:
        waiting = list(self.space.values)
        while waiting:
            name = waiting.pop(0)
            for value in self.space.values[name]:
                if value == self.best[name] or (name, value) in self._clearly_slower:
                    continue
                if self._try({**self.best, name: value}):
                    again = (
                        other for other in self.space.values if other != name and search_space.related(name, other)
                    )
                    waiting += [other for other in again if other not in waiting]

    def _try(self, chosen: Choice) -> bool:
        """Whether `chosen` is the new best; each choice is tried at most once."""
        if _key(chosen) in self._tried or not self.space.possible(chosen):
            return False
        if len(self.candidates) >= self.rules.candidates:
            return False
        if time.monotonic() + self.shortest_pair_s >= self.until:
            raise SearchTimeout
        self._tried.add(_key(chosen))
        changes = _changed(chosen, self.best)
        self.observer.candidate(len(self.candidates), self.rules.candidates, words(changes))
        candidate = self._known(changes) or self._measure(chosen, changes)
        self._remember(changes, candidate.pairs)
        if candidate.pairs:
            pair_s = candidate.wall_s / (len(candidate.pairs) + (candidate.status == "out of time"))
            self.shortest_pair_s = min(pair_s, self.shortest_pair_s or pair_s)
        self.candidates.append(candidate)
        self.observer.decided(candidate)
        if candidate.status == "won":
            self.best = chosen
        return candidate.status == "won"

    def _measure(self, chosen: Choice, changes: Choice) -> Candidate:
        start = time.monotonic()

        def after(done: Sequence[Repetition]) -> bool:
            return bool(done) and self._decision([pair_samples(each) for each in done]) != "another pair"

        early = StopEarly(within=lambda rounds: stopping_rule.clearly_slower(_round_ratios(rounds)), after=after)
        measured = self.compare(self.best, chosen, early)
        found = [pair.ratio for pair in measured.pairs]
        status, probe, broken = self._status(measured), None, None
        failure = measured.failure if status == "failed" else None
        if status == "won":
            try:
                probe, broken = self.admit(chosen)
                status = "out of bounds" if broken else status
            except BenchError as error:
                status, failure = "failed", error
        ratio = stopping_rule.estimate(found, self._spread(measured.pairs), self.rules) if found else None
        return Candidate(
            changes=to_json_value(changes),
            instead_of=to_json_value({name: self.best[name] for name in changes}),
            status=status,
            ratio=ratio,
            images_per_s=rate([one for pair in measured.pairs for one in pair.b]) if found else None,
            pairs=measured.pairs,
            constraint_check=probe,
            broken=broken,
            outcome=outcome_of(failure) if failure else None,
            notices=measured.notices,
            wall_s=time.monotonic() - start,
        )

    def _known(self, changes: Choice) -> Candidate | None:
        """The result of the earlier search at this point; what failed or ran out of time is tried again."""
        if not self.known:
            return None
        found = self.known.pop(0)
        if (found.changes, found.instead_of) != (
            to_json_value(changes),
            to_json_value({name: self.best[name] for name in changes}),
        ):
            self.known.clear()
            return None
        return None if found.status in ("failed", "out of time") else found

    def _spread(self, pairs: Sequence[PairSamples]) -> stopping_rule.Spread:
        """Of a comparison among all that were interleaved; one of whole processes has a variance of its own."""
        found = [pair.ratio for pair in pairs]
        if all(pair.interleaved for pair in pairs):
            return stopping_rule.pooled([*self._ratios, found], self.rules.prior_sd)
        return stopping_rule.pooled([found], stopping_rule.PROCESSES_SD)

    def _decision(self, pairs: Sequence[PairSamples]) -> Decision:
        return stopping_rule.decide([pair.ratio for pair in pairs], self._spread(pairs), self.rules)

    def _status(self, measured: PairsRun) -> CandidateStatus:
        failure = measured.failure
        baseline_failed = isinstance(failure, SideFailure) and failure.side == "a"
        self._baseline_failures = self._baseline_failures + 1 if baseline_failed else 0
        if baseline_failed and failure is not None and self._baseline_failures >= MAX_BASELINE_FAILURES:
            raise failure
        if failure is not None and not isinstance(failure, BudgetError):
            return "failed"
        decision = self._decision(measured.pairs) if measured.pairs else "another pair"
        return "out of time" if decision == "another pair" else decision

    def _remember(self, changes: Choice, pairs: Sequence[PairSamples]) -> None:
        found = [pair.ratio for pair in pairs]
        if not found:
            return
        if all(pair.interleaved for pair in pairs):
            self._ratios.append(found)
        if len(changes) == 1:
            ((name, value),) = changes.items()
            mean = sum(found) / len(found)
            self._best_ratio[name] = max(mean, self._best_ratio.get(name, 0.0))
            if mean < stopping_rule.CLEARLY_SLOWER:
                self._clearly_slower.add((name, value))


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


def _round_ratios(rounds: Any) -> tuple[float, ...]:
    return PairSamples(a=tuple(rounds["a"]), b=tuple(rounds["b"])).ratios
