"""Has a process reached its steady state, and from which round on? Found by changepoints. Pure.

Step times are taken as logarithms, so that a shift is a ratio. `ruptures` finds the changepoints (exact
least squares, PELT), with a penalty scaled by the long-run variance, because neighbouring rounds are correlated;
a straight line and two alternating modes compete with the steps. After Barrett et al., "Virtual Machine
Warmup Blows Hot and Cold" (OOPSLA 2017), made for tens of rounds instead of thousands. False-alarm and
detection rates on simulated series are bounds in `tests/analysis/test_steady_state.py`. Neighbours:
`experiments/run.py` marks each process, `summary.py` counts the marked rounds, `verdict.py` gives the reasons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from resnet_bench.records.run import ProcessSamples, Steadiness, SteadyKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Series = NDArray[Any]

MIN_STEADY_STATE_ROUNDS = 8
"""With fewer rounds a changepoint cannot be distinguished from chance, and the answer is unknown."""

MIN_SHIFT = 0.02
"""A level that differs by less than 2 % is the same level: it moves a rate by less than its interval."""

MIN_TAIL = 5
MIN_FASTER_TAIL = 1 / 4
MIN_SLOWER_TAIL = 1 / 2
"""A steady state holds at least 5 rounds and a quarter of all; half of all where it is slower than what came
before (a pipeline that has used up what it had buffered), else the process is slowing down."""

PENALTY = 3.0
SMALL_SAMPLE = 6.0
"""A changepoint must explain `PENALTY` x ln n x (1 + `SMALL_SAMPLE` / n) long-run variances."""

CLIP = 3.0
NOISE_FLOOR = 1e-3
PRIOR_CORRELATION, PRIOR_ROUNDS = 0.35, 20
"""Rounds further than `CLIP` standard deviations from their neighbours' median are outliers and drawn in;
noise counts as at least 0.1 %; the estimated autocorrelation is drawn to 0.35 with the weight of 20 rounds."""

MIN_MODES_ROUNDS = 10
MODE_DISTANCE, MODE_SMALL_SAMPLE = 4.5, 10.0
MODE_SHARE, MODE_ORDER = 0.2, 0.15
"""Two modes: each holds a fifth of the rounds, they are 4.5 x (1 + 10 / n) spreads apart, and at least three
switches and 15 % of the rounds stand against a single change of level."""


@dataclass(frozen=True)
class SteadyFinding:
    """What a series of step times does; `start` is the first steady round, where there is a steady state."""

    kind: SteadyKind
    start: int | None = None


def mark(process: ProcessSamples, steps_per_call: int, count_all: bool = False) -> ProcessSamples:
    """`process` with its steady state, and the round from which its rate counts.

    `count_all`: an explicit --warmup defines the timed window, so all of it counts.
    Rounds before the steady state are kept, and marked by lying before `first_counted_round`.
    """
    if not process.rounds:
        return process
    found = detect([one.wall_s / one.steps for one in process.rounds])
    steady = Steadiness(kind=found.kind, from_round=found.start, from_step=_step_number(process, found, steps_per_call))
    return replace(process, steady=steady, first_counted_round=0 if count_all else found.start or 0)


def _step_number(process: ProcessSamples, found: SteadyFinding, steps_per_call: int) -> int | None:
    """The first steady step of the process, counted from 1; the first call's steps are the first ones.

    Where the first timed round is already steady, warm-up steps right before it that took as long as the
    rounds, within three deviations of a single step, are steady, too.
    """
    import numpy as np

    if found.start is None:
        return None
    before = sum(one.steps for one in (*process.warmup, *process.rounds[: found.start]))
    if found.start == 0:
        rounds = np.log([one.wall_s / one.steps for one in process.rounds])
        # A round averages its steps, so a single step lies further off by the root of their number.
        reach = max(MIN_SHIFT, CLIP * _spread(rounds) * math.sqrt(process.rounds[0].steps))
        for one in reversed(process.warmup):
            if abs(math.log(one.wall_s / one.steps) - float(np.median(rounds))) > reach:
                break
            before -= one.steps
    return steps_per_call + before + 1


def detect(step_s: Sequence[float]) -> SteadyFinding:
    """What step times (seconds, one per round, in order) do: reached, still_drifting, slowing_down, bimodal,
    or unknown where there are fewer than `MIN_STEADY_STATE_ROUNDS`."""
    import numpy as np

    if len(step_s) < MIN_STEADY_STATE_ROUNDS:
        return SteadyFinding("unknown")
    series = np.log(np.asarray(step_s, dtype=float))
    found = _by_changepoints(series)
    if _has_two_modes(series[found.start or 0 :]):
        return SteadyFinding("bimodal")
    return found


def _by_changepoints(series: Series) -> SteadyFinding:
    import numpy as np

    n = len(series)
    noise, long_run = _noise(series)
    calm = _without_outliers(series, noise) / long_run
    penalty = PENALTY * math.log(n) * (1 + SMALL_SAMPLE / n)
    pieces = _segments(calm, penalty)
    levels = [float(np.median(series[a:b])) for a, b in pieces]
    if _switches_back_and_forth(levels):
        return SteadyFinding("bimodal")
    start = next(piece[0] for piece, level in zip(pieces, levels, strict=True) if _alike(level, levels[-1]))
    for begin in dict.fromkeys((0, start)):
        inside = [piece for piece in pieces if piece[0] >= begin]
        cost = sum(_scatter(calm[a:b]) for a, b in inside) + penalty * (len(inside) - 1)
        drift = _drift(calm[begin:], cost, penalty) * long_run
        if abs(drift) > MIN_SHIFT:
            return SteadyFinding("slowing_down" if drift > 0 else "still_drifting")
    if start == 0:
        return SteadyFinding("reached", 0)
    slower = levels[-1] > float(np.median(series[:start]))
    if n - start < max(MIN_TAIL, n * (MIN_SLOWER_TAIL if slower else MIN_FASTER_TAIL)):
        return SteadyFinding("slowing_down" if slower else "still_drifting")
    return SteadyFinding("reached", start)


def _alike(one: float, other: float) -> bool:
    return abs(one - other) < MIN_SHIFT


def _switches_back_and_forth(levels: list[float]) -> bool:
    """Whether the last level is left and returned to more than once. Once is a disturbance, unless the series
    came from that other level to begin with."""
    home = [_alike(level, levels[-1]) for level in levels]
    first = home.index(True)
    away = [level for level, at_home in zip(levels[first:], home[first:], strict=True) if not at_home]
    came_from_there = any(_alike(before, level) for before in levels[:first] for level in away)
    return sum(a != b for a, b in pairwise(home[first:])) + came_from_there >= 3


def _segments(calm: Series, penalty: float) -> list[tuple[int, int]]:
    """Pieces of constant level, as (first, past the last) round."""
    import ruptures

    search = ruptures.KernelCPD(kernel="linear", min_size=2).fit(calm.reshape(-1, 1))
    ends = [int(end) for end in search.predict(pen=penalty)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _drift(calm: Series, cost: float, penalty: float) -> float:
    """The change along a straight line, where a line explains the series better than levels of that `cost`;
    else 0."""
    import numpy as np

    n = len(calm)
    if n < MIN_STEADY_STATE_ROUNDS:
        return 0.0
    time = np.arange(n) - (n - 1) / 2
    slope = float((time * calm).sum() / (time * time).sum())
    rest = _scatter(calm) - slope * slope * float((time * time).sum())
    return slope * (n - 1) if rest + penalty < cost else 0.0


def _has_two_modes(series: Series) -> bool:
    """Whether the rounds switch between two levels, rather than changing once or scattering around one."""
    import numpy as np

    n = len(series)
    fewest = max(3, math.ceil(n * MODE_SHARE))
    if n < max(MIN_MODES_ROUNDS, 2 * fewest):
        return False
    ordered = np.sort(np.minimum(series, np.quantile(series, 0.9)))  # slow outliers are no mode
    sizes = np.arange(fewest, n - fewest + 1)
    size = int(sizes[np.argmin([_scatter(ordered[:k]) + _scatter(ordered[k:]) for k in sizes])])
    low, high = ordered[:size], ordered[size:]
    gap = float(np.median(high) - np.median(low))
    spread = max(_spread(low), _spread(high), NOISE_FLOOR)
    if gap <= MIN_SHIFT or gap <= MODE_DISTANCE * (1 + MODE_SMALL_SAMPLE / n) * spread:
        return False
    is_high = series > (low[-1] + high[0]) / 2
    return bool(np.diff(is_high).sum() >= 3) and _against_one_change(is_high) >= max(4, MODE_ORDER * n)


def _against_one_change(is_high: Series) -> int:
    """How many rounds contradict the best single change from one mode to the other."""
    import numpy as np

    high_before = np.concatenate([[0], np.cumsum(is_high)])
    n = len(is_high)
    wrong = high_before + (n - np.arange(n + 1)) - (high_before[-1] - high_before)
    return int(min(wrong.min(), (n - wrong).min()))


def _noise(series: Series) -> tuple[float, float]:
    """(standard deviation, long-run standard deviation) of an AR(1) around whatever level there is.

    From differences at lag 1 and 2, so that a few changes of level do not count: their variances are
    2 s2 (1 - r) and 2 s2 (1 - r2), and the long-run variance is s2 (1 + r) / (1 - r).
    """
    import numpy as np

    one = _spread(np.diff(series)) / math.sqrt(2)
    two = _spread(series[2:] - series[:-2]) / math.sqrt(2)
    n = len(series)
    correlation = (two / one) ** 2 - 1 if one > 0 else 0.0
    drawn = (correlation * n + PRIOR_CORRELATION * PRIOR_ROUNDS) / (n + PRIOR_ROUNDS)
    r = min(max(drawn, 0.0), 0.7)
    sigma = max(one / math.sqrt(1 - r), NOISE_FLOOR)
    return sigma, sigma * math.sqrt((1 + r) / (1 - r))


def _without_outliers(series: Series, noise: float) -> Series:
    """The series with every round drawn to within `CLIP` deviations of the median of itself and its neighbours."""
    import numpy as np

    around = np.lib.stride_tricks.sliding_window_view(np.pad(series, 2, mode="reflect"), 5)
    middle = np.median(around, axis=1)
    return np.clip(series, middle - CLIP * noise, middle + CLIP * noise)


def _spread(values: Series) -> float:
    """The standard deviation by way of the median absolute deviation."""
    import numpy as np

    return float(np.median(np.abs(values - np.median(values)))) / 0.6745


def _scatter(values: Series) -> float:
    return float(((values - values.mean()) ** 2).sum())
