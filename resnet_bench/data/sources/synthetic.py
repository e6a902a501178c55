"""One random batch that stays on the device: the model alone, with no input pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np

from resnet_bench.config import Config, resolved_value
from resnet_bench.data.sources.base import DataSource


class SyntheticSource(DataSource):
    """Random pixels and labels, the same for a seed."""

    name = "synthetic"

    def open_resident(self, config: Config, device: str) -> tuple[Any, Any]:
        """The batch of a resolved configuration; imports TensorFlow."""
        model = config.model
        return resident_batch(
            resolved_value(config.step.batch_size),
            resolved_value(model.image_size),
            model.channels,
            model.classes,
            config.runtime.seed,
            device,
        )


SOURCE = SyntheticSource()


def resident_batch(
    batch: int, size: tuple[int, int], channels: int, classes: int, seed: int, device: str
) -> tuple[Any, Any]:
    """(images uint8 [batch, height, width, channels], labels int32 [batch]) on `device`, the same for a seed.

    Made on the host with NumPy, so that every device gets the same values, then copied; blocks until the
    copy is done. Imports TensorFlow.
    """
    import tensorflow as tf

    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (batch, *size, channels), dtype=np.uint8)
    labels = random.integers(0, classes, batch, dtype=np.int32)
    with tf.device(device):
        return tf.identity(tf.constant(images)), tf.identity(tf.constant(labels))
