"""`--loop fit`: Keras' own loop takes exactly the steps it is given, and learns what ours learns."""

from __future__ import annotations

import threading
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from resnet_bench.errors import BenchError, DataError
from resnet_bench.step.make import make_step
from tests.support.tiny_steps import BATCH, SIZE, batches, configuration, network, pipeline, ready, resident, runtime


def fit_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "fit"]


@pytest.mark.parametrize("jit", [False, True], ids=["no-xla", "xla"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_fit_and_our_loop_lose_the_same_on_the_same_batches(jit: bool, optimizer: str) -> None:
    elements = batches(4)
    losses: dict[str, list[float]] = {}
    weights = {}
    for loop in ("custom", "fit"):
        model = network()
        config = configuration(loop=loop, source="photos", optimizer=optimizer, learning_rate=0.01)
        step = ready(make_step(config, runtime(jit=jit), model), pipeline(elements))
        losses[loop] = []
        for _ in elements:
            step.dispatch(1)
            losses[loop].append(step.finish().loss or 0.0)
        weights[loop] = [variable.numpy() for variable in model.trainable_variables]
        step.close()
    # `fit` reports the mean of its losses so far.
    means = np.cumsum(losses["custom"]) / np.arange(1, 5)
    np.testing.assert_allclose(losses["fit"], means, rtol=1e-5)
    for ours, theirs in zip(weights["custom"], weights["fit"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps_per_call", [1, 3])
def test_exactly_the_dispatched_calls_run_and_the_thread_ends(steps_per_call: int) -> None:
    step = make_step(configuration(loop="fit", steps_per_call=steps_per_call), runtime(), network())
    step = ready(step, resident())
    assert step.images_per_call == BATCH * steps_per_call
    assert step.finish().iterations is None
    step.dispatch(2)
    step.dispatch(1)
    assert step.finish().iterations == 3 * steps_per_call
    step.dispatch(1)
    assert step.finish().iterations == 4 * steps_per_call
    assert step.traces == 1
    assert len(fit_threads()) == 1
    step.close()
    assert not fit_threads()


def test_fit_leaves_no_mark_of_its_first_call() -> None:
    model = network()
    before = [variable.numpy() for variable in model.variables]
    step = ready(make_step(configuration(loop="fit"), runtime(), model), resident())
    for value, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(value, variable.numpy())
    step.close()


def test_fit_scales_the_loss_and_counts_skipped_steps() -> None:
    model = network("mixed_float16")
    step = ready(make_step(configuration(loop="fit"), runtime(loss_scaling=True), model), resident())
    step.dispatch(2)
    outcome = step.finish()
    assert (outcome.iterations, outcome.skipped) == (2, 0)
    step.close()


def test_a_failure_in_the_thread_reaches_the_caller() -> None:
    def broken(index: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_less(index, np.int64(2))]):
            return tf.zeros((BATCH, SIZE, SIZE, 3), tf.uint8), tf.zeros((BATCH,), tf.int32)

    known = DataError("shard 3 record 7 is truncated.")
    inp = pipeline(batches(1), explain=lambda problem: known if isinstance(problem, tf.errors.OpError) else None)
    inp.dataset = tf.data.Dataset.counter().map(broken)
    step = ready(make_step(configuration(loop="fit", source="photos"), runtime(), network()), inp)
    step.dispatch(2)
    step.wait()
    step.dispatch(1)
    with pytest.raises(DataError, match="shard 3 record 7"):
        step.wait()
    step.close()
    assert not fit_threads()


@pytest.mark.filterwarnings("ignore:Limiting steps_per_epoch")
def test_a_limit_of_keras_on_the_steps_of_an_epoch_is_no_faster_fit() -> None:
    keras.config.set_max_steps_per_epoch(3)
    try:
        step = ready(make_step(configuration(loop="fit"), runtime(), network()), resident())
        step.dispatch(2)
        step.wait()
        assert step.steps_run == 2
        step.dispatch(4)
        with pytest.raises(BenchError, match="ended by itself"):
            step.wait()
        step.close()
    finally:
        keras.config.set_max_steps_per_epoch(None)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_input_that_ends_early_is_no_faster_fit() -> None:
    inp = pipeline(batches(2))
    inp.dataset = inp.dataset.take(2)
    step = ready(make_step(configuration(loop="fit", source="photos"), runtime(), network()), inp)
    step.dispatch(5)
    with pytest.raises(BenchError, match="ended by itself"):
        step.wait()
    step.close()


@pytest.mark.parametrize("scaling", [False, True], ids=["", "loss-scaling"])
def test_fit_counts_the_steps_that_ran(scaling: bool) -> None:
    policy = "mixed_float16" if scaling else "float32"
    step = make_step(configuration(loop="fit", steps_per_call=2), runtime(loss_scaling=scaling), network(policy))
    step = ready(step, resident())
    assert step.steps_run == 0
    step.dispatch(3)
    step.wait()
    assert step.steps_run == 6
    step.close()
