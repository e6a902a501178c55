"""Do comparisons cry wolf, and do they find what is there? Simulated timings through the real statistics.

The machine is `tests/support/simulated.py`'s: drift, swings, outliers, autocorrelated noise and process effects, its
parameters stated there, on 20 seeds that development never used. The deviation per pair of processes comes
out at 2 %, which a test checks.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest

from resnet_bench.analysis import ratio
from resnet_bench.analysis.ab import estimate, narrow_enough
from resnet_bench.analysis.compare import NamedRecord, Pool, compare
from resnet_bench.analysis.summary import summarize
from resnet_bench.config.options import parse_args
from resnet_bench.records.ab import PairSamples
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.run import Outcome, ProcessSamples, Samples, Verdict
from tests.support import simulated

PER_SEED = 50
TURNS = 16
PAIR_PROCESS_SD = 0.0104
"""With 16 turns of the simulated noise this makes the deviation of a pair's ratio 2 %."""


def share(of: Callable[[np.random.Generator], bool], per_seed: int = PER_SEED) -> float:
    """How often `of` holds over the test's seeds: 1,000 times at 50 per seed."""
    found = [of(random) for random in map(np.random.default_rng, simulated.TEST_SEEDS) for _ in range(per_seed)]
    return sum(found) / len(found)


def pairs(random: np.random.Generator, count: int, slowdown: float = 0.0) -> list[PairSamples]:
    return [simulated.pair(random, TURNS, PAIR_PROCESS_SD, slowdown) for _ in range(count)]


def alarm(turns: list[PairSamples]) -> bool:
    return ratio.finding(estimate(turns)) in ("faster", "slower")


@pytest.mark.parametrize("count", [3, 5])
def test_interleaved_rounds_of_identical_sides_rarely_differ(count: int) -> None:
    assert share(lambda random: alarm(pairs(random, count))) <= 0.065


def test_stopping_at_a_precision_target_keeps_the_false_positive_rate() -> None:
    def stopped_alarm(random: np.random.Generator) -> bool:
        played = pairs(random, 2)
        while len(played) < 12 and not narrow_enough(played, 0.02):
            played += pairs(random, 1)
        return alarm(played)

    assert share(stopped_alarm) <= 0.065


def test_a_slowdown_of_three_percent_is_found_with_eight_pairs() -> None:
    deviations: list[float] = []

    def found(random: np.random.Generator) -> bool:
        played = pairs(random, 8, slowdown=0.03)
        deviations.append(statistics.stdev(math.log(turns.ratio) for turns in played))
        return ratio.finding(estimate(played)) == "slower"

    assert share(found, per_seed=20) >= 0.90
    assert math.sqrt(statistics.fmean(each**2 for each in deviations)) == pytest.approx(0.02, rel=0.05)


# Records that were measured one after the other


CONFIG = parse_args(["--batch-size", "16"])[0]


def pool(random: np.random.Generator, name: str, processes: int, slowdown: float = 0.0) -> Pool:
    samples = Samples(
        processes=tuple(
            ProcessSamples(process=number, rounds=simulated.process(random, 20, 0.05, slowdown))
            for number in range(processes)
        )
    )
    record = Record(
        id=name,
        created_at="2026-01-31T12:00:00+00:00",
        tool_version="0",
        outcome=Outcome(kind="ok"),
        verdict=Verdict(kind="valid"),
        config=Configuration(requested=CONFIG, resolved=CONFIG),
        samples=samples,
        summary=summarize(samples),
    )
    return Pool((NamedRecord(name, record),))


def findings(random: np.random.Generator, news: int, processes: int, slowdown: float = 0.0) -> list[str]:
    base = pool(random, "base", processes)
    report = compare(base, [pool(random, f"new{n}", processes, slowdown) for n in range(news)])
    return [each.finding for each in report.comparisons]


@pytest.mark.parametrize("processes", [3, 5])
def test_records_of_the_same_speed_rarely_differ(processes: int) -> None:
    assert share(lambda random: findings(random, 1, processes) != ["no difference"]) <= 0.065


def test_three_comparisons_at_once_together_keep_the_promise() -> None:
    def any_alarm(random: np.random.Generator) -> bool:
        return any(each != "no difference" for each in findings(random, 3, 3))

    assert share(any_alarm) <= 0.065


def test_records_show_a_large_difference() -> None:
    assert share(lambda random: findings(random, 1, 5, slowdown=0.5) == ["slower"], per_seed=5) >= 0.9
