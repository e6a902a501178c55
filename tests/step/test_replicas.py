"""The training step over several replicas, tried on two logical CPUs in a process of its own.

Each replica normalises by the statistics of its own part of a batch, as Keras' batch norm does by default, so
two replicas equal one device only where batch norm uses its moving statistics: there, every loss, gradient and
update must be those of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable

TWO_REPLICAS = """
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from resnet_bench.model.normalization import MOMENTUM, FusedBatchNormalization
from resnet_bench.step.step_functions import network_input
from resnet_bench.step.training.step import TrainingStep
from tests.support import tiny_steps

elements = tiny_steps.batches(6)
mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

def ready(strategy, optimizer, policy="float32", frozen=False):
    keras.backend.clear_session()
    rt = tiny_steps.runtime(loss_scaling=policy == "mixed_float16")
    rt.strategy = strategy
    with strategy.scope():
        model = tiny_steps.network(policy, fused=True)
    for layer in model.layers:
        if isinstance(layer, FusedBatchNormalization):
            layer.trainable = not frozen
    options = {"optimizer": optimizer, "label_smoothing": 0.1, "weight_decay": 0.01}
    step = TrainingStep(tiny_steps.configuration(**options), rt, model)
    step.trace()
    step.first_call()
    return step, model

def train(step, some):
    return [step.collect([step.train(images, labels, 0.01)]) for images, labels in some]

def check_copies(step, model):
    for variable in (*model.variables, *step._optimizer.variables):
        first, second = (copy.numpy() for copy in variable.value.values)
        np.testing.assert_array_equal(first, second, err_msg=variable.path)
"""

AS_ONE = """
for optimizer in ("adam", "sgd"):
    alone, _ = ready(tf.distribute.get_strategy(), optimizer, frozen=True)
    shared, model = ready(mirrored, optimizer, frozen=True)
    begun = shared.state()
    for (one_loss, one_hits), (loss, hits) in zip(train(alone, elements), train(shared, elements), strict=True):
        np.testing.assert_allclose(loss, one_loss, rtol=1e-4)
        assert hits == one_hits
    moved = 0
    for (name, value), (other, own) in zip(alone.state().items(), shared.state().items(), strict=True):
        assert name == other
        np.testing.assert_allclose(own, value, rtol=1e-4, atol=1e-5, err_msg=name)
        moved += not np.array_equal(own, begun[name])
    assert moved > 4
    images = elements[0][0]
    np.testing.assert_allclose(shared.logits(images), alone.logits(images), rtol=1e-4, atol=1e-5)
    check_copies(shared, model)
print("agreed")
"""

RESUMED = """
for policy in ("float32", "mixed_float16"):
    step, model = ready(mirrored, "adam", policy)
    train(step, elements[:3])
    state = step.state()
    after = train(step, elements[3:])
    check_copies(step, model)
    other, model = ready(mirrored, "adam", policy)
    train(other, elements[:1])
    other.restore(state)
    assert train(other, elements[3:]) == after
    check_copies(other, model)
    assert other.skipped(6) == (0 if policy == "mixed_float16" else None)
print("resumed")
"""

STATISTICS = """
images, labels = elements[0]
step, model = ready(mirrored, "sgd")
outputs = keras.Model(model.inputs, model.layers[1].output)(network_input(step._config, model, tf.constant(images)))
begun = [variable.numpy() for variable in model.non_trainable_variables]
train(step, elements[:1])
halves = [[half.mean((0, 1, 2)), half.var((0, 1, 2))] for half in np.split(outputs.numpy(), 2)]
for variable, start, seen in zip(model.non_trainable_variables, begun, zip(*halves), strict=True):
    expected = MOMENTUM * start + (1 - MOMENTUM) * np.mean(seen, axis=0)
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-4, atol=1e-6, err_msg=variable.path)
print("averaged")
"""


def test_two_replicas_take_the_step_of_the_whole_batch(child: Callable[..., str]) -> None:
    assert child(TWO_REPLICAS + AS_ONE).split()[-1] == "agreed"


def test_all_copies_stay_equal_and_a_restored_step_goes_on_bit_for_bit(child: Callable[..., str]) -> None:
    assert child(TWO_REPLICAS + RESUMED).split()[-1] == "resumed"


def test_moving_statistics_are_the_mean_of_what_the_replicas_saw(child: Callable[..., str]) -> None:
    assert child(TWO_REPLICAS + STATISTICS).split()[-1] == "averaged"
