"""One random batch that stays on the device: the model's ceiling, with no pipeline at all.

Imports TensorFlow: workers only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


def resident_batch(batch: int, size: tuple[int, int], channels: int, classes: int, seed: int, device: str) -> Any:
    """(images uint8 [batch, height, width, channels], labels int32 [batch]) on `device`, the same for a seed.

    Made on the host with NumPy, so that every device gets the same values, then copied; blocks until the
    copy is done.
    """
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (batch, *size, channels), dtype=np.uint8)
    labels = random.integers(0, classes, batch, dtype=np.int32)
    with tf.device(device):
        return tf.identity(tf.constant(images)), tf.identity(tf.constant(labels))
