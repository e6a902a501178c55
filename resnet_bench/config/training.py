"""Options that only training has: its data set, how long and how it trains, and where it keeps what it makes."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resnet_bench.config.config import Config
from resnet_bench.config.fields import OPTION, PROTOCOL, WORKLOAD, Auto, ConfigSection, PositiveFloat
from resnet_bench.errors import ConfigError

Change = Literal["none", "crop", "shift", "flip"]


class TrainingConfig(ConfigSection, frozen=True, kw_only=True):
    """What `bench-cli train` takes beyond a benchmark's configuration."""

    dataset: Annotated[
        Literal["auto", "digits", "h5", "folder", "tfrecord"],
        Meta(
            description="digits: scikit-learn's scanned digits; h5: the hand-sign layout; folder: class subfolders; "
            "tfrecord: ImageNet-style shards. auto: what --data is, digits without it."
        ),
        WORKLOAD,
    ] = "auto"
    test_data: Annotated[
        str | None,
        Meta(description="Test part: an h5 file, a folder, or a glob of shards.", extra={"completion": "file"}),
        WORKLOAD,
    ] = None
    test_share: Annotated[
        float, Meta(gt=0, lt=1, description="Share of each class that is split off as test part."), WORKLOAD
    ] = 0.2
    split_seed: Annotated[
        int, Meta(ge=0, le=2**31 - 1, description="Seed of that split; --seed leaves it alone."), WORKLOAD
    ] = 0
    epochs: Annotated[int, Meta(ge=1, description="Passes over the train part."), PROTOCOL] = 12
    schedule: Annotated[
        Literal["constant", "cosine", "step"],
        Meta(description="Learning rate over time; cosine ends at 0, step divides by 10 every --decay-epochs."),
        WORKLOAD,
    ] = "constant"
    warmup_epochs: Annotated[
        float, Meta(ge=0, description="Epochs in which the learning rate rises to its full value."), WORKLOAD
    ] = 0.0
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
            extra={"values": "crop, shift and flip with commas, none or auto", "metavar": "NAME,..."},
        ),
        WORKLOAD,
    ] = "auto"
    batch_norm_momentum: Annotated[
        Annotated[float, Meta(ge=0, lt=1)] | Auto,
        Meta(
            description="Share that batch norm's moving statistics keep at each step. auto: they average over a "
            "quarter of an epoch, between 0.9 and 0.99."
        ),
        WORKLOAD,
    ] = "auto"
    weights: Annotated[
        str | None,
        Meta(description="Start from these weights: a .keras or .h5 file, or imagenet.", extra={"completion": "file"}),
        WORKLOAD,
    ] = None
    new_head: Annotated[bool, Meta(description="Keep a new classifier in place of that of --weights."), WORKLOAD] = (
        False
    )
    fold_biases: Annotated[
        bool, Meta(description="Fold the convolution biases of --weights into batch norm."), WORKLOAD
    ] = False
    freeze_stages: Annotated[
        int, Meta(ge=0, description="Leave the stem and that many first stages as they are."), WORKLOAD
    ] = 0
    strategy: Annotated[
        Literal["one", "mirrored"],
        Meta(
            description="one: the device alone; mirrored: every GPU of the machine takes an equal part of each batch, "
            "and --batch-size counts all parts together."
        ),
        OPTION,
    ] = "one"
    logical_devices: Annotated[
        int,
        Meta(ge=1, description="Logical CPUs for --strategy mirrored without GPUs: to try it out, not to go faster."),
        OPTION,
    ] = 1
    early_stopping: Annotated[
        int,
        Meta(ge=0, description="Stop after that many epochs without a better test accuracy; 0 never does."),
        PROTOCOL,
    ] = 0
    target_accuracy: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | None,
        Meta(description="Stop once the test accuracy is this high, and say how long that took: 0.97."),
        PROTOCOL,
    ] = None
    keep: Annotated[
        Literal["auto", "last", "best"],
        Meta(
            description="Weights of the saved model: of the last epoch, or of the best on the test part. auto: best "
            "with --early-stopping."
        ),
        PROTOCOL,
    ] = "auto"
    portable: Annotated[
        bool, Meta(description="Save the model with Keras' own batch norm, for plain Keras."), PROTOCOL
    ] = False
    folder: Annotated[
        str,
        Meta(
            description="Folder of this training: checkpoint, model, learning curves, TensorBoard events.",
            extra={"completion": "dir"},
        ),
        PROTOCOL,
    ] = "training"
    checkpoint_interval: Annotated[
        float,
        Meta(
            ge=0,
            description="Time between checkpoints, in seconds (or 90s, 3m); one follows every epoch too.",
            extra={"unit": "s"},
        ),
        PROTOCOL,
    ] = 60.0
    max_time: Annotated[
        PositiveFloat | None,
        Meta(
            description="Time after which training stops with a checkpoint, in seconds (or 90s, 3m, 1h).",
            extra={"unit": "s"},
        ),
        PROTOCOL,
    ] = None


def check_training(config: Config, training: TrainingConfig) -> None:
    """Refuse combinations that cannot be trained; what depends on the data is found when it is opened."""
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
        return ConfigError(f"--augment {','.join(changes)} asks for changes and for none.", "Leave one of them out.")
    return None


def _check_schedule(training: TrainingConfig) -> ConfigError | None:
    if training.warmup_epochs >= training.epochs:
        return ConfigError(
            f"--warmup-epochs {training.warmup_epochs:g} leaves nothing of --epochs {training.epochs}.",
            "Use fewer, or more --epochs.",
        )
    if training.decay_epochs != "auto" and training.schedule != "step":
        return ConfigError(
            f"--decay-epochs {training.decay_epochs:g} belongs to --schedule step, not {training.schedule}.",
            "Add --schedule step.",
        )
    return None


def _check_start(config: Config, training: TrainingConfig) -> ConfigError | None:
    for flag, given in (("--new-head", training.new_head), ("--fold-biases", training.fold_biases)):
        if given and training.weights is None:
            return ConfigError(f"{flag} says what to do with --weights, which is not given.", "Add --weights PATH.")
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
            f"--logical-devices {logical} belongs to --strategy mirrored, not one.", "Add --strategy mirrored."
        )
    if config.step.xla:
        return ConfigError(
            "--xla does not go with --strategy mirrored: a compiled step cannot reach the variables of every replica.",
            "Leave one of them out.",
        )
    if device.startswith("gpu:"):
        return ConfigError(
            f"--device {device} names one GPU, and --strategy mirrored uses all of them.",
            "Use --device gpu; CUDA_VISIBLE_DEVICES says which GPUs there are.",
        )
    return None
