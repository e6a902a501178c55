"""The messages of a training."""

from __future__ import annotations

from resnet_bench.config import Config, TrainingConfig
from resnet_bench.records.base import Notice
from resnet_bench.records.model_card import WeightsFacts
from resnet_bench.records.run import ColdStart, DataFacts, Memory, ModelFacts
from resnet_bench.records.training import Epoch, TrainingResult
from resnet_bench.worker.protocol.base import Command, Message


class Train(Command, frozen=True, kw_only=True):
    """Train a network and save it into `folder`. Reply: `Trained`.

    `config` has the data set's own number of classes and image size. With `resume` it continues from the folder's
    checkpoint, where there is one. Once `TrainingBegan` was sent, SIGINT ends it with a checkpoint and a reply.
    """

    config: Config
    training: TrainingConfig
    folder: str
    resume: bool = False


class TrainingBegan(Message, frozen=True, kw_only=True):
    """Everything is compiled, and the first step follows. `epochs` are those of earlier processes."""

    model: ModelFacts
    data: DataFacts
    class_names: tuple[str, ...]
    train_images: int
    test_images: int | None
    steps_per_epoch: int
    cold_start: ColdStart
    step: int = 0
    epochs: tuple[Epoch, ...] = ()
    weights: WeightsFacts | None = None
    notices: tuple[Notice, ...] = ()


class StepsDone(Message, frozen=True, kw_only=True):
    """The losses of some steps, the last of them number `step` (from 1), number `batch` of epoch `epoch` (from 0).

    `accuracy` is that of the epoch so far, `images_per_s` the rate of these steps.
    """

    step: int
    epoch: int
    batch: int
    losses: tuple[float, ...]
    accuracy: float
    images_per_s: float


class Tested(Message, frozen=True, kw_only=True):
    """Some images of the test part are answered."""

    images: int
    of: int


class EpochDone(Message, frozen=True, kw_only=True):
    """An epoch is over and tested."""

    epoch: Epoch


class Trained(Message, frozen=True, kw_only=True):
    """The training has ended, and its model is saved. `skipped` counts updates that loss scaling left out."""

    result: TrainingResult
    memory: Memory
    skipped: int | None = None
