"""The pipeline alone."""

from __future__ import annotations

import types
from typing import Any

import pytest
import tensorflow as tf

from resnet_bench.errors import DataError
from resnet_bench.step.make import make_step
from tests.support.tiny_steps import BATCH, SIZE, configuration, nothing_known, ready, runtime


def counting() -> Any:
    """An endless input whose n-th batch holds pixels of value n."""

    def element(index: Any) -> Any:
        return tf.fill((BATCH, SIZE, SIZE, 3), tf.cast(index, tf.uint8)), tf.zeros((BATCH,), tf.int32)

    return types.SimpleNamespace(dataset=tf.data.Dataset.counter().map(element), explain=nothing_known)


@pytest.mark.parametrize("steps_per_call", [1, 3])
def test_each_call_takes_its_batches_in_one_traced_loop(steps_per_call: int) -> None:
    config = configuration(mode="input", source="photos", steps_per_call=steps_per_call)
    step = ready(make_step(config, runtime(), None), counting())
    step.dispatch(2)
    step.dispatch(5)
    assert step.finish().images == 7 * BATCH * steps_per_call
    assert step.traces == 1
    # The five last calls read batches 2s to 7s - 1, each once.
    assert int(step._sums[0]) == sum(range(2 * steps_per_call, 7 * steps_per_call))
    step.close()


def test_a_failing_pipeline_is_explained() -> None:
    def broken(index: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_less(index, tf.constant(2, tf.int64))]):
            return tf.zeros((BATCH, SIZE, SIZE, 3), tf.uint8), tf.zeros((BATCH,), tf.int32)

    known = DataError("record 3 of a.tfrecord is no JPEG.")
    inp = types.SimpleNamespace(dataset=tf.data.Dataset.counter().map(broken), explain=lambda _: known)
    step = ready(make_step(configuration(mode="input", source="photos"), runtime(), None), inp)
    with pytest.raises(DataError, match="record 3"):
        step.dispatch(3)
