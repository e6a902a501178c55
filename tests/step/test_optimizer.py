"""The fused optimizers against Keras' own, and loss scaling over replicas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from resnet_bench.step.optimizer import FusedAdam, FusedSGD, is_decayed

DECAY = 0.01
ROOT = Path(__file__).parents[2]


def variables() -> list[Any]:
    random = np.random.default_rng(0)
    shapes = {"kernel": (3, 3, 2, 4), "gamma": (4,), "beta": (4,), "bias": (4,)}
    return [keras.Variable(random.normal(size=shape), name=name) for name, shape in shapes.items()]


def gradients(weights: list[Any], step: int) -> list[Any]:
    random = np.random.default_rng(step)
    return [tf.constant(random.normal(size=weight.shape), tf.float32) for weight in weights]


def trained(optimizer: Any, jit: bool) -> list[Any]:
    weights = variables()
    if optimizer.weight_decay:
        optimizer.exclude_from_weight_decay(var_list=[weight for weight in weights if not is_decayed(weight)])
    optimizer.build(weights)
    apply = tf.function(lambda *values: optimizer.apply(list(values), weights), jit_compile=jit, autograph=False)
    for step in range(5):
        apply(*gradients(weights, step))
    assert int(optimizer.iterations.numpy()) == 5
    return [value.numpy() for value in (*weights, *optimizer.variables)]


@pytest.mark.parametrize("jit", [False, True], ids=["no-xla", "xla"])
@pytest.mark.parametrize("rule", ["momentum", "plain", "adam"])
def test_weights_and_slots_are_those_of_keras(rule: str, jit: bool) -> None:
    pairs: dict[str, tuple[Any, Any]] = {
        "momentum": (FusedSGD(0.05, 0.9, DECAY), keras.optimizers.SGD(0.05, 0.9, weight_decay=DECAY)),
        "plain": (FusedSGD(0.05, 0.0, DECAY), keras.optimizers.SGD(0.05, 0.0, weight_decay=DECAY)),
        "adam": (FusedAdam(0.05, DECAY), keras.optimizers.Adam(0.05, weight_decay=DECAY)),
    }
    ours, theirs = (trained(optimizer, jit) for optimizer in pairs[rule])
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=2e-5, atol=2e-6)


def test_only_kernels_decay() -> None:
    weights = variables()
    before = [weight.numpy() for weight in weights]
    optimizer = FusedSGD(0.5, 0.9, DECAY)
    optimizer.build(weights)
    optimizer.apply([tf.zeros_like(weight.value) for weight in weights], weights)
    np.testing.assert_allclose(weights[0].numpy(), before[0] * (1 - 0.5 * DECAY), rtol=1e-6)
    for weight, value in zip(weights[1:], before[1:], strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


TWO_REPLICAS = """
import numpy as np, keras, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from resnet_bench.step.optimizer import AgreedLossScaleOptimizer, FusedSGD
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    weight = keras.Variable(np.ones((4,), np.float32), name="kernel")
    optimizer = AgreedLossScaleOptimizer(FusedSGD(1.0, 0.9, 0.0), initial_scale=8.0)
    optimizer.build([weight])

@tf.function(autograph=False)
def step(bad_replica):
    def replica():
        here = tf.distribute.get_replica_context().replica_id_in_sync_group
        gradient = tf.where(here == bad_replica, np.float32("inf"), 8.0) * tf.ones((4,))
        optimizer.apply([gradient], [weight])
    strategy.run(replica)

for bad, scale, iterations in ((1, 4.0, 0), (0, 2.0, 0)):
    step(tf.constant(bad))
    assert float(optimizer.dynamic_scale.numpy()) == scale, (bad, optimizer.dynamic_scale)
    assert int(optimizer.iterations.numpy()) == iterations
    np.testing.assert_array_equal(weight.numpy(), np.ones(4))
step(tf.constant(-1))
assert int(optimizer.iterations.numpy()) == 1
np.testing.assert_allclose(weight.numpy(), np.full(4, 1.0 - 2 * 8.0 / 2.0))
print("agreed")
"""


def test_an_overflow_on_one_replica_skips_the_step_on_all() -> None:
    command = [sys.executable, "-c", TWO_REPLICAS]
    child = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, cwd=ROOT)
    assert child.returncode == 0, child.stderr[-2000:]
    assert "agreed" in child.stdout
