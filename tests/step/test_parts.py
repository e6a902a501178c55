"""Normalisation, loss and hits, each against its definition."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from resnet_bench.model.model_card import channel_statistics
from resnet_bench.step.loss import cross_entropy, hits
from resnet_bench.step.normalize import normalize


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_normalize_is_pixel_minus_mean_over_deviation(channels: int, dtype: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 6, channels), np.uint8)
    mean, std = channel_statistics(channels)
    expected = (images - mean) / std
    result = normalize(tf.constant(images), dtype, "channels_last")
    assert result.dtype == dtype
    np.testing.assert_allclose(
        tf.cast(result, tf.float32), expected, rtol=1e-5 if dtype == "float32" else 4e-3, atol=1e-5
    )
    first = normalize(tf.constant(images), dtype, "channels_first")
    assert first.shape == (2, channels, 5, 6)
    np.testing.assert_array_equal(tf.transpose(first, (0, 2, 3, 1)), result)


def test_the_statistics_are_in_pixel_values() -> None:
    mean, std = channel_statistics(3)
    np.testing.assert_allclose(mean, [123.675, 116.28, 103.53], rtol=1e-5)
    np.testing.assert_allclose(std, [58.395, 57.12, 57.375], rtol=1e-5)
    grey, _ = channel_statistics(1)
    assert mean.min() < grey[0] < mean.max()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_keras_with_label_smoothing(smoothing: float) -> None:
    random = np.random.default_rng(0)
    labels, logits = random.integers(0, 9, 6).astype(np.int32), random.normal(size=(6, 9)).astype(np.float32)
    one_hot = keras.ops.one_hot(labels, 9)
    expected = keras.losses.categorical_crossentropy(one_hot, logits, from_logits=True, label_smoothing=smoothing)
    np.testing.assert_allclose(cross_entropy(labels, logits, smoothing), expected, rtol=1e-5)


def test_hits_follow_top_k_also_with_ties() -> None:
    random = np.random.default_rng(0)
    logits = random.integers(0, 4, (64, 10)).astype(np.float32)
    labels = random.integers(0, 10, 64).astype(np.int32)
    for k in (1, 5):
        best = tf.math.top_k(logits, k).indices.numpy()
        assert int(hits(tf.constant(labels), logits, k)) == int(np.sum(np.any(best == labels[:, None], axis=1)))


def test_a_logit_that_is_not_a_number_is_no_hit() -> None:
    logits = tf.constant([[float("nan")] * 3, [0.0, 1.0, 2.0]])
    assert int(hits(tf.constant([0, 2]), logits, 1)) == 1
