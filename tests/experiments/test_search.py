"""The race for the fastest configuration, played on a simulated machine: no processes, no clock.

The machine is `tests/support/simulated.py`'s, with its drift, outliers, autocorrelated noise and process effects.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from resnet_bench.config.options import parse_args
from resnet_bench.errors import BudgetError
from resnet_bench.experiments.paired.interleave import Repetition, StopEarly
from resnet_bench.experiments.paired.side import SideFailure
from resnet_bench.experiments.progress import SearchObserver
from resnet_bench.experiments.tuning import search_space
from resnet_bench.experiments.tuning.search import Choice, PairsRun, Search
from resnet_bench.experiments.tuning.stopping_rule import StoppingRule
from resnet_bench.records.ab import PairSamples
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import Outcome
from resnet_bench.records.tuning import ConstraintCheck
from resnet_bench.runtime.resolve import resolve
from tests.support import simulated

MACHINE = Machine(device_kind="cpu", device="cpu", cpus=2, cpu_flags=frozenset({"avx2"}), onednn=True)
GIVEN = {"mode": "infer", "image_size": (64, 64), "batch_size": 16}
TURNS, PAIR_PROCESS_SD = 6, 0.005
ONLY = ("onednn", "xla", "batch_norm", "freeze", "threads")


def made(only: tuple[str, ...] = ONLY) -> search_space.SearchSpace:
    config = resolve(parse_args(["--mode", "infer", "--batch-size", "16"])[0], MACHINE)[0]
    return search_space.make(GIVEN, config, MACHINE, only=only)


def machine(
    speed: Callable[[Choice], float], seed: int | np.random.Generator = 1
) -> Callable[[Choice, Choice, StopEarly], PairsRun]:
    """Plays matches on a machine where a choice runs `speed` times as fast as the slowest."""
    random = np.random.default_rng(seed)

    def compare(baseline: Choice, candidate: Choice, early: StopEarly) -> PairsRun:
        pairs: list[PairSamples] = []
        slowdown = speed(baseline) / speed(candidate) - 1
        while len(pairs) < 5 and not early.after([_repetition(pair) for pair in pairs]):
            pairs.append(simulated.pair(random, TURNS, PAIR_PROCESS_SD, slowdown))
        return PairsRun(tuple(pairs))

    return compare


def _repetition(pair: PairSamples) -> Repetition:
    return Repetition({"a": pair.a, "b": pair.b})


def search(
    compare: Callable[[Choice, Choice, StopEarly], PairsRun],
    of: search_space.SearchSpace | None = None,
    admit: Callable[[Choice], tuple[ConstraintCheck | None, str | None]] = lambda _chosen: (None, None),
    until: float = float("inf"),
) -> Search:
    of = of or made()
    singles = sum(len(values) - 1 for values in of.values.values())
    found = Search(
        of, StoppingRule(candidates=2 * singles + 1), compare, admit, SearchObserver(), until, dict(of.defaults)
    )
    found.run()
    return found


def times(**gains: float) -> Callable[[Choice], float]:
    """A speed that is multiplied by each gain whose option has another value than TensorFlow's default."""
    defaults = made().defaults

    def speed(chosen: Choice) -> float:
        product = 1.0
        for name, gain in gains.items():
            product *= gain if chosen[name] != defaults[name] else 1.0
        return product

    return speed


@pytest.mark.parametrize("seed", range(3))
def test_the_planted_fastest_configuration_is_found(seed: int) -> None:
    found = search(machine(times(onednn=1.4, batch_norm=1.05, freeze=1.08, xla=0.6, threads=0.55), seed))
    assert found.best == {"onednn": "on", "batch_norm": "fused", "freeze": True, "xla": False, "threads": 2}


def test_losers_are_dropped_after_one_pair() -> None:
    found = search(machine(times(onednn=1.4, xla=0.6, threads=0.55)))
    lost = {name: each for each in found.candidates for name in each.changes if len(each.changes) == 1}
    assert lost["xla"].status == lost["threads"].status == "dropped"
    assert len(lost["xla"].pairs) == len(lost["threads"].pairs) == 1


