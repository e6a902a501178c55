"""A search for the fastest configuration from start to end: whatever happens, the result is a `TuningRecord`.

First a process that says what the machine is, then the search, then the confirmation in interleaved runs of its own:
the best against TensorFlow's defaults, and against itself with one option set back. Neighbours: `search_space.py`,
`search.py`, `constraints.py` and `confirm.py` are the parts, `records/tuning.py` has the result, `cli/tune.py` asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

import resnet_bench
from resnet_bench.analysis import noise_floor
from resnet_bench.config import Config, options
from resnet_bench.config.option import protocol_of, to_json_value
from resnet_bench.data import default_cache_dir
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.experiments import budget as plan
from resnet_bench.experiments.ending import ended
from resnet_bench.experiments.ignored_options import ignored_options
from resnet_bench.experiments.paired.ab import AbRun
from resnet_bench.experiments.paired.interleave import StopEarly
from resnet_bench.experiments.paired.side import Budget, RoundCount, Side
from resnet_bench.experiments.progress import SearchObserver, TuneObserver
from resnet_bench.experiments.tuning import constraints, search_space, stopping_rule
from resnet_bench.experiments.tuning.confirm import Confirmation
from resnet_bench.experiments.tuning.search import Choice, PairsRun, Search, words
from resnet_bench.experiments.tuning.stopping_rule import StoppingRule
from resnet_bench.records.ab import SideFacts
from resnet_bench.records.base import Notice
from resnet_bench.records.files import new_id, now
from resnet_bench.records.run import Outcome
from resnet_bench.records.tuning import Candidate, ConstraintCheck, Constraints, TuningRecord, lasting

SEARCH_SHARE = 0.6
"""Of the time, at most; the confirmation has the rest."""

SEARCH_ROUNDS = 6
SEARCH_PAIRS = 5
UNCONSTRAINED = Constraints()
UNFINISHED = Outcome(
    kind="interrupted", message="The search had not ended when this was saved.", remedy="continue with --resume."
)


@dataclass(frozen=True)
class TuneSettings:
    """How to search. `vary`, `only`, `pipeline` and `emulated` shape the space (`search_space.make`); `min_gain` is the
    smallest gain of interest (a fraction); `pairs` and `turns` are the confirmation's; `earlier` is an unfinished
    search to continue."""

    vary: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    only: tuple[str, ...] | None = None
    pipeline: bool = False
    emulated: bool = False
    constraints: Constraints = UNCONSTRAINED
    min_gain: float = 0.01
    pairs: int = 5
    turns: RoundCount = "auto"
    turn_steps: int | None = None
    max_time_s: float = 1800.0
    earlier: TuningRecord | None = None


def run(
    given: Mapping[str, Any],
    settings: TuneSettings,
    observer: TuneObserver,
    keep: Callable[[TuningRecord], object] = lambda _tuning: None,
    new_side: Callable[[str, Config], Side] = Side,
) -> TuningRecord:
    """Search from the user's options `given`, and return the result; blocks.

    Raises `ConfigError` for options that leave nothing to do; everything later becomes the result's outcome.
    keep: takes what is known before each candidate, so that nothing is lost where the process is killed.
    """
    search_space.check_asked(settings.vary, settings.only)
    outputs = {option.name for option in options.options() if option.section == "output"}
    kept = {name: value for name, value in given.items() if name not in outputs}
    tuning = _Tuning(kept, settings, observer, keep, new_side)
    constraints.check(settings.constraints, tuning.requested.step.mode)
    refused: list[ConfigError] = []

    def search() -> None:
        try:
            tuning.run()
        except ConfigError as error:
            refused.append(error)

    outcome, _ = ended(search, "What was found is kept; continue with --resume.")
    if refused:
        raise refused[0]
    return tuning.result(outcome)


class _Tuning(SearchObserver):
    """One search in progress; `result` works at any moment."""

    def __init__(
        self,
        given: Choice,
        settings: TuneSettings,
        observer: TuneObserver,
        keep: Callable[[TuningRecord], object],
        new_side: Callable[[str, Config], Side],
    ) -> None:
        self.requested = options.build(given)[0]
        self._given, self._settings, self._observer = given, settings, observer
        self._keep, self._new_side = keep, new_side
        self._id = new_id()
        self._started = time.monotonic()
        self._created = now()
        self._facts: SideFacts | None = None
        self._space: search_space.SearchSpace | None = None
        self._search: Search | None = None
        self._confirmation: Confirmation | None = None
        self._notices: list[Notice] = []

    def run(self) -> None:
        """Probe, search, then confirm."""
        self._observer.stage("machine")
        self._facts = self._measure(self.requested, UNCONSTRAINED).facts
        self._search = self._make_search()
        self._observer.stage("search")
        self._search.run()
        cut = sum(each.status == "out of time" for each in self._search.candidates)
        if self._search.out_of_time or cut:
            self._note(Notice.make("tune_search_cut", tried=len(self._search.candidates), cut=cut))
        if self._search.best != self._search.start:
            self._confirmation = Confirmation(
                self._search, self._runs, self._left, self._settings.pairs, self._settings.turns
            )
            self._observer.stage("gain over the defaults")
            if not self._confirmation.measure_gain():
                self._note(Notice.make("tune_gain_unmeasured"))
            elif self._confirmation.unclear:
                self._note(Notice.make("tune_gain_unclear"))
            if len(self._confirmation.changed) > 1:
                self._observer.stage("contribution of each option")
                self._confirmation.measure_contributions()

    def _left(self) -> float:
        return self._started + self._settings.max_time_s - time.monotonic()

    def _note(self, notice: Notice) -> None:
        self._notices.append(notice)
        self._observer.note(notice)

    def _budget(
        self,
        max_time_s: float,
        pairs: int = 1,
        turns: RoundCount = SEARCH_ROUNDS,
        turn_s: float = plan.ROUND_SECONDS,
    ) -> Budget:
        return Budget(
            turns=turns,
            pairs=pairs,
            steps=self._settings.turn_steps or "auto",
            max_time_s=max(0.0, max_time_s),
            silence_s=self.requested.measure.timeout,
            turn_s=turn_s,
        )

    def _measure(self, config: Any, wanted: Constraints) -> constraints.SideMeasured:
        side = self._new_side("", config)
        return constraints.measure(side, wanted, self._budget(self._left()), self._observer.phase)

    def _make_search(self) -> Search:
        facts, settings = self._facts, self._settings
        assert facts is not None
        assert facts.resolved is not None
        assert facts.machine is not None
        found = search_space.make(
            self._given,
            facts.resolved,
            facts.machine,
            settings.vary,
            settings.only,
            settings.pipeline,
            settings.emulated,
        )
        self._space = found
        for notice in found.notices:
            self._note(notice)
        singles = sum(len(values) - 1 for values in found.values.values())
        rules = StoppingRule(
            min_gain=settings.min_gain, candidates=2 * singles + 1, pairs=SEARCH_PAIRS, prior_sd=self._prior_sd(facts)
        )
        until = self._started + SEARCH_SHARE * settings.max_time_s
        start = self._within_constraints(found)
        return Search(found, rules, self._compare, self._admit, self, until, start, self._known(found, start))

    def candidate(self, number: int, at_most: int, words: str) -> None:
        """Keep what is known, then pass it on."""
        self._keep(self.result(UNFINISHED))
        self._observer.candidate(number, at_most, words)

    def decided(self, candidate: Candidate) -> None:
        """Pass it on."""
        self._observer.decided(candidate)

    def _known(self, found: search_space.SearchSpace, start: Choice) -> list[Candidate]:
        """The candidates of an earlier search for the same thing."""
        earlier, facts = self._settings.earlier, self._facts
        if earlier is None or facts is None:
            return []
        ids = [each.machine_id if each else None for each in (earlier.environment, facts.environment)]
        same = (earlier.given, earlier.space, earlier.constraints) == (
            to_json_value(lasting(self._given)),
            found.shown,
            self._settings.constraints,
        )
        if not same or ids[0] != ids[1] or earlier.defaults != found.config(start):
            raise ConfigError(
                "--resume: that search had other options, another space or another machine.",
                "Give the options that it was started with, or start again without --resume.",
            )
        return list(earlier.candidates)

    def _prior_sd(self, facts: SideFacts) -> float:
        """The variation between pairs from the machine's noise floor, where it is known and above the usual: a search
        has fewer and longer rounds than the floor was measured with."""
        if facts.environment is None or facts.machine is None:
            return stopping_rule.PRIOR_SD
        kind = noise_floor.kind_of(facts.resolved or facts.requested, facts.machine)
        floor = noise_floor.find(default_cache_dir(), facts.environment.machine_id, kind)
        return stopping_rule.PRIOR_SD if floor is None else max(stopping_rule.PRIOR_SD, floor.pair_sd)

    def _within_constraints(self, found: search_space.SearchSpace) -> Choice:
        """The defaults, with the largest batch, halved again and again, that keeps the constraints."""
        chosen = dict(found.defaults)
        if self._settings.constraints == UNCONSTRAINED:
            return chosen
        self._observer.stage("constraints")
        while True:
            probe, broken = self._admit(chosen)
            if broken is None:
                return chosen
            batch = chosen.get("batch_size", 1)
            if broken != "--max-latency" or batch == 1:
                raise constraints.unreachable(broken, probe, words(chosen))
            chosen = {**chosen, "batch_size": batch // 2}

    def _admit(self, chosen: Choice) -> tuple[ConstraintCheck | None, str | None]:
        assert self._space is not None
        wanted = self._settings.constraints
        if wanted == UNCONSTRAINED:
            return None, None
        probe = self._measure(self._space.config(chosen), wanted).probe
        return probe, probe.breaks(wanted)

    def _runs(
        self,
        one: Choice,
        two: Choice,
        max_time_s: float,
        pairs: int,
        turns: RoundCount,
        early: StopEarly | None = None,
    ) -> AbRun:
        assert self._space is not None
        # The search asks after each round whether a candidate is lost, so its rounds are few and long.
        budget = self._budget(max_time_s, pairs, turns, plan.ROUND_SECONDS if early else plan.TURN_SECONDS)
        labels = ("", "") if early else (words(one), words(two))  # The observer has named a candidate already.
        a, b = (self._new_side(label, self._space.config(c)) for label, c in zip(labels, (one, two), strict=True))
        return AbRun(a, b, budget, self._observer, early=early)

    def _compare(self, baseline: Choice, candidate: Choice, early: StopEarly) -> PairsRun:
        assert self._search is not None
        # One slow candidate must not take the time of all others: half of what is left, but enough for two pairs.
        left = self._search.until - time.monotonic()
        time_s = min(left, max(left / 2, 2.5 * self._search.shortest_pair_s))
        runs = self._runs(baseline, candidate, time_s, SEARCH_PAIRS, SEARCH_ROUNDS, early)
        failure = None
        try:
            runs.run()
        except BenchError as error:
            failure = error
        return PairsRun(tuple(runs.pairs), failure, tuple(runs.notices))

    def result(self, outcome: Outcome) -> TuningRecord:
        """What is known now."""
        facts, search = self._facts, self._search
        tuning = TuningRecord(
            id=self._id,
            created_at=self._created,
            tool_version=resnet_bench.__version__,
            outcome=outcome,
            given=to_json_value(lasting(self._given)),
            machine=facts.machine if facts else None,
            environment=facts.environment if facts else None,
            constraints=self._settings.constraints,
            notices=(*ignored_options(self._given, protocol_of("tune"), "bench-cli tune"), *self._notices),
            wall_s=time.monotonic() - self._started,
        )
        if search is None or facts is None or facts.machine is None:
            return tuning
        gain = self._confirmation.gain if self._confirmation else None
        won = search.best != search.start and not (self._confirmation and self._confirmation.refuted)
        recommended = search.best if won else search.start
        return replace(
            tuning,
            space=search.space.shown,
            defaults=search.space.config(search.start),
            best=search.space.config(search.best),
            recommended="best" if won else "defaults",
            settings=to_json_value({**lasting(self._given), **recommended}),
            candidates=tuple(search.candidates),
            gain=gain,
            contributions=self._confirmation.contributions if self._confirmation else (),
            warnings=search_space.warnings(search.space, recommended, facts.machine),
        )
