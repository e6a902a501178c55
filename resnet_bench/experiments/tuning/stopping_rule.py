"""Whether a candidate has lost, has won, or needs another pair of processes: the statistics of a search. Pure.

Every interleaved pair of processes gives one ratio of candidate over baseline. Student's t on its logarithm, with a
variance pooled over all comparisons of a search and never below a comparison's own, decides after each pair. To win, a
candidate must pass at a level divided by all the looks at all the candidates that the search may take (Bonferroni);
dropping one claims nothing, so it needs less. Neighbours: `search.py` asks, `analysis/ratio.py` has the intervals of
single comparisons.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from resnet_bench.records.base import Estimate

Decision = Literal["won", "dropped", "no difference", "another pair"]

PRIOR_SD = 0.02
"""Standard deviation of the logarithm of a pair's ratio, before any data: twice what quiet machines show."""

PRIOR_DF = 4.0
"""The weight of that prior, in degrees of freedom."""

PROCESSES_SD = 0.1
"""The same where whole processes alternate, because both do not fit in memory: the machine drifts between them."""

MIN_WINNING_PAIRS = 2
"""A single pair of processes never is a win."""

DROP_LEVEL = 0.10
"""One-sided, at each look: a candidate that has exactly the wanted gain is dropped about once in seven times."""

CLEARLY_SLOWER = 0.7
"""A candidate below this ratio in each of its first rounds is not measured to the end of its pair."""


@dataclass(frozen=True)
class StoppingRule:
    """`min_gain`: the smallest gain of interest, as a fraction. `alpha`: the probability that a search among equals has
    any winner. `candidates` at most in the search, `pairs` at most of each. `prior_sd`: see `PRIOR_SD`."""

    min_gain: float = 0.01
    alpha: float = 0.05
    candidates: int = 1
    pairs: int = 5
    prior_sd: float = PRIOR_SD

    @property
    def level(self) -> float:
        """One-sided level of a single look."""
        return self.alpha / (self.candidates * max(1, self.pairs - MIN_WINNING_PAIRS + 1))


@dataclass(frozen=True)
class Spread:
    """The variation between pairs of one comparison: the variance of log ratios and its degrees of freedom."""

    variance: float
    df: float


def pooled(comparisons: Sequence[Sequence[float]], prior_sd: float = PRIOR_SD) -> Spread:
    """One variance from the ratios of all comparisons, each about its own mean, and the prior."""
    squares, df = PRIOR_DF * prior_sd**2, PRIOR_DF
    for found in comparisons:
        if len(found) > 1:
            squares += statistics.variance(math.log(one) for one in found) * (len(found) - 1)
            df += len(found) - 1
    return Spread(squares / df, df)


def decide(found: Sequence[float], spread: Spread, rules: StoppingRule) -> Decision:
    """What the ratios of a comparison (one per pair, at least one) say, given the variance in the search."""
    low, high = _bounds(found, spread, rules.level, DROP_LEVEL)
    if len(found) >= MIN_WINNING_PAIRS and low > 0:
        return "won"
    if high < math.log1p(rules.min_gain):
        return "dropped" if high < 0 else "no difference"
    return "another pair" if len(found) < rules.pairs else "no difference"


def estimate(found: Sequence[float], spread: Spread, rules: StoppingRule) -> Estimate:
    """The ratio with the interval that decides a win: above 1 where it is one."""
    low, high = _bounds(found, spread, rules.level, rules.level)
    centre = statistics.fmean(math.log(one) for one in found)
    return Estimate(value=math.exp(centre), low=math.exp(low), high=math.exp(high))


def _bounds(found: Sequence[float], spread: Spread, level_low: float, level_high: float) -> tuple[float, float]:
    """One-sided bounds of the mean log ratio at these levels."""
    from scipy.special import stdtrit

    logs = [math.log(one) for one in found]
    own = statistics.variance(logs) if len(logs) > 1 else 0.0
    error = math.sqrt(max(spread.variance, own) / len(logs))
    centre = statistics.fmean(logs)
    below, above = (float(stdtrit(spread.df, 1 - level)) * error for level in (level_low, level_high))
    return centre - below, centre + above


def clearly_slower(round_ratios: Sequence[float]) -> bool:
    """Whether the first rounds of a pair suffice to drop a candidate: an even number, each far below 1."""
    return len(round_ratios) >= 2 and len(round_ratios) % 2 == 0 and max(round_ratios) < CLEARLY_SLOWER