def test_two_switches_that_only_win_together_are_found() -> None:
    def speed(chosen: Choice) -> float:
        return 1.3 if chosen["xla"] and chosen["batch_norm"] == "fused" else 0.97 if chosen["xla"] else 1.0

    found = search(machine(speed), made(("xla", "batch_norm")))
    assert found.best == {"xla": True, "batch_norm": "fused"}


def test_a_search_among_equals_rarely_finds_a_winner() -> None:
    """Whole searches, eleven candidates each: what the level is divided by. 200 of them."""
    searches = [
        search(machine(lambda _chosen: 1.0, random))
        for random in map(np.random.default_rng, simulated.TEST_SEEDS)
        for _ in range(10)
    ]
    assert sum(each.best != each.start for each in searches) <= 0.065 * len(searches)


def test_a_gain_of_five_percent_is_found_more_often_than_not() -> None:
    found = [search(machine(times(freeze=1.05), seed), made(("freeze", "xla"))) for seed in simulated.TEST_SEEDS]
    assert sum(each.best["freeze"] for each in found) > len(found) / 2


def test_a_candidate_that_fails_is_recorded_and_the_search_goes_on() -> None:
    real = machine(times(onednn=1.4))
    outcome = Outcome(kind="out_of_memory", message="it does not fit.")

    def compare(baseline: Choice, candidate: Choice, early: StopEarly) -> PairsRun:
        if candidate["xla"]:
            return PairsRun((), SideFailure("b", "xla", outcome))
        return real(baseline, candidate, early)

    found = search(compare)
    (failed,) = [each for each in found.candidates if each.status == "failed" and each.changes == {"xla": True}]
    assert failed.outcome is not None
    assert (failed.outcome.kind, failed.ratio) == ("out_of_memory", None)
    assert found.best["onednn"] == "on"


def test_a_baseline_that_stops_working_ends_the_search() -> None:
    failure = SideFailure("a", "", Outcome(kind="crashed", message="it crashed."))
    with pytest.raises(SideFailure):
        search(lambda *_: PairsRun((), failure))


def test_a_candidate_that_the_time_cuts_short_is_no_loser() -> None:
    found = search(lambda *_: PairsRun((), BudgetError("no time")), made(("xla",)))
    assert [each.status for each in found.candidates] == ["out of time"]


def test_the_search_ends_with_its_time() -> None:
    found = search(machine(times(onednn=1.4)), until=time.monotonic() - 1)
    assert found.out_of_time
    assert not found.candidates


def test_a_winner_that_breaks_a_bound_does_not_become_the_best() -> None:
    def admit(chosen: Choice) -> tuple[ConstraintCheck | None, str | None]:
        return ConstraintCheck(output_error=0.1), "--max-output-error" if chosen["freeze"] else None

    found = search(machine(times(freeze=1.5, onednn=1.4)), admit=admit)
    assert (found.best["freeze"], found.best["onednn"]) == (False, "on")
    broken = [each for each in found.candidates if each.status == "out of bounds"]
    assert {each.broken for each in broken} == {"--max-output-error"}


def test_no_choice_is_tried_twice_and_their_number_is_bounded() -> None:
    found = search(machine(times(onednn=1.4, batch_norm=1.1, freeze=1.2)))
    tried: list[tuple[Any, ...]] = []
    baseline = dict(made().defaults)
    for each in found.candidates:
        chosen = {**baseline, **each.changes}
        tried.append(tuple(sorted(chosen.items())))
        baseline = chosen if each.status == "won" else baseline
    assert len(tried) == len(set(tried))
    assert len(tried) <= found.rules.candidates


def test_what_contradicts_itself_is_not_tried() -> None:
    of = made(("freeze", "xla"))
    assert not replace_mode(of).possible({"freeze": True, "xla": False})


def replace_mode(of: search_space.SearchSpace) -> search_space.SearchSpace:
    return search_space.SearchSpace({**of.base, "mode": "train"}, of.values, of.defaults, of.promising)
