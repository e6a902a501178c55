"""From predictions to scores: accuracy, top-5, precision and recall, and whether two networks differ. Pure.

Every interval is at 95 %. Neighbours: `step/evaluate.py` predicts, `records/evaluation.py` keeps the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from resnet_bench.analysis import ratio
from resnet_bench.records.base import Estimate
from resnet_bench.records.evaluation import ClassScore, ModelScore, ScoreDifference

CONFIDENCE = 0.95
TOP = 5
MOST_IN_CONFUSION = 1000


@dataclass(frozen=True)
class Predictions:
    """The predictions of a network: `predicted` int [N]; `loss` the mean; `among_top5` images whose class was among the
    five most likely, None for five classes or fewer."""

    path: str
    predicted: Any
    loss: float
    among_top5: int | None


def proportion(hits: int, count: int) -> Estimate:
    """Hits among count with Wilson's interval (E. B. Wilson, 1927), from SciPy."""
    from scipy.stats import binomtest

    interval = binomtest(hits, count).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(value=hits / count, low=float(interval.low), high=float(interval.high))


def score(answers: Predictions, labels: Any, names: Sequence[str], images_per_s: float | None = None) -> ModelScore:
    """The scores of `answers` against `labels` (int [N], N at least 1), classes named by `names`."""
    classes, count = len(names), len(labels)
    pairs = np.bincount(np.asarray(labels) * classes + answers.predicted, minlength=classes**2)
    confusion = pairs.reshape(classes, classes)
    right, true, said = np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return ModelScore(
        path=answers.path,
        images=count,
        loss=answers.loss,
        accuracy=proportion(int(right.sum()), count),
        top5=None if answers.among_top5 is None else proportion(answers.among_top5, count),
        classes=tuple(
            ClassScore(
                name=name,
                images=int(true[index]),
                precision=_share(right[index], said[index]),
                recall=_share(right[index], true[index]),
            )
            for index, name in enumerate(names)
        ),
        confusion=tuple(tuple(row) for row in confusion.tolist()) if classes <= MOST_IN_CONFUSION else None,
        images_per_s=images_per_s,
    )


def _share(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None


def difference(first: Predictions, second: Predictions, labels: Any, turns: Sequence[float] = ()) -> ScoreDifference:
    """The second network against the first; `turns` are speed ratios of interleaved rounds, second over first.

    The interval of the accuracy's difference is Bonett and Price's adjusted Wald interval for paired proportions
    (Journal of Educational and Behavioral Statistics 37, 2012): one image is added to each kind of
    disagreement, which keeps its coverage where disagreements are few. The p-value is McNemar's, exact.
    """
    from scipy.stats import binomtest, norm

    right_first, right_second = (np.asarray(each.predicted) == labels for each in (first, second))
    only_first, only_second = int(np.sum(right_first & ~right_second)), int(np.sum(right_second & ~right_first))
    count, apart = len(labels), only_first + only_second
    gained, lost = (only_second + 1) / (count + 2), (only_first + 1) / (count + 2)
    centre = gained - lost
    half = float(norm.ppf((1 + CONFIDENCE) / 2)) * math.sqrt((gained + lost - centre**2) / (count + 2))
    return ScoreDifference(
        accuracy=Estimate(
            value=(only_second - only_first) / count, low=max(-1.0, centre - half), high=min(1.0, centre + half)
        ),
        only_first=only_first,
        only_second=only_second,
        p_value=float(binomtest(min(only_first, only_second), apart).pvalue) if apart else 1.0,
        speed=ratio.paired(turns).estimate() if turns else None,
    )
