"""Scores of trained networks in words: what the terminal and the report page both say."""

from __future__ import annotations

from resnet_bench.records.base import Estimate
from resnet_bench.records.evaluation import EvaluationRecord, ScoreDifference

_PARTS = {"test": "test part", "train": "train part", "all": "both parts"}


def title(evaluation: EvaluationRecord) -> str:
    """How many images of what, and how many classes."""
    first = evaluation.models[0]
    images = f"{first.images:,} images of {evaluation.data.source}"
    return f"{images}, {_PARTS[evaluation.part]}, {len(first.classes):,} classes"


def share(value: float | None) -> str:
    """A fraction as a percentage with one decimal: 93.3 %."""
    return "-" if value is None else f"{value:.1%}".replace("%", " %")


def interval(estimate: Estimate | None) -> str:
    """A share and its 95 % confidence interval: 93.3 % (84.1 to 97.4)."""
    if estimate is None:
        return "-"
    text = share(estimate.value)
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def speed(images_per_s: float | None) -> str:
    """Images per second; "-" where it was not timed."""
    return "-" if images_per_s is None else f"{images_per_s:,.4g}"


def differences(found: ScoreDifference) -> list[str]:
    """One or two sentences: accuracy of the second network against the first, and its speed."""
    accuracy = found.accuracy
    low, high = accuracy.low or 0.0, accuracy.high or 0.0
    lines = [
        f"The second is {100 * accuracy.value:+.1f} points in accuracy ({100 * low:+.1f} to {100 * high:+.1f}, 95 %; "
        f"McNemar's exact p = {found.p_value:.3g}): {found.only_second:,} images that only the second classifies "
        f"correctly, {found.only_first:,} only the first."
    ]
    if found.speed is not None:
        ends = found.speed.low, found.speed.high
        between = f" ({ends[0]:.2f} to {ends[1]:.2f} over the batches of one process)" if ends[0] and ends[1] else ""
        lines.append(f"Its speed is {found.speed.value:.2f} times the first's{between}.")
    return lines
