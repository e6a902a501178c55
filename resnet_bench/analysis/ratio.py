"""The uncertainty of a ratio of two speeds: Student's t on logarithms, Welch's t, Holm's correction, findings. Pure.

The unit of replication is the process, or the interleaved pair of processes. A cluster bootstrap with so few clusters
has an inflated false-positive rate (29 % at 3 pairs; `summary.log_t_interval`). Neighbours: `compare.py` asks for
records, `ab.py` for interleaved runs.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from resnet_bench.records.base import Estimate, Finding

CONFIDENCE = 0.95


@dataclass(frozen=True)
class LogRatio:
    """A logarithm of a ratio with its standard error and degrees of freedom; `df` 0 supports no interval."""

    centre: float
    error: float
    df: float

    @property
    def p_value(self) -> float | None:
        """Two-sided, of the ratio being 1; None without degrees of freedom."""
        if self.df <= 0:
            return None
        if self.error == 0:
            return float(self.centre == 0)
        from scipy.special import stdtr

        return 2 * float(stdtr(self.df, -abs(self.centre) / self.error))

    def estimate(self, confidence: float = CONFIDENCE) -> Estimate:
        """The ratio with its interval at that confidence."""
        if self.df <= 0:
            return Estimate(value=math.exp(self.centre))
        from scipy.special import stdtrit

        half = float(stdtrit(self.df, (1 + confidence) / 2)) * self.error
        return Estimate(
            value=math.exp(self.centre), low=math.exp(self.centre - half), high=math.exp(self.centre + half)
        )


def paired(ratios: Sequence[float]) -> LogRatio:
    """From one ratio per pair of processes: a t-interval of their geometric mean."""
    logs = [math.log(ratio) for ratio in ratios]
    n = len(logs)
    error = statistics.stdev(logs) / math.sqrt(n) if n > 1 else 0.0
    return LogRatio(statistics.fmean(logs), error, n - 1)


def unpaired(base: Sequence[float], new: Sequence[float]) -> LogRatio:
    """From one rate per process on each side: Welch's t with Satterthwaite's degrees of freedom
    (B. L. Welch, Biometrika 34, 1947), so that one side may vary more than the other."""
    logs = [[math.log(rate) for rate in side] for side in (base, new)]
    centre = statistics.fmean(logs[1]) - statistics.fmean(logs[0])
    if min(len(side) for side in logs) < 2:
        return LogRatio(centre, 0.0, 0)
    parts = [statistics.variance(side) / len(side) for side in logs]
    whole = sum(parts)
    below = sum(part**2 / (len(side) - 1) for part, side in zip(parts, logs, strict=True))
    return LogRatio(centre, math.sqrt(whole), whole**2 / below if below else len(logs[0]) + len(logs[1]) - 2)


def holm(p_values: Sequence[float | None], alpha: float = 1 - CONFIDENCE) -> list[float]:
    """The confidence of each interval when several comparisons are made at once (S. Holm, 1979).

    The k-th smallest of m p-values is compared with alpha / (m - k), k from 0, and the first that fails stops
    the descent; the rest keep its level. So an interval leaves 1 out exactly where Holm rejects, and the
    chance of any false finding among all stays below alpha. None (no interval) takes no part.
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    levels = [alpha] * len(p_values)
    level = alpha / max(1, len(order))
    failed = False
    for k, (p, index) in enumerate(order):
        if not failed:
            level = alpha / (len(order) - k)
            failed = p > level
        levels[index] = level
    return [1 - level for level in levels]


def finding(ratio: Estimate) -> Finding:
    """What the interval of new over base says."""
    if ratio.low is None or ratio.high is None:
        return "inconclusive"
    if ratio.low > 1:
        return "faster"
    return "slower" if ratio.high < 1 else "no difference"


def slower_than(ratio: Estimate, threshold: float) -> bool:
    """Whether the whole interval lies below 1 - threshold: slower by more than that, with confidence."""
    return ratio.high is not None and ratio.high < 1 - threshold


def resolution(ratio: Estimate) -> float | None:
    """The smallest relative difference that would have been detected: half the interval's width, on the
    logarithm, as a fraction of the ratio; None without an interval."""
    if ratio.low is None or ratio.high is None:
        return None
    return math.expm1(math.log(ratio.high / ratio.low) / 2)
