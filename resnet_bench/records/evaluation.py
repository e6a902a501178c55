"""Evaluations of trained networks: scores per network and class, the difference of two, predictions of images.

Neighbours: `analysis/classification.py` has the statistics, `report/terminal/evaluation.py` the words.
"""

from __future__ import annotations

from typing import ClassVar

from resnet_bench.config import Config
from resnet_bench.records.base import Data, Estimate, Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import DataFacts, Outcome
from resnet_bench.records.saved import Saved

SCHEMA_VERSION = 2
"""1: first version. 2: `type` and `outcome`."""


class ClassScore(Data, frozen=True, kw_only=True):
    """One class: `images` belong to it. Precision is None where it was never predicted, recall where it is empty."""

    name: str
    images: int
    precision: float | None
    recall: float | None


class ModelScore(Data, frozen=True, kw_only=True):
    """One network on a data set.

    `loss` is the mean cross-entropy in nats; `accuracy` and `top5` carry Wilson's interval, `top5` is None for
    five classes or fewer. `confusion[true][predicted]` counts images (None beyond 1000 classes).
    `images_per_s` counts images in batches that lie on the host, None where it was not timed.
    """

    path: str
    images: int
    loss: float
    accuracy: Estimate
    top5: Estimate | None
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...] | None
    images_per_s: float | None = None


class ScoreDifference(Data, frozen=True, kw_only=True):
    """The second network against the first, on the same images.

    `accuracy` is second minus first; `only_first` and `only_second` count images that only that network
    classifies correctly;
    `p_value` is McNemar's, exact. `speed` is second over first, from interleaved batches in one process, its interval
    over the batches; None where nothing was timed.
    """

    accuracy: Estimate
    only_first: int
    only_second: int
    p_value: float
    speed: Estimate | None = None


class LikelyClass(Data, frozen=True, kw_only=True):
    """One of the classes that an image may belong to; `name` is None where it has no name."""

    label: int
    name: str | None
    probability: float


class Prediction(Data, frozen=True, kw_only=True):
    """An image's most likely classes, the most likely first; or why it could not be read."""

    path: str
    likely: tuple[LikelyClass, ...] = ()
    problem: str | None = None


class EvaluationRecord(Saved, frozen=True, kw_only=True, tag="evaluation"):
    """One or two networks on the same images; `difference` is the second against the first."""

    noun: ClassVar[str] = "evaluation"
    subfolder: ClassVar[str] = "evaluate"

    schema_version: int = SCHEMA_VERSION
    outcome: Outcome = Outcome(kind="ok")
    config: Config
    machine: Machine
    environment: Environment
    data: DataFacts
    part: str
    models: tuple[ModelScore, ...]
    difference: ScoreDifference | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def contradiction(self) -> str:
        """All models have the same classes."""
        counts = {len(model.classes) for model in self.models}
        return "" if len(counts) == 1 else f"its models have {sorted(counts)} classes"
