"""The steady state: what is found in step times, and how often that is wrong, on simulated series.

The rates are bounds on what was measured with these seeds, which the detector was not tuned on.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from numpy.typing import NDArray
from rich.console import Console

from resnet_bench.analysis import steady_state
from resnet_bench.records.run import ProcessSamples, Round, Samples, Steadiness
from resnet_bench.report.terminal import text
from tests.experiments.test_run import run as run_fake

Series = NDArray[np.float64]
Make = Callable[[np.random.Generator], Series]


def noise(generator: np.random.Generator, rounds: int, spread: float, correlation: float, outliers: float) -> Series:
    """Logarithms of step times: AR(1) of that spread, and now and then a round that takes up to twice as long."""
    shocks = generator.normal(size=rounds)
    values = np.empty(rounds)
    values[0] = shocks[0]
    for i in range(1, rounds):
        values[i] = correlation * values[i - 1] + np.sqrt(1 - correlation**2) * shocks[i]
    late = np.where(generator.random(rounds) < outliers, generator.exponential(0.3, rounds), 0.0)
    return values * spread + late


def share(kinds: set[str], make: Make, seed: int, series: int = 100) -> float:
    """The share of simulated series in which one of `kinds` was found ("dropped": reached, but not at once)."""
    generator = np.random.default_rng(seed)
    hits = 0
    for _ in range(series):
        found = steady_state.detect(np.exp(make(generator)).tolist())
        hits += ("dropped" if found.start else found.kind) in kinds
    return hits / series


def stationary(rounds: int, correlation: float, outliers: float = 0.05) -> Make:
    """Noise of 1 to 10 % around one level."""
    return lambda g: noise(g, rounds, float(g.choice([0.01, 0.03, 0.1])), correlation, outliers)


@pytest.mark.parametrize(
    ("rounds", "correlation", "unsteady", "dropped"),
    [
        (8, 0.0, 0.04, 0.03),
        (8, 0.5, 0.06, 0.04),
        (20, 0.0, 0.06, 0.03),
        (20, 0.25, 0.06, 0.03),
        (20, 0.5, 0.08, 0.05),
        (30, 0.5, 0.08, 0.06),
        (100, 0.25, 0.04, 0.05),
        (100, 0.5, 0.06, 0.07),
    ],
)
def test_false_alarms_in_stationary_noise(rounds: int, correlation: float, unsteady: float, dropped: float) -> None:
    make = stationary(rounds, correlation)
    assert share({"still_drifting", "slowing_down", "bimodal"}, make, seed=701) <= unsteady
    assert share({"dropped"}, make, seed=702) <= dropped


def warming(rounds: int, spread: float) -> Make:
    """Starts 1.3 to 2 times slower and decays with a time constant of a twelfth of the rounds."""

    def make(g: np.random.Generator) -> Series:
        decay = np.exp(-np.arange(rounds) / (rounds / 12))
        return noise(g, rounds, spread, 0.2, 0.05) + np.log1p(g.uniform(0.3, 1.0) * decay)

    return make


@pytest.mark.parametrize(("spread", "least"), [(0.01, 0.9), (0.03, 0.7)])
def test_an_exponential_warm_up_is_found_and_left_out(spread: float, least: float) -> None:
    assert share({"dropped"}, warming(20, spread), seed=703) >= least


def drifting(rounds: int, spread: float, total: float) -> Make:
    return lambda g: noise(g, rounds, spread, 0.2, 0.05) + np.linspace(0.0, total, rounds)


@pytest.mark.parametrize(
    ("rounds", "spread", "total", "kind", "least"),
    [
        (20, 0.01, 0.1, "slowing_down", 0.85),
        (20, 0.01, -0.1, "still_drifting", 0.8),
        (20, 0.03, 0.2, "slowing_down", 0.6),
        (60, 0.01, 0.1, "slowing_down", 0.95),
        (60, 0.03, -0.2, "still_drifting", 0.85),
    ],
)
def test_a_linear_drift_is_found(rounds: int, spread: float, total: float, kind: str, least: float) -> None:
    assert share({kind}, drifting(rounds, spread, total), seed=704) >= least


def switching(rounds: int, spread: float, gap: float, dwell: float) -> Make:
    """Two levels; a round leaves its level with probability 1 / dwell."""

    def make(g: np.random.Generator) -> Series:
        return noise(g, rounds, spread, 0.2, 0.05) + gap * (np.cumsum(g.random(rounds) < 1 / dwell) % 2)

    return make


@pytest.mark.parametrize(
    ("rounds", "spread", "gap", "dwell", "least"),
    [(20, 0.01, 0.1, 2, 0.75), (20, 0.01, 0.2, 2, 0.8), (60, 0.01, 0.1, 5, 0.9), (60, 0.03, 0.2, 2, 0.65)],
)
def test_two_modes_are_found(rounds: int, spread: float, gap: float, dwell: float, least: float) -> None:
    assert share({"bimodal"}, switching(rounds, spread, gap, dwell), seed=705) >= least


def test_a_late_rise_is_slowing_down_and_a_late_fall_is_still_drifting() -> None:
    def shifted(shift: float, at: int) -> Make:
        return lambda g: noise(g, 20, 0.01, 0.2, 0.0) + np.where(np.arange(20) < at, shift, 0.0)

    assert share({"slowing_down"}, shifted(-0.1, 15), seed=706) >= 0.9
    assert share({"still_drifting"}, shifted(0.1, 17), seed=707) >= 0.85


# Single series, exactly


def level(*pieces: tuple[int, float]) -> list[float]:
    """Step times of constant levels with a ripple of 0.2 %."""
    values = [seconds for count, seconds in pieces for _ in range(count)]
    return [value * (1 + 0.002 * (i % 3 - 1)) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("step_s", "found"),
    [
        (level((7, 1.0)), steady_state.SteadyFinding("unknown")),
        (level((8, 1.0)), steady_state.SteadyFinding("reached", 0)),
        ([1.0] * 20, steady_state.SteadyFinding("reached", 0)),
        (level((5, 1.3), (15, 1.0)), steady_state.SteadyFinding("reached", 5)),
        (level((5, 0.7), (15, 1.0)), steady_state.SteadyFinding("reached", 5)),  # a pipeline that used up its buffer
        (level((15, 1.3), (5, 1.0)), steady_state.SteadyFinding("reached", 15)),
        (level((16, 1.3), (4, 1.0)), steady_state.SteadyFinding("still_drifting")),
        (level((12, 1.0), (8, 1.3)), steady_state.SteadyFinding("slowing_down")),
        (
            level((8, 1.0), (4, 1.3), (8, 1.0)),
            steady_state.SteadyFinding("reached", 0),
        ),  # a disturbance counts, it is no warm-up
        (level((4, 1.5), (6, 1.0), (4, 1.3), (6, 1.0)), steady_state.SteadyFinding("reached", 4)),
        (level((5, 1.3), (5, 1.0), (5, 1.3), (5, 1.0)), steady_state.SteadyFinding("bimodal")),
        (level(*[(3, 1.0), (3, 1.3)] * 4), steady_state.SteadyFinding("bimodal")),
        (level(*[(1, 1.0), (1, 1.3)] * 10), steady_state.SteadyFinding("bimodal")),
        (level((5, 1.01), (15, 1.0)), steady_state.SteadyFinding("reached", 0)),  # less than `MIN_SHIFT`
    ],
)
def test_what_a_series_does(step_s: list[float], found: steady_state.SteadyFinding) -> None:
    assert steady_state.detect(step_s) == found


@given(st.lists(st.floats(1e-6, 1e3), min_size=0, max_size=60), st.floats(1e-3, 1e3))
def test_any_series_is_judged_and_the_unit_does_not_matter(step_s: list[float], unit: float) -> None:
    found = steady_state.detect(step_s)
    assert (found.start is not None) == (found.kind == "reached")
    if found.start is not None:
        assert len(step_s) - found.start >= min(len(step_s), steady_state.MIN_TAIL)
    assert (found.kind == "unknown") == (len(step_s) < steady_state.MIN_STEADY_STATE_ROUNDS)
    powers = [seconds * 2.0 ** round(np.log2(unit)) for seconds in step_s]
    assert steady_state.detect(powers).kind == found.kind


# Marking a process


def rounds(seconds: list[float], steps: int = 4) -> tuple[Round, ...]:
    return tuple(Round(steps=steps, images=16 * steps, wall_s=s * steps, dispatch_s=None) for s in seconds)


def process(timed: list[float], warmup: tuple[float, ...] = (1.0, 1.0)) -> ProcessSamples:
    return ProcessSamples(process=0, warmup=rounds(list(warmup), steps=1), rounds=rounds(timed))


def test_warm_up_inside_the_window_is_kept_but_not_counted() -> None:
    marked = steady_state.mark(process(level((5, 1.3), (15, 1.0))), steps_per_call=1)
    assert len(marked.rounds) == 20
    assert (marked.first_counted_round, len(marked.counted)) == (5, 15)
    # one first step, two of warm-up, five rounds of four steps; the next one is steady
    assert marked.steady == Steadiness(kind="reached", from_round=5, from_step=1 + 2 + 20 + 1)


def test_whoever_gives_the_warm_up_gets_all_rounds_counted() -> None:
    marked = steady_state.mark(process(level((5, 1.3), (15, 1.0))), steps_per_call=1, count_all=True)
    assert (marked.first_counted_round, len(marked.counted)) == (0, 20)
    assert marked.steady is not None
    assert marked.steady.from_round == 5


@pytest.mark.parametrize(("warmup", "step"), [((1.0, 1.0), 2), ((1.5, 1.0), 3), ((1.0, 1.5), 4), ((), 2)])
def test_the_steady_state_may_begin_in_the_warm_up(warmup: tuple[float, ...], step: int) -> None:
    marked = steady_state.mark(process(level((20, 1.0)), warmup), steps_per_call=1)
    assert marked.steady == Steadiness(kind="reached", from_round=0, from_step=step)


@pytest.mark.parametrize("timed", [level((16, 1.3), (4, 1.0)), level(*[(3, 1.0), (3, 1.3)] * 4), [1.0] * 3])
def test_without_a_steady_state_every_round_counts(timed: list[float]) -> None:
    marked = steady_state.mark(process(timed), steps_per_call=1)
    assert marked.counted == marked.rounds
    assert marked.steady is not None
    assert marked.steady.from_step is None


def test_a_process_without_rounds_is_left_alone() -> None:
    assert steady_state.mark(process([]), steps_per_call=1).steady is None


def test_marking_twice_changes_nothing() -> None:
    for timed, count_all in product((level((5, 1.3), (15, 1.0)), [1.0] * 9), (True, False)):
        once = steady_state.mark(process(timed), 1, count_all)
        assert steady_state.mark(once, 1, count_all) == once


# In the summary


def shown(*processes: ProcessSamples) -> str:
    record = structs.replace(run_fake("--processes 1 --rounds 3"), samples=Samples(processes=processes))
    console = Console(width=160, file=io.StringIO())
    console.print(text.render(record))
    output = console.file.getvalue()  # type: ignore[attr-defined]
    (line,) = [line for line in output.splitlines() if line.strip().startswith("steady state")]
    return str(line.split("steady state")[1].strip())


@pytest.mark.process
def test_the_summary_tells_the_steady_state_in_a_few_words() -> None:
    calm, late, torn = level((20, 1.0)), level((5, 1.3), (15, 1.0)), level(*[(3, 1.0), (3, 1.3)] * 4)
    marked = [steady_state.mark(process(timed), 1) for timed in (calm, late, torn, [1.0] * 3)]
    assert shown(marked[0], marked[0]) == "reached at step 2"
    assert shown(marked[0], marked[1]) == "reached at step 2 to 24, 5 rounds before it not counted"
    assert shown(marked[0], marked[2], marked[2]) == "1 x reached at step 2, 2 x bimodal"
    assert shown(marked[3]) == "unknown, too few rounds"
