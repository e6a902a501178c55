"""How far a training is, as a value that a checkpoint holds, and the rules by which it ends. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from resnet_bench.data.datasets import Augmentation
from resnet_bench.records.base import Data
from resnet_bench.records.training import Epoch

Ending = Literal["epochs", "early_stopping", "target", "interrupted", "budget"]


@dataclass(frozen=True)
class TrainingPlan:
    """All that decides how a training continues from any moment.

    `rate` gives the learning rate of a step, counted from 0. `keep_best`: the weights of the epoch with the
    best test accuracy are kept beside the last ones. `data_hash` is the data set's identity.
    """

    batch_size: int
    steps_per_epoch: int
    epochs: int
    seed: int
    augmentation: Augmentation
    rate: Callable[[int], float]
    early_stopping: int = 0
    target_accuracy: float | None = None
    keep_best: bool = False
    checkpoint_interval_s: float = 60.0
    max_time_s: float | None = None
    data_hash: str | None = None


class TrainingProgress(Data, frozen=True, kw_only=True):
    """Where a training stands: `step` steps are done, `batch` of them in epoch number `epoch` (from 0).

    The sums are of the epoch in progress: losses over steps, hits and images over images, seconds of its
    training steps. `elapsed_s` is all time spent so far, in earlier processes too. The order of images and
    all noise follow from seed, epoch and batch, so this is the data position and the random stream too.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    hits: int = 0
    images: int = 0
    train_s: float = 0.0
    elapsed_s: float = 0.0
    epochs: tuple[Epoch, ...] = ()
    data_hash: str | None = None

    def advanced(self, losses: list[float], hits: int, images: int, wall_s: float) -> TrainingProgress:
        """After some more steps, whose losses are given in order."""
        total = self.loss_sum
        for loss in losses:  # One by one: the same sum however the steps were grouped.
            total += loss
        return replace(
            self,
            step=self.step + len(losses),
            batch=self.batch + len(losses),
            loss_sum=total,
            hits=self.hits + hits,
            images=self.images + images,
            train_s=self.train_s + wall_s,
        )

    def finished(self, test: tuple[float, float] | None, rate: float, elapsed_s: float) -> TrainingProgress:
        """After the epoch in progress, whose test part gave (loss, accuracy)."""
        done = Epoch(
            epoch=self.epoch + 1,
            loss=self.loss_sum / self.batch,
            accuracy=self.hits / self.images,
            test_loss=test[0] if test is not None else None,
            test_accuracy=test[1] if test is not None else None,
            learning_rate=rate,
            images_per_s=self.images / self.train_s,
            elapsed_s=elapsed_s,
        )
        return TrainingProgress(
            step=self.step,
            epoch=self.epoch + 1,
            elapsed_s=elapsed_s,
            epochs=(*self.epochs, done),
            data_hash=self.data_hash,
        )


def best(epochs: tuple[Epoch, ...]) -> Epoch | None:
    """The first epoch with the best test accuracy; None where none was tested."""
    tested = [epoch for epoch in epochs if epoch.test_accuracy is not None]
    return max(tested, key=lambda epoch: epoch.test_accuracy or 0.0, default=None)


def time_to(target: float | None, epochs: tuple[Epoch, ...]) -> float | None:
    """Seconds after which a test accuracy of `target` was first reached."""
    if target is None:
        return None
    reached = (each.elapsed_s for each in epochs if each.test_accuracy is not None and each.test_accuracy >= target)
    return next(reached, None)


def ending(plan: TrainingPlan, progress: TrainingProgress) -> Ending | None:
    """Why no further epoch begins; None where one does."""
    epochs, top = progress.epochs, best(progress.epochs)
    if progress.batch == 0:
        if plan.target_accuracy is not None and time_to(plan.target_accuracy, epochs) is not None:
            return "target"
        if plan.early_stopping and top is not None and progress.epoch - top.epoch >= plan.early_stopping:
            return "early_stopping"
    return "epochs" if progress.epoch >= plan.epochs else None
