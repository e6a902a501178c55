"""From the pixels that cross to the device to what the network reads, inside the compiled step.

Owns the means and deviations and the layout change. Used by every body in this package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601 weights of red, green and blue, which JPEG's own greyscale uses."""


def channel_statistics(channels: int) -> tuple[Any, Any]:
    """Mean and deviation per channel, in pixel values of 0 to 255, float32 [C].

    Three channels: the usual ImageNet statistics. One: those of ImageNet's luma; the deviation is the luma
    of the deviations, exact where the three channels move together, as they nearly do in photographs.
    """
    mean, std = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
    if channels == 1:
        mean, std = (np.array([np.dot(LUMA, values)]) for values in (mean, std))
    return (255 * mean).astype(np.float32), (255 * std).astype(np.float32)


def normalize(images: Any, dtype: Any, data_format: str) -> Any:
    """(pixel - mean) / deviation of uint8 [B, H, W, C] as `dtype`, in the network's layout.

    The arithmetic is float32 whatever `dtype` is: a bfloat16 result is rounded once. Returns [B, H, W, C]
    for channels_last and [B, C, H, W] for channels_first.
    """
    batch, height, width, channels = images.shape
    mean, std = channel_statistics(channels)
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
