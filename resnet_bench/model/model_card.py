"""How pixels become a network's input, and the card inside a .keras file that says so.

Our own networks read ImageNet's mean and deviation; Keras Applications' ResNets read BGR minus a mean. A
card travels in the file's metadata.json, where Keras leaves it alone. Neighbours: `weights.py` writes it,
`step/normalize.py` computes the input. Imports no TensorFlow.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from resnet_bench.config.dataset import PixelsName
from resnet_bench.data.encoded_image import LUMA
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.records.model_card import ModelCard, Pixels
from resnet_bench.records.run import DataFacts

if TYPE_CHECKING:
    from resnet_bench.config import Config

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

CAFFE = Pixels(order="bgr", mean=(103.939, 116.779, 123.68), std=(1.0, 1.0, 1.0))
"""What `keras.applications.resnet.preprocess_input` does."""

_METADATA, _KEY = "metadata.json", "resnet_bench"


def channel_statistics(channels: int) -> tuple[Any, Any]:
    """Mean and deviation per channel, in pixel values of 0 to 255, float32 [C].

    Three channels: the usual ImageNet statistics. One: those of ImageNet's luma; the deviation is the luma
    of the deviations, exact where the three channels move together, as they nearly do in photographs.
    """
    mean, std = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
    if channels == 1:
        mean, std = (np.array([np.dot(LUMA, values)]) for values in (mean, std))
    return (255 * mean).astype(np.float32), (255 * std).astype(np.float32)


def pixels_named(name: PixelsName, channels: int) -> Pixels:
    """imagenet: what this package trains with; caffe: Keras Applications; unit: 0 to 1; raw: 0 to 255."""
    if name == "caffe":
        if channels != 3:
            raise ConfigError(f"caffe pixels have 3 channels, but the network reads {channels}.", "Use imagenet.")
        return CAFFE
    mean, std = channel_statistics(channels)
    if name != "imagenet":
        mean, std = np.zeros(channels), np.full(channels, 255.0 if name == "unit" else 1.0)
    order: Literal["rgb", "grey"] = "rgb" if channels == 3 else "grey"
    return Pixels(order=order, mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def card_of(
    model: Any,
    config: Config,
    *,
    class_names: tuple[str, ...] | None = None,
    crop: Literal["whole", "centre"] = "centre",
    trained_on: DataFacts | None = None,
) -> ModelCard:
    """The card of a network that `build` made for the resolved `config` and that `step` trains."""
    from resnet_bench import __version__
    from resnet_bench.model import facts

    return ModelCard(
        pixels=pixels_named("imagenet", config.model.channels),
        outputs=outputs_of(model),
        data_format=config.model.data_format,
        crop=crop,
        model=facts(model, config),
        class_names=class_names,
        trained_on=trained_on,
        tool_version=__version__,
    )


def outputs_of(model: Any) -> Literal["logits", "probabilities"]:
    """What `model` gives, from the activation of its last layer; `DataError` where that is unknown."""
    last = model.layers[-1]
    name = getattr(getattr(last, "activation", None), "__name__", None) or type(last).__name__.lower()
    if name == "softmax":
        return "probabilities"
    if name == "linear":
        return "logits"
    raise DataError(
        f"The network ends in {name}; its outputs are neither logits nor probabilities of classes.",
        "Give a classifier that ends in a dense layer, with softmax or without an activation.",
    )


def read_card(path: Path) -> ModelCard | None:
    """The card in the .keras file `path`; None where it has none. `DataError` for a card that makes no sense."""
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = json.loads(archive.read(_METADATA))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError):
        return None  # Loading the network itself says what is wrong with the file.
    found = metadata.get(_KEY) if isinstance(metadata, dict) else None
    try:
        return None if found is None else msgspec.convert(found, ModelCard)
    except msgspec.ValidationError as error:
        raise DataError(f"{path} holds a card that cannot be read: {error}.", "Save the model again.") from error


def add_card(source: Path, target: Path, card: ModelCard) -> None:
    """Write the .keras file `source` to `target` with `card` in its metadata, and nothing else changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            if member.filename != _METADATA:
                with old.open(member) as given, new.open(member.filename, "w", force_zip64=True) as copy:
                    while block := given.read(1 << 20):
                        copy.write(block)
        metadata = json.loads(old.read(_METADATA))
        metadata[_KEY] = msgspec.to_builtins(card)
        new.writestr(_METADATA, json.dumps(metadata, indent=1))
