"""A saved network as a compiled function from uint8 images to log-probabilities, for evaluation and prediction.

Neighbours: `model/weights.py` loads it, `model/model_card.py` says what it reads, `normalize.py` makes its input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tensorflow as tf

from resnet_bench.config.dataset import PixelsName
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.model import model_card as cards
from resnet_bench.model import weights
from resnet_bench.records.base import Notice
from resnet_bench.records.model_card import ModelCard, Pixels
from resnet_bench.step.normalize import normalize

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime


@dataclass(frozen=True)
class LoadedModel:
    """A loaded network. `card` is None where its file has none; `notices` say what was assumed."""

    path: str
    image_size: tuple[int, int]
    channels: Literal[1, 3]
    classes: int
    card: ModelCard | None
    batch_size: int
    run: Any
    notices: tuple[Notice, ...]

    def __call__(self, images: Any) -> Any:
        """Log-probabilities float32 [batch, classes] of uint8 [batch, height, width, channels], on the host; blocks."""
        return self.run(tf.convert_to_tensor(images)).numpy()


def load_model(path: str, rt: Runtime, batch_size: int, pixels: PixelsName | None = None) -> LoadedModel:
    """Load the .keras file at `path` and compile it for batches of `batch_size`; traces and runs it once.

    `pixels` overrides the card's normalisation. Without either, Keras Applications' is assumed where the first
    convolution has a bias, and this package's elsewhere; a notice says so. Raises `DataError` for a file that
    is damaged or holds no classifier of images of one size.
    """
    with tf.device(rt.device):
        model = weights.load(Path(path))
    card = cards.read_card(Path(path))
    data_format, size, channels = _reads(model, path)
    chosen, notices = (
        _pixels(model, card, channels, path) if pixels is None else (cards.pixels_named(pixels, channels), ())
    )
    gives_logits = cards.outputs_of(model) == "logits"

    def run(images: Any) -> Any:
        inputs = normalize(images, model.inputs[0].dtype, data_format, chosen)
        outputs = tf.cast(model(inputs, training=False), tf.float32)
        return tf.nn.log_softmax(outputs) if gives_logits else tf.math.log(tf.maximum(outputs, 1e-30))

    compiled = tf.function(
        run, input_signature=[tf.TensorSpec((batch_size, *size, channels), tf.uint8)], jit_compile=rt.jit
    )
    subject = LoadedModel(
        path=path,
        image_size=size,
        channels=channels,
        classes=int(model.output_shape[-1]),
        card=card,
        batch_size=batch_size,
        run=compiled,
        notices=notices,
    )
    with tf.device(rt.device):
        subject(np.zeros((batch_size, *size, channels), np.uint8))
    return subject


def _reads(model: Any, path: str) -> tuple[Literal["channels_last", "channels_first"], tuple[int, int], Literal[1, 3]]:
    """Layout, height and width, and channels of a network's input."""
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or len(model.output_shape) != 2:
        raise DataError(f"{path} is no classifier of images.", "Give a network from images to classes.")
    layouts: tuple[tuple[Literal["channels_last", "channels_first"], Any, Any], ...] = (
        ("channels_last", shape[3], shape[1:3]),
        ("channels_first", shape[1], shape[2:]),
    )
    for layout, channels, size in layouts:
        if channels in (1, 3):
            if None in size:
                raise ConfigError(f"{path} reads images of any size.", "Save it with a fixed input shape.")
            return layout, (int(size[0]), int(size[1])), 1 if channels == 1 else 3
    raise DataError(f"{path} reads arrays of shape {shape[1:]}, not images.", "1 or 3 channels are known.")


def _layers(model: Any) -> Iterator[Any]:
    """All layers in order, those of nested networks in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _pixels(
    model: Any, card: ModelCard | None, channels: Literal[1, 3], path: str
) -> tuple[Pixels, tuple[Notice, ...]]:
    if card is not None:
        return card.pixels, ()
    first = next((layer for layer in _layers(model) if hasattr(layer, "kernel") and layer.kernel.ndim == 4), None)
    name: PixelsName = "caffe" if channels == 3 and getattr(first, "use_bias", False) else "imagenet"
    return cards.pixels_named(name, channels), (Notice.make("pixels_assumed", model=path, pixels=name),)
