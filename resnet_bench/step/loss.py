"""The training loss and the counting of hits; both on float32 logits.

Used by the bodies, by `fit.py` and by `split.py`, so that all of them compute the same thing.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def cross_entropy(labels: Any, logits: Any, smoothing: float) -> Any:
    """Softmax cross-entropy per image, float32 [B], of integer labels [B] and logits [B, classes].

    `smoothing` spreads that share of the target evenly over all classes (Szegedy et al., 2016, section 7).
    """
    logits = tf.cast(logits, tf.float32)
    labels = tf.reshape(tf.convert_to_tensor(labels), (-1,))
    if not labels.dtype.is_integer:  # Keras hands labels to a loss as float32.
        labels = tf.cast(labels, tf.int32)
    if smoothing == 0:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    classes = logits.shape[-1]
    spread = smoothing / classes
    targets = tf.one_hot(labels, classes, on_value=1 - smoothing + spread, off_value=spread, dtype=tf.float32)
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def hits(labels: Any, logits: Any, k: int) -> Any:
    """How many images have their label among the `k` largest logits, int64 scalar.

    Ties go to the lower class, as `tf.math.top_k` has it; a label whose logit is not finite is no hit.
    """
    labels = labels[:, tf.newaxis]
    own = tf.gather(logits, labels, axis=1, batch_dims=1)
    classes = tf.range(logits.shape[-1], dtype=labels.dtype)[tf.newaxis]
    ahead = (logits > own) | ((logits == own) & (classes < labels))
    rank = tf.reduce_sum(tf.cast(ahead, tf.int32), axis=1)
    hit = (rank < k) & tf.math.is_finite(own[:, 0])
    return tf.reduce_sum(tf.cast(hit, tf.int64))
