"""The request of a training: built from option values; and which of them may change with `--resume`.

The request is kept in the training's folder, so that `--resume` needs no other option. Neighbours:
`train.py` runs it, `cli/train.py` parses.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from resnet_bench.config import Config, TrainingConfig, check_training
from resnet_bench.config.dataset import weights_source
from resnet_bench.config.fields import absolute_path
from resnet_bench.config.option import options, parse_value, training_options
from resnet_bench.config.options import build
from resnet_bench.config.sources import TrainSource
from resnet_bench.data.data_paths import refuse_remote
from resnet_bench.data.sources import IMAGE_SIZE, detect_source, find_source
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.records.base import Data
from resnet_bench.records.saved import UNREADABLE

DEFAULTS: dict[str, Any] = {
    "optimizer": "adam",
    "batch_size": 32,
    "classes": 6,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
}
"""Where training differs from a benchmark's defaults: as in small from-scratch projects. --learning-rate auto is
0.00015 for Adam."""

REQUEST = "training.json"

_OLDER_NAMES = {"dataset": "source"}
"""Options that an older version wrote under another name."""


class TrainRequest(Data, frozen=True, kw_only=True):
    """The options of a training; `given` are those named on its command lines."""

    config: Config
    training: TrainingConfig
    given: dict[str, Any]


def request_of(given: Mapping[str, Any]) -> TrainRequest:
    """The request for these values of benchmark and training options; cross-checked.

    Classes and image size are those of the data set unless given; paths become absolute. Raises `ConfigError`, and
    `DataError` for missing data.
    """
    names = {option.name for option in training_options()}
    own = {name: value for name, value in given.items() if name in names}
    own |= {"test_data": absolute_path(own.get("test_data")), "weights": weights_source(own.get("weights"))}
    training = TrainingConfig(**own)
    for name in ("data", "test_data"):
        if given.get(name) is not None:
            refuse_remote(given[name], f"--{name.replace('_', '-')}")
    data = absolute_path(given.get("data"))
    kind = detect_source(training.source, data)
    values = {name: value for name, value in given.items() if name not in names and name != "data"}
    streamed = {"source": kind, "data": data} if kind in ("folder", "tfrecord") else {}
    config, _ = build({**DEFAULTS, **values, **streamed})
    config = replace(config, data=replace(config.data, data=data))
    config = _with_sizes(config, kind, "classes" in given)
    training = replace(training, source=kind)
    check_training(config, training)
    return TrainRequest(config=config, training=training, given=dict(given))


def _with_sizes(config: Config, kind: TrainSource, classes_given: bool) -> Config:
    """The configuration with the data set's number of classes and image size where no option gives them.

    They pass the limits of the options; `DataError` says which one they exceed.
    """
    data = config.data.data
    classes, size = find_source(kind).sizes(data)
    found: dict[str, Any] = {}
    if not classes_given:
        if classes is None:
            raise ConfigError(f"--source {kind} does not say how many classes it has.", "Give --classes.")
        found["classes"] = _within_limits("classes", classes, f"{data} has {classes} classes")
    if config.model.image_size == "auto":
        height, width = size or IMAGE_SIZE
        found["image_size"] = _within_limits("image_size", (height, width), f"{data} has images of {height}x{width}")
    return replace(config, model=replace(config.model, **found))


def _within_limits(name: str, value: Any, what: str) -> Any:
    (option,) = [option for option in options() if option.name == name]
    try:
        return parse_value(option, value)
    except ConfigError as problem:
        remedy = f"Pass {option.flag} to resize them." if name == "image_size" else problem.remedy
        raise DataError(f"{what}, but {option.flag} takes {option.values}.", remedy) from problem


def continued(folder: Path, given: Mapping[str, Any]) -> TrainRequest:
    """The request of the training in `folder`, with the values of `given` instead of its own.

    Raises `ConfigError` for a value that would change what is trained, `DataError` if the folder's file cannot be
    read.
    """
    path = folder / REQUEST
    try:
        before = msgspec.json.decode(path.read_bytes(), type=TrainRequest)
    except (OSError, *UNREADABLE) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Start a new training with another --folder.") from error
    stored = dict(before.given)
    request = request_of({**_typed(stored), **given})
    for name in given:
        old, new = _value(before, name), _value(request, name)
        if old != new and not _may_change(name, before.training):
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(
                f"{flag} {given[name]} would change the training in {folder}, which was started with {old}.",
                f"Leave {flag} out, or start a new training with another --folder.",
            )
    return request


def _typed(stored: dict[str, Any]) -> dict[str, Any]:
    """Values as JSON has them, with the types of their options."""
    known = {option.name: option for option in (*options(), *training_options())}
    named = {_OLDER_NAMES.get(name, name): value for name, value in stored.items()}
    return {name: msgspec.convert(value, known[name].annotation) for name, value in named.items()}


def _value(request: TrainRequest, name: str) -> Any:
    for section in (request.training, *(getattr(request.config, field) for field in request.config.__struct_fields__)):
        if hasattr(section, "__struct_fields__") and name in section.__struct_fields__:
            return getattr(section, name)
    return getattr(request.config, name)


def _may_change(name: str, training: TrainingConfig) -> bool:
    """Whether an option may change without changing what is computed. Some schedules depend on the epochs."""
    if name == "epochs":
        return training.schedule == "constant" or (training.schedule == "step" and training.decay_epochs != "auto")
    (option,) = [option for option in (*training_options(), *options()) if option.name == name][:1]
    return bool(option.extra["role"] == "protocol")
