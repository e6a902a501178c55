"""A search for the fastest configuration, from start to end: whatever happens, a `TuningRecord` comes of it.

First a process that says what the machine is, then the race, then the two claims, in turns of their own that
the race had no part in: best against TensorFlow's defaults, and best against itself with one switch put back.
Neighbours: `space.py`, `search.py`, `bounds.py` and `proof.py` are the parts, `tuned.py` has the result,
`cli/tune.py` asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec.structs import replace

import resnet_bench
from resnet_bench.analysis import noise_floor
from resnet_bench.config import Config, options
from resnet_bench.config.option import protocol_of, to_json_value
from resnet_bench.data import default_cache_dir
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.experiments import budget as plan
from resnet_bench.experiments.ignored_options import ignored_options
from resnet_bench.experiments.paired import duet
from resnet_bench.experiments.paired.duet import AbRun
from resnet_bench.experiments.paired.interleave import StopEarly
from resnet_bench.experiments.paired.side import Budget, RoundCount, Side
from resnet_bench.experiments.tuning import constraints as limits
from resnet_bench.experiments.tuning import search_space, stopping_rule
from resnet_bench.experiments.tuning.confirm import Confirmation
from resnet_bench.experiments.tuning.search import Choice, PairsRun, Search, SearchObserver, words
from resnet_bench.experiments.tuning.stopping_rule import StoppingRule
from resnet_bench.records.ab import SideFacts
from resnet_bench.records.base import Notice
from resnet_bench.records.files import new_id, now
from resnet_bench.records.run import Outcome
from resnet_bench.records.tuning import Candidate, ConstraintCheck, Constraints, TuningRecord, lasting
from resnet_bench.worker.process import outcome_of

SEARCH_SHARE = 0.6
"""Of the time, at most; the claims have the rest."""

RACE_TURNS = 6
RACE_PAIRS = 5
SMALLEST_PRIOR_SD = 0.005
NONE = Constraints()
UNFINISHED = Outcome(kind="interrupted", message="It had not ended when this was saved.", remedy="--resume goes on.")


class TuneObserver(duet.PairedObserver, SearchObserver, Protocol):
    """Who wants to know how far a search is."""

    def stage(self, name: str) -> None:
        """A part of the whole begins."""


@dataclass(frozen=True)
class TuneSettings:
    """How to search. `vary`, `only`, `pipeline` and `emulated` shape the space (`space.make`); `min_gain` is what is
    worth having (a fraction); `pairs` and `turns` are the final match's; `earlier` is an unfinished search to go on."""

    vary: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    only: tuple[str, ...] | None = None
    pipeline: bool = False
    emulated: bool = False
    bounds: Constraints = NONE
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
    """Search from the user's options `given`, and return what came of it; blocks.

    Raises `ConfigError` for options that leave nothing to do; everything later becomes the result's outcome.
    keep: takes what is known after each challenger, so that nothing is lost where the process is killed.
    """
    search_space.check_asked(settings.vary, settings.only)
    outputs = {option.name for option in options.options() if option.section == "output"}
    job = _Job(
        {name: value for name, value in given.items() if name not in outputs}, settings, observer, keep, new_side
    )
    limits.check(settings.bounds, job.requested.step.mode)
    outcome = Outcome(kind="ok")
    try:
        job.run()
    except KeyboardInterrupt:
        outcome = Outcome(
            kind="interrupted", message="Interrupted.", remedy="What was found is kept; --resume goes on."
        )
    except BenchError as error:
        if isinstance(error, ConfigError):
            raise
        outcome = outcome_of(error)
    return job.result(outcome)


