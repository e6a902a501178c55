"""The result of `train`: accuracy and speed, epoch by epoch."""

from __future__ import annotations

from typing import Literal

from resnet_bench.records.base import Data


class Epoch(Data, frozen=True, kw_only=True):
    """One epoch: `images_per_s` of its training steps alone, `elapsed_s` since training began (evaluation and
    checkpoints included)."""

    epoch: int
    loss: float
    accuracy: float
    test_loss: float | None = None
    test_accuracy: float | None = None
    learning_rate: float
    images_per_s: float
    elapsed_s: float


class TrainingResult(Data, frozen=True, kw_only=True):
    """Accuracy and speed of a training.

    `ended`: "failed" is a training that an error ended (the record's outcome says which); "interrupted" one that can go
    on. `time_to_accuracy_s` is when `target_accuracy` was first reached on test images.

    `kept_epoch` is the epoch whose weights the saved model has (0: none was finished), `batch_norm_momentum` the
    momentum of batch norm's moving averages.
    """

    epochs: tuple[Epoch, ...] = ()
    steps: int = 0
    best_accuracy: float | None = None
    target_accuracy: float | None = None
    time_to_accuracy_s: float | None = None
    ended: Literal["epochs", "early_stopping", "target", "interrupted", "budget", "failed"] = "epochs"
    resumed_from_step: int | None = None
    model_path: str | None = None
    steps_per_epoch: int | None = None
    train_images: int | None = None
    test_images: int | None = None
    best_epoch: int | None = None
    kept_epoch: int | None = None
    batch_norm_momentum: float | None = None
