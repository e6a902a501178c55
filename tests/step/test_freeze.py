"""Freezing: constants instead of variables, batch norm inside the convolution, the same outputs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from resnet_bench.errors import ConfigError
from resnet_bench.step.freeze import freeze
from resnet_bench.step.make import make_step
from tests.support.tiny_steps import (
    CLASSES,
    SIZE,
    batches,
    configuration,
    network,
    pipeline,
    ready,
    resident,
    runtime,
)

XLA = pytest.mark.parametrize("jit", [False, True], ids=["no-xla", "xla"])


def lived_in(model: Any) -> Any:
    """The model with batch norm statistics and biases that are not the initial ones."""
    random = np.random.default_rng(1)
    for variable in model.variables:
        if "seed" not in variable.path and variable.name != "kernel":
            variable.assign(random.uniform(0.5, 2.0, variable.shape))
    return model


@XLA
@pytest.mark.parametrize("fused", [False, True], ids=["keras-norm", "fused-norm"])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_frozen_logits_are_the_unfrozen_ones(jit: bool, fused: bool, policy: str) -> None:
    model = lived_in(network(policy, fused=fused))
    logits = {}
    for frozen in (False, True):
        config = configuration(mode="infer", freeze=frozen)
        step = ready(make_step(config, runtime(jit=jit), model), resident())
        step.dispatch(1)
        step.wait()
        logits[frozen] = np.asarray(step._last)
        assert step.traces == 1
    bound = 1e-5 if policy == "float32" else 3e-2
    np.testing.assert_allclose(logits[True], logits[False], rtol=bound, atol=bound)


def test_frozen_evaluation_counts_the_same() -> None:
    model = lived_in(network(fused=True))
    outcomes = []
    for frozen in (False, True):
        config = configuration(mode="eval", freeze=frozen, source="photos", steps_per_call=2)
        step = ready(make_step(config, runtime(), model), pipeline(batches(4)))
        step.dispatch(2)
        outcomes.append(step.finish())
    assert outcomes[0].images == outcomes[1].images == 16
    assert (outcomes[0].top1, outcomes[0].top5) == (outcomes[1].top1, outcomes[1].top5)
    assert outcomes[1].loss == pytest.approx(outcomes[0].loss, rel=1e-5)


@pytest.mark.parametrize("bias", [False, True], ids=["no-bias", "bias"])
def test_no_variable_and_no_batch_norm_is_left(bias: bool) -> None:
    random = np.random.default_rng(0)
    kernel = tf.Variable(random.normal(size=(3, 3, 3, 4)), dtype=tf.float32)
    offset, gamma, beta, mean = (tf.Variable(random.normal(size=4), dtype=tf.float32) for _ in range(4))
    variance = tf.Variable(random.uniform(0.5, 2.0, 4), dtype=tf.float32)

    def function(x: Any) -> Any:
        y = tf.nn.conv2d(x, kernel, 2, "SAME")
        y = tf.nn.bias_add(y, offset) if bias else y
        y = tf.raw_ops.FusedBatchNormV3(
            x=y, scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=1e-5, is_training=False
        )[0]
        return tf.nn.relu(y)

    spec = tf.TensorSpec((2, SIZE, SIZE, 3), tf.float32)
    frozen = tf.function(freeze(function, spec), autograph=False).get_concrete_function(spec)
    operations = [operation.type for operation in frozen.graph.get_operations()]
    assert not {"VarHandleOp", "ReadVariableOp", "FusedBatchNormV3"} & set(operations)
    assert operations.count("Conv2D") == operations.count("BiasAdd") == 1
    assert not frozen.captured_inputs
    x = tf.constant(random.normal(size=spec.shape), tf.float32)
    np.testing.assert_allclose(frozen(x), function(x), rtol=1e-5, atol=1e-5)


def test_a_batch_norm_whose_convolution_others_read_stays() -> None:
    kernel, one = tf.Variable(tf.ones((1, 1, 3, 4))), tf.Variable(tf.ones(4))

    def function(x: Any) -> Any:
        y = tf.nn.conv2d(x, kernel, 1, "SAME")
        z = tf.raw_ops.FusedBatchNormV3(x=y, scale=one, offset=one, mean=one, variance=one * 4, is_training=False)[0]
        return y + z

    spec = tf.TensorSpec((2, SIZE, SIZE, 3), tf.float32)
    frozen = tf.function(freeze(function, spec), autograph=False).get_concrete_function(spec)
    assert "FusedBatchNormV3" in [operation.type for operation in frozen.graph.get_operations()]
    x = tf.random.stateless_normal(spec.shape, (0, 1))
    np.testing.assert_allclose(frozen(x), function(x), rtol=1e-5, atol=1e-5)


def test_a_network_that_needs_its_state_is_refused() -> None:
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([0], [1.0]), 0.0)

    class LookUp(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x + table.lookup(tf.zeros((CLASSES,), tf.int32))

        def compute_output_spec(self, x: Any) -> Any:
            return keras.KerasTensor(x.shape)

    model = network()
    model = keras.Model(model.inputs, LookUp()(model.outputs[0]))
    step = make_step(configuration(mode="infer", freeze=True), runtime(), model)
    with pytest.raises(ConfigError, match=r"--freeze .*--no-freeze"):
        step.trace()
