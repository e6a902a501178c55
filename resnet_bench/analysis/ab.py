"""The statistics of interleaved runs of two sides: the ratio with its interval, and when it is precise enough. Pure.

Neighbours: `ratio.py` has the intervals, `records/ab.py` the result, `experiments/paired/` measures.
"""

from __future__ import annotations

from collections.abc import Sequence

from resnet_bench.analysis import ratio as ratios
from resnet_bench.records.ab import AbResult, PairSamples, rate
from resnet_bench.records.base import Estimate, Notice

MIN_PAIRS_FOR_TARGET = 6
"""Pairs before a narrow interval may end the runs: with fewer, intervals are narrow by chance, and stopping at them
inflates the false-positive rate (see tests/analysis/test_false_positives.py)."""


def estimate(pairs: Sequence[PairSamples]) -> Estimate:
    """The ratio with its 95 % t-interval over pairs of processes."""
    return ratios.paired([pair.ratio for pair in pairs]).estimate()


def narrow_enough(pairs: Sequence[PairSamples], target: float | None) -> bool:
    """Whether the pairs reach a precision target (a fraction; None is never reached)."""
    return bool(pairs) and precise_enough(estimate(pairs), len(pairs), target)


def precise_enough(found: Estimate, repetitions: int, target: float | None) -> bool:
    """Whether an estimate from that many sets of processes is as narrow as a target (a fraction; None never is)."""
    if target is None or repetitions < MIN_PAIRS_FOR_TARGET:
        return False
    resolution = ratios.resolution(found)
    return resolution is not None and resolution <= target


def summarize_pairs(label_a: str, label_b: str, pairs: Sequence[PairSamples], notices: Sequence[Notice]) -> AbResult:
    """The result of at least one pair."""
    ratio = estimate(pairs)
    return AbResult(
        label_a=label_a,
        label_b=label_b,
        ratio=ratio,
        images_per_s_a=rate([one for pair in pairs for one in pair.a]),
        images_per_s_b=rate([one for pair in pairs for one in pair.b]),
        pairs=tuple(pairs),
        finding=ratios.finding(ratio),
        resolution=ratios.resolution(ratio),
        notices=tuple(notices),
    )
