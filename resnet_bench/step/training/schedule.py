"""What a configuration means for each step: learning rate, augmentation, batch norm's momentum. Pure."""

from __future__ import annotations

import math

from resnet_bench.config import Config, TrainingConfig, resolved_value
from resnet_bench.config.sources import SOURCES
from resnet_bench.data.datasets import Augmentation, Dataset
from resnet_bench.step.training.progress import TrainingPlan

STEP_FACTOR = 0.1
AVERAGED_SHARE = 1 / 4
SLOWEST, QUICKEST = 0.99, 0.9


def learning_rate(step: int, steps_per_epoch: int, full: float, training: TrainingConfig) -> float:
    """The learning rate of step `step` (from 0): a linear rise over the warm-up, then the schedule.

    cosine: full (1 + cos(pi t)) / 2, t from 0 after the warm-up to 1 at the last epoch's end ("SGDR",
    Loshchilov and Hutter, 2016, without restarts). step: a tenth of it after each `decay_epochs`.
    """
    epoch = step / steps_per_epoch
    if epoch < training.warmup_epochs:
        return full * (step + 1) / math.ceil(training.warmup_epochs * steps_per_epoch)
    if training.schedule == "cosine":
        done = (epoch - training.warmup_epochs) / (training.epochs - training.warmup_epochs)
        return full * (1 + math.cos(math.pi * min(done, 1.0))) / 2
    if training.schedule == "step":
        decay = training.epochs / 3 if training.decay_epochs == "auto" else training.decay_epochs
        # A step that begins a new stretch must not fall short of it by rounding.
        return full * STEP_FACTOR ** math.floor(epoch / decay + 1e-9)
    return full


def batch_norm_momentum(steps_per_epoch: int) -> float:
    """What batch norm's moving statistics keep at each step, so that they average over a quarter of an epoch.

    Keras' 0.99 averages over a hundred steps: a data set with 27 steps per epoch would be evaluated with statistics
    that lie four epochs back, and lag behind its own weights by tens of per cent of accuracy. With 400 steps
    per epoch or more it is 0.99 again; below 40 it stays at 0.9, because one batch alone says too little.
    """
    return min(SLOWEST, max(QUICKEST, 1 - 1 / (AVERAGED_SHARE * steps_per_epoch)))


def augmentation_of(training: TrainingConfig, source: str, crop_area_min: float) -> Augmentation:
    """The changes that --augment names; "auto" depends on where the images come from."""
    changes = SOURCES[source].augmentation if training.augment == "auto" else training.augment
    return Augmentation(
        crop="crop" in changes, shift="shift" in changes, flip="flip" in changes, crop_area_min=crop_area_min
    )


def plan_of(config: Config, training: TrainingConfig, data: Dataset) -> TrainingPlan:
    """The plan of a resolved configuration for a data set, whose train part has one batch or more."""
    batch_size, full = resolved_value(config.step.batch_size), resolved_value(config.step.learning_rate)
    steps_per_epoch = data.train.count // batch_size
    best = training.keep == "best" or (training.keep == "auto" and training.early_stopping > 0)
    return TrainingPlan(
        batch_size=batch_size,
        steps_per_epoch=steps_per_epoch,
        epochs=training.epochs,
        seed=config.runtime.seed,
        augmentation=augmentation_of(training, data.facts.source, config.data.crop_area_min),
        rate=lambda step: learning_rate(step, steps_per_epoch, full, training),
        early_stopping=training.early_stopping,
        target_accuracy=training.target_accuracy,
        keep_best=best and data.test is not None,
        checkpoint_interval_s=training.checkpoint_interval,
        max_time_s=training.max_time,
        data_hash=data.facts.manifest_hash,
    )