class _Job:
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
        self._proof: Confirmation | None = None
        self._notices: list[Notice] = []

    def run(self) -> None:
        """Probe, search, then measure what is claimed."""
        self._observer.stage("machine")
        self._facts = self._measure(self.requested, NONE).facts
        self._search = self._make_search()
        self._observer.stage("search")
        self._search.run()
        cut = sum(each.status == "out of time" for each in self._search.challenges)
        if self._search.out_of_time or cut:
            self._note(Notice.make("tune_search_cut", tried=len(self._search.challenges), cut=cut))
        if self._search.champion != self._search.start:
            self._proof = Confirmation(
                self._search, self._match, self._left, self._settings.pairs, self._settings.turns
            )
            self._observer.stage("gain over the defaults")
            if not self._proof.measure_gain():
                self._note(Notice.make("tune_gain_unmeasured"))
            elif self._proof.unclear:
                self._note(Notice.make("tune_gain_unclear"))
            if len(self._proof.switches) > 1:
                self._observer.stage("what each switch gives")
                self._proof.measure_contributions()

    def _left(self) -> float:
        return self._started + self._settings.max_time_s - time.monotonic()

    def _note(self, notice: Notice) -> None:
        self._notices.append(notice)
        self._observer.note(notice)

    def _budget(
        self,
        max_time_s: float,
        pairs: int = 1,
        turns: RoundCount = RACE_TURNS,
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

    def _measure(self, config: Any, bounds: Constraints) -> limits.Found:
        side = self._new_side("", config)
        return limits.measure(side, bounds, self._budget(self._left()), self._observer.phase)

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
            min_gain=settings.min_gain, challengers=2 * singles + 1, pairs=RACE_PAIRS, prior_sd=self._prior_sd(facts)
        )
        until = self._started + SEARCH_SHARE * settings.max_time_s
        start = self._within_bounds(found)
        return Search(found, rules, self._play, self._admit, self, until, start, self._known(found, start))

    def challenge(self, number: int, at_most: int, words: str) -> None:
        """Keep what is known, then pass it on."""
        self._keep(self.result(UNFINISHED))
        self._observer.challenge(number, at_most, words)

    def settled(self, challenge: Candidate) -> None:
        """Pass it on."""
        self._observer.settled(challenge)

    def _known(self, found: search_space.SearchSpace, start: Choice) -> list[Candidate]:
        """The challenges of an earlier search for the same thing."""
        earlier, facts = self._settings.earlier, self._facts
        if earlier is None or facts is None:
            return []
        ids = [each.machine_id if each else None for each in (earlier.environment, facts.environment)]
        same = (earlier.given, earlier.space, earlier.bounds) == (
            to_json_value(lasting(self._given)),
            found.shown,
            self._settings.bounds,
        )
        if not same or ids[0] != ids[1] or earlier.defaults != found.config(start):
            raise ConfigError(
                "--resume: that search had other options, another space or another machine.",
                "Give the options that it was started with, or start anew.",
            )
        return list(earlier.challenges)

    def _prior_sd(self, facts: SideFacts) -> float:
        """What this machine's noise floor says pairs deviate by, where it was measured and is worse than usual: a race
        has fewer and longer turns than the floor was measured with."""
        if facts.environment is None or facts.machine is None:
            return stopping_rule.PRIOR_SD
        kind = noise_floor.kind_of(facts.resolved or facts.requested, facts.machine)
        floor = noise_floor.find(default_cache_dir(), facts.environment.machine_id, kind)
        return stopping_rule.PRIOR_SD if floor is None else max(stopping_rule.PRIOR_SD, floor.pair_sd)

    def _within_bounds(self, found: search_space.SearchSpace) -> Choice:
        """The defaults, with the largest batch, halved again and again, that keeps to the bounds."""
        chosen = dict(found.defaults)
        if self._settings.bounds == NONE:
            return chosen
        self._observer.stage("bounds")
        while True:
            probe, broken = self._admit(chosen)
            if broken is None:
                return chosen
            batch = chosen.get("batch_size", 1)
            if broken != "--max-latency" or batch == 1:
                raise limits.unreachable(broken, probe, words(chosen))
            chosen = {**chosen, "batch_size": batch // 2}

    def _admit(self, chosen: Choice) -> tuple[ConstraintCheck | None, str | None]:
        assert self._space is not None
        bounds = self._settings.bounds
        if bounds == NONE:
            return None, None
        probe = self._measure(self._space.config(chosen), bounds).probe
        return probe, probe.breaks(bounds)

    def _match(
        self,
        one: Choice,
        two: Choice,
        max_time_s: float,
        pairs: int,
        turns: RoundCount,
        early: StopEarly | None = None,
    ) -> AbRun:
        assert self._space is not None
        # A race asks after each turn whether it is lost, so its turns are few and long; what is claimed has short ones.
        budget = self._budget(max_time_s, pairs, turns, plan.ROUND_SECONDS if early else plan.TURN_SECONDS)
        labels = ("", "") if early else (words(one), words(two))  # A challenge names its sides by itself.
        a, b = (self._new_side(label, self._space.config(c)) for label, c in zip(labels, (one, two), strict=True))
        return AbRun(a, b, budget, self._observer, early=early)

    def _play(self, champion: Choice, challenger: Choice, early: StopEarly) -> PairsRun:
        assert self._search is not None
        # One slow challenger must not take the time of all others: half of what is left, but enough for two pairs.
        left = self._search.until - time.monotonic()
        time_s = min(left, max(left / 2, 2.5 * self._search.shortest_pair_s))
        match = self._match(champion, challenger, time_s, RACE_PAIRS, RACE_TURNS, early)
        try:
            match.run()
        except BenchError as error:
            return PairsRun(tuple(match.pairs), error, tuple(match.notices))
        return PairsRun(tuple(match.pairs), None, tuple(match.notices))

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
            bounds=self._settings.bounds,
            notices=(*ignored_options(self._given, protocol_of("tune"), "bench-cli tune"), *self._notices),
            wall_s=time.monotonic() - self._started,
        )
        if search is None or facts is None or facts.machine is None:
            return tuning
        gain = self._proof.gain if self._proof else None
        won = search.champion != search.start and not (self._proof and self._proof.refuted)
        recommended = search.champion if won else search.start
        return replace(
            tuning,
            space=search.space.shown,
            defaults=search.space.config(search.start),
            best=search.space.config(search.champion),
            recommended="best" if won else "defaults",
            settings=to_json_value({**lasting(self._given), **recommended}),
            challenges=tuple(search.challenges),
            gain=gain,
            contributions=self._proof.contributions if self._proof else (),
            warnings=search_space.warnings(search.space, recommended, facts.machine),
        )
