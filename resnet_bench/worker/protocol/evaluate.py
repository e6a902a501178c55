"""The messages of evaluating trained networks and of predicting images."""

from __future__ import annotations

from typing import Literal

from resnet_bench.config import Config
from resnet_bench.config.dataset import PixelsName
from resnet_bench.config.fields import Auto
from resnet_bench.config.sources import TrainSource
from resnet_bench.records.base import Data
from resnet_bench.records.evaluation import EvaluationRecord, Prediction
from resnet_bench.worker.protocol.base import Command, Message


class ImageSet(Data, frozen=True, kw_only=True):
    """Which images a network is evaluated on; the arguments of `data.sources.open_dataset`, and which part of it."""

    source: TrainSource | Auto = "auto"
    data: str | None = None
    test_data: str | None = None
    test_share: float = 0.2
    split_seed: int = 0
    part: Literal["test", "train", "all"] = "test"


class Evaluate(Command, frozen=True, kw_only=True):
    """Evaluate the networks in one or two .keras files. Reply: `Evaluated`.

    `turns` batches of each are timed interleaved afterwards, within `budget_s`; 0 times nothing. `pixels` overrides
    the normalisation that the files' cards name.
    """

    config: Config
    models: tuple[str, ...]
    images: ImageSet
    pixels: PixelsName | None = None
    turns: int = 20
    budget_s: float = 60.0


class Evaluated(Message, frozen=True, kw_only=True):
    """The scores."""

    evaluation: EvaluationRecord


class Predict(Command, frozen=True, kw_only=True):
    """Classify image files with the network in a .keras file. Reply: `Predicted`.

    `crop` is what of an image the network is shown; None takes its card's, or the centre.
    """

    config: Config
    model: str
    images: tuple[str, ...]
    top: int
    pixels: PixelsName | None = None
    crop: Literal["whole", "centre"] | None = None


class Predicted(Message, frozen=True, kw_only=True):
    """One prediction per image, in the order asked; `assumed` says which normalisation was assumed, if any was."""

    predictions: tuple[Prediction, ...]
    assumed: str | None = None
