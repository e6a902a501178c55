"""How many records `--on-bad-record skip` left out, counted inside the pipeline.

Neighbours: `pipeline` builds it in, `diagnose.prepare_to_skip` asks it. Imports TensorFlow: workers only.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class SkipCounter:
    """How many records failed in the first pass over the data, counted inside the pipeline.

    A record carries its number in reading order; numbers missing after the failing map were bad. Numbers are compared
    batch by batch, so records still in flight are not counted yet.
    """

    def __init__(self, records: int) -> None:
        self.records = records
        with tf.device("/CPU:0"):
            self._seen = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._passed = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._most = 0

    def start(self, index: Any) -> Any:
        """Resets the counts at the first record of a new iteration (in reading order); returns the number."""

        def reset() -> Any:
            with tf.control_dependencies([self._seen.assign(0), self._passed.assign(0)]):
                return tf.identity(index)

        return tf.cond(tf.equal(index, 0), reset, lambda: tf.identity(index))

    def count(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Counts the records of a batch and removes their numbers."""
        index = batch["index"]
        first_pass = tf.math.count_nonzero(index < self.records)
        seen = self._seen.assign(tf.maximum(self._seen, tf.reduce_max(index) + 1))
        with tf.control_dependencies([seen, self._passed.assign_add(first_pass)]):
            return {**batch, "label": tf.identity(batch["label"])}

    def skipped(self) -> int:
        """Bad records so far; does not fall when a new iteration starts."""
        met = min(int(self._seen.numpy()), self.records) - int(self._passed.numpy())
        self._most = max(self._most, met)
        return self._most
