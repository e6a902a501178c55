"""Options of `bench-cli train` beyond those of `run`: data set, schedule, and where results are kept."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from resnet_bench.config.config import Config
from resnet_bench.config.dataset import (
    DatasetSource,
    FoldBiases,
    NewHead,
    Portable,
    SplitSeed,
    TestData,
    TestShare,
    Weights,
    check_weights,
)
from resnet_bench.config.fields import (
    FOLDER,
    ONE_WAY,
    OPTION,
    PROTOCOL,
    WORKLOAD,
    Auto,
    ConfigSection,
    PositiveFloat,
    Seconds,
)
from resnet_bench.errors import ConfigError

Change = Literal["none", "crop", "shift", "flip"]


class TrainingConfig(ConfigSection, frozen=True, kw_only=True):
    """What `bench-cli train` takes beyond a benchmark's configuration."""

    title: ClassVar[str] = "Training"

    # Stored as `dataset`, as in the records of older versions; `config.data.source` is a benchmark's.
    source: DatasetSource = msgspec.field(default="auto", name="dataset")
    test_data: TestData = None
    test_share: TestShare = 0.2
    split_seed: SplitSeed = 0
    epochs: Annotated[int, Meta(ge=1, description="Passes over the train part."), PROTOCOL] = 12
    schedule: Annotated[
        Literal["constant", "cosine", "step"],
        Meta(description="Learning rate over time; cosine ends at 0, step divides by 10 every --decay-epochs."),
        WORKLOAD,
    ] = "constant"
    warmup_epochs: Annotated[float, Meta(ge=0, description="Epochs of linear learning-rate warm-up."), WORKLOAD] = 0.0
    decay_epochs: Annotated[
        PositiveFloat | Auto,
        Meta(description="Epochs per step of --schedule step. auto: a third of --epochs."),
        WORKLOAD,
    ] = "auto"
    augment: Annotated[
        tuple[Change, ...] | Auto,
        Meta(
            description="Random changes to training images: crop, shift (an eighth), flip. auto: none for digits and "
            "h5, crop and flip for the others.",
            extra={
                "values": "crop, shift and flip with commas, none or auto",
                "metavar": "NAME,...",
                "spelling": "list",
            },
        ),
        WORKLOAD,
    ] = "auto"
    batch_norm_momentum: Annotated[
        Annotated[float, Meta(ge=0, lt=1)] | Auto,
        Meta(
            description="Momentum of batch norm's moving averages. auto: averages over a quarter of an epoch, between "
            "0.9 and 0.99."
        ),
        WORKLOAD,
    ] = "auto"
    weights: Weights = None
    new_head: NewHead = False
    fold_biases: FoldBiases = False
    freeze_stages: Annotated[
        int, Meta(ge=0, description="Freeze the stem and the first N stages; 0: train everything."), WORKLOAD
    ] = 0
    strategy: Annotated[
        Literal["one", "mirrored"],
        Meta(
            description="one: a single device; mirrored: data-parallel over every GPU of the machine; --batch-size is "
            "the global batch."
        ),
        OPTION,
    ] = "one"
    logical_devices: Annotated[
        int,
        Meta(ge=1, description="Logical CPU devices for --strategy mirrored without GPUs: for testing, not for speed."),
        OPTION,
    ] = 1
    early_stopping: Annotated[
        int,
        Meta(ge=0, description="Stop after N epochs without a better test accuracy; 0: never."),
        PROTOCOL,
    ] = 0
    target_accuracy: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | None,
        Meta(description="Stop at this test accuracy (0.97) and report the time to reach it."),
        PROTOCOL,
    ] = None
    keep: Annotated[
        Literal["auto", "last", "best"],
        Meta(
            description="Weights of the saved model: of the last epoch, or of the epoch with the best test accuracy. "
            "auto: best with --early-stopping, else last."
        ),
        PROTOCOL,
    ] = "auto"
    portable: Annotated[Portable, PROTOCOL] = False
    folder: Annotated[
        str,
        Meta(
            description="Folder of this training: checkpoint, model, learning curves, TensorBoard events.",
        ),
        FOLDER,
        PROTOCOL,
    ] = "training"
    checkpoint_interval: Annotated[
        float,
        Meta(
            ge=0,
            description="Time between checkpoints, in seconds (or 90s, 3m); each epoch saves one too.",
            extra={"spelling": "seconds"},
        ),
        PROTOCOL,
    ] = 60.0
    max_time: Annotated[
        Seconds | None,
        Meta(description="Time after which training stops with a checkpoint, in seconds (or 90s, 3m, 1h)."),
        PROTOCOL,
    ] = None


class ResumeConfig(ConfigSection, frozen=True, kw_only=True):
    """Whether a training continues; not part of the training request."""

    title: ClassVar[str] = "Training"

    resume: Annotated[
        bool,
        Meta(description="Continue from the checkpoint in --folder, with the options it was started with."),
        ONE_WAY,
    ] = False


def check_training(config: Config, training: TrainingConfig) -> None:
    """Refuse combinations that cannot be trained; what depends on the data is checked when it is opened."""
    for problem in (
        _check_changes(training),
        _check_schedule(training),
        _check_start(config, training),
        _check_strategy(config, training),
    ):
        if problem is not None:
            raise problem


def _check_changes(training: TrainingConfig) -> ConfigError | None:
    changes = training.augment
    if changes != "auto" and "none" in changes and len(changes) > 1:
        return ConfigError(f"--augment {','.join(changes)} combines none with other values.", "Leave one of them out.")
    return None


def _check_schedule(training: TrainingConfig) -> ConfigError | None:
    if training.warmup_epochs >= training.epochs:
        return ConfigError(
            f"--warmup-epochs {training.warmup_epochs:g} must be less than --epochs {training.epochs}.",
            "Use fewer warm-up epochs, or more --epochs.",
        )
    if training.decay_epochs != "auto" and training.schedule != "step":
        return ConfigError(
            f"--decay-epochs {training.decay_epochs:g} needs --schedule step, not {training.schedule}.",
            "Add --schedule step.",
        )
    return None


def _check_start(config: Config, training: TrainingConfig) -> ConfigError | None:
    check_weights(training.weights, training.new_head, training.fold_biases)
    stages = len(config.model.stage_sizes)
    if training.freeze_stages > stages:
        return ConfigError(
            f"--freeze-stages {training.freeze_stages} is not allowed: the network has {stages} stages.",
            f"Use 0 to {stages}.",
        )
    return None


def _check_strategy(config: Config, training: TrainingConfig) -> ConfigError | None:
    """What does not depend on the machine; `runtime/replicas.py` has the rest."""
    logical, device = training.logical_devices, config.runtime.device
    if training.strategy == "one":
        if logical == 1:
            return None
        return ConfigError(
            f"--logical-devices {logical} needs --strategy mirrored, not one.", "Add --strategy mirrored."
        )
    if config.step.xla:
        return ConfigError(
            "--xla cannot be combined with --strategy mirrored: a compiled step cannot reach all replicas' variables.",
            "Leave one of them out.",
        )
    if device.startswith("gpu:"):
        return ConfigError(
            f"--device {device} names one GPU, but --strategy mirrored uses all of them.",
            "Use --device gpu; select GPUs with CUDA_VISIBLE_DEVICES.",
        )
    return None
