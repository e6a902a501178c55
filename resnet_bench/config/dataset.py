"""Fields that the commands with a trained network share: which data set, which part of it, which weights.

`train`, `evaluate`, `predict` and `build` take these into their own sections, so that help, bounds and accepted
spellings are the same in all of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resnet_bench.config.fields import FILE, WORKLOAD, Auto, Percent, absolute_path
from resnet_bench.config.sources import TrainSource, describe_sources
from resnet_bench.errors import ConfigError

DatasetSource = Annotated[
    TrainSource | Auto,
    Meta(
        description=f"Where images come from. {describe_sources('train')}. auto: what --data is, digits without it.",
        extra={"alias": "--dataset"},
    ),
    WORKLOAD,
]

TestData = Annotated[
    str | None, Meta(description="Test part: an h5 file, a folder, or a glob of shards."), FILE, WORKLOAD
]

TestShare = Annotated[
    Percent,
    Meta(gt=0, description="Fraction of each class held out for testing, without --test-data."),
    WORKLOAD,
]

SplitSeed = Annotated[
    int, Meta(ge=0, le=2**31 - 1, description="Seed of that split; --seed does not change it."), WORKLOAD
]

Weights = Annotated[
    str | None,
    Meta(
        description="Start from these weights: a .keras file, Keras Applications' .h5 file, or imagenet (downloaded).",
        extra={"metavar": "FILE|imagenet", "completion": "file"},
    ),
    WORKLOAD,
]

NewHead = Annotated[bool, Meta(description="Replace the classifier of --weights with a new one."), WORKLOAD]

FoldBiases = Annotated[
    bool,
    Meta(description="Fold the convolution biases of --weights into batch norm; outputs stay the same."),
    WORKLOAD,
]

Portable = Annotated[
    bool, Meta(description="Save with Keras' own batch norm and the same weights, so that plain Keras loads the file.")
]

PixelsName = Literal["imagenet", "caffe", "unit", "raw"]

PixelsOption = Annotated[
    PixelsName | None,
    Meta(
        description="Input normalization: this package's, Keras Applications', 0 to 1, or 0 to 255. Default: as the "
        "model file says."
    ),
]

ModelFile = Annotated[str, Meta(description="Trained model, a .keras file."), FILE]


def check_weights(weights: str | None, new_head: bool, fold_biases: bool) -> None:
    """Refuse what needs --weights without it."""
    for flag, given in (("--new-head", new_head), ("--fold-biases", fold_biases)):
        if given and weights is None:
            raise ConfigError(f"{flag} needs --weights.", "Add --weights PATH.")


def weights_source(weights: str | None) -> str | None:
    """--weights as a worker takes it: an absolute path, or imagenet."""
    return weights if weights == "imagenet" else absolute_path(weights)
