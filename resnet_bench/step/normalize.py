"""From the pixels that cross to the device to what the network reads, inside the compiled step.

Owns the arithmetic and the layout change; `model/model_card.py` has the numbers. Used by every body in this package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from resnet_bench.model.model_card import channel_statistics
from resnet_bench.records.model_card import Pixels


def normalize(images: Any, dtype: Any, data_format: str, pixels: Pixels | None = None) -> Any:
    """(pixel - mean) / deviation of uint8 [B, H, W, C] as `dtype`, in the network's layout.

    The arithmetic is float32 whatever `dtype` is: a bfloat16 result is rounded once. Returns [B, H, W, C]
    for channels_last and [B, C, H, W] for channels_first. `pixels` says what another network than ours reads.
    """
    batch, height, width, channels = images.shape
    mean, std = channel_statistics(channels)
    if pixels is not None:
        mean, std = (np.array(values, np.float32) for values in (pixels.mean, pixels.std))
        images = images[..., ::-1] if pixels.order == "bgr" else images
    scale = (1 / std).astype(np.float32)
    if data_format == "channels_first":
        # Transposed while a pixel is one byte, not four.
        flat = tf.reshape(tf.transpose(images, (0, 3, 1, 2)), (batch, channels, height * width))
        result = (tf.cast(flat, tf.float32) - mean[:, np.newaxis]) * scale[:, np.newaxis]
        return tf.cast(tf.reshape(result, (batch, channels, height, width)), dtype)
    # One long row of W x C: broadcasting over an inner dimension of 3 is not vectorised on the CPU.
    flat = tf.cast(tf.reshape(images, (batch, height, width * channels)), tf.float32)
    result = (flat - np.tile(mean, width)) * np.tile(scale, width)
    return tf.cast(tf.reshape(result, (batch, height, width, channels)), dtype)
