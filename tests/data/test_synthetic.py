"""Synthetic data: one seeded batch on the device."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from resnet_bench.data.sources.synthetic import resident_batch


def test_the_batch_has_the_shape_types_and_place_asked_for() -> None:
    images, labels = resident_batch(3, (8, 6), 1, 5, 0, "/CPU:0")
    assert (images.shape, images.dtype) == ((3, 8, 6, 1), tf.uint8)
    assert (labels.shape, labels.dtype) == ((3,), tf.int32)
    assert images.device.endswith("CPU:0")
    assert set(labels.numpy()) <= set(range(5))


def test_a_seed_decides_the_batch() -> None:
    first, again, other = (resident_batch(2, (8, 8), 3, 5, seed, "/CPU:0")[0].numpy() for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
