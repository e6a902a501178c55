"""Fused batch norm does what Keras' batch norm does, in every policy, compiled or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.errors import ConfigError
from resnet_bench.model.normalization import EPSILON, MOMENTUM, FusedBatchNormalization

pytestmark = pytest.mark.usefixtures("keras_state")

CHANNELS = 6
# One unit in the last place of the 16-bit types is 2^-8 (bfloat16) or 2^-11 (float16) of the value.
TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 2**-7, "mixed_float16": 2**-10}
EVERY_SETTING = pytest.mark.parametrize(
    ("policy", "jit"), [(policy, jit) for policy in TOLERANCE for jit in (False, True)]
)


def pair() -> tuple[Any, Any]:
    """Our layer and Keras', built, with the same random weights."""
    fused = FusedBatchNormalization()
    reference = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)
    generator = np.random.default_rng(1)
    values = [generator.uniform(0.5, 2.0, CHANNELS).astype("float32") for _ in range(4)]
    for layer in (fused, reference):
        layer.build((None, None, None, CHANNELS))
        layer.set_weights(values)
    return fused, reference


def images(shape: tuple[int, ...] = (4, 5, 3, CHANNELS)) -> Any:
    values = np.random.default_rng(2).normal(1.0, 2.0, shape)
    return tf.cast(values, keras.config.dtype_policy().compute_dtype)


def outputs_and_gradients(layer: Any, x: Any, *, training: bool, jit: bool) -> list[Any]:
    """The output, and the gradients of a weighted sum of it by input, gamma and beta."""
    slopes = tf.cast(np.random.default_rng(3).normal(size=x.shape), x.dtype)

    @tf.function(jit_compile=jit)  # type: ignore[untyped-decorator]
    def step(x: Any) -> list[Any]:
        parameters = [layer.gamma.value, layer.beta.value]
        with tf.GradientTape() as tape:
            tape.watch([x, *parameters])
            y = layer(x, training=training)
            total = tf.reduce_sum(tf.cast(y * slopes, tf.float32))
        return [y, *tape.gradient(total, [x, *parameters])]

    return [np.asarray(value.numpy(), "float32") for value in step(x)]


def assert_close(ours: Any, theirs: Any, tolerance: float) -> None:
    """Equal within `tolerance` of the largest value."""
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * np.abs(theirs).max())


@EVERY_SETTING
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_outputs_gradients_and_moving_statistics_match_keras(policy: str, jit: bool, training: bool) -> None:
    keras.config.set_dtype_policy(policy)
    fused, reference = pair()
    results = [outputs_and_gradients(layer, images(), training=training, jit=jit) for layer in (fused, reference)]
    for ours, theirs in zip(*results, strict=True):
        assert_close(ours, theirs, TOLERANCE[policy])
    for ours, theirs in zip(fused.get_weights(), reference.get_weights(), strict=True):
        assert_close(ours, theirs, 1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_statistics_stay_float32_while_activations_are_16_bit(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    fused, _ = pair()
    assert fused(images(), training=True).dtype == fused.compute_dtype == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in fused.weights} == {"float32"}


def test_float16_does_not_overflow_where_its_squares_would() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    fused, _ = pair()
    y = fused(images() * 2000, training=True)
    assert np.isfinite(y.numpy()).all()
    assert np.isfinite(fused.moving_variance.numpy()).all()


def moved_variance(x: Any) -> Any:
    """What one training step adds to a moving variance that was 0."""
    layer = FusedBatchNormalization()
    layer.build(x.shape)
    layer.moving_variance.assign(tf.zeros(x.shape[-1]))
    layer(x, training=True)
    return layer.moving_variance.numpy() / (1 - MOMENTUM)


@given(st.tuples(*[st.integers(1, 4)] * 4))
@settings(deadline=None, max_examples=30)
def test_moving_variance_holds_the_biased_variance_of_the_batch(shape: tuple[int, int, int, int]) -> None:
    x = np.random.default_rng(sum(shape)).normal(3.0, 2.0, shape).astype("float32")
    np.testing.assert_allclose(moved_variance(x), x.var(axis=(0, 1, 2)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("jit", [False, True])
def test_one_value_per_channel_has_variance_zero_and_gives_beta(jit: bool) -> None:
    fused, _ = pair()
    x = images((1, 1, 1, CHANNELS))
    y, *_ = outputs_and_gradients(fused, x, training=True, jit=jit)
    np.testing.assert_allclose(y.reshape(-1), fused.beta.numpy(), atol=1e-5)
    np.testing.assert_allclose(fused.moving_variance.numpy(), pair()[0].moving_variance.numpy() * MOMENTUM, rtol=1e-6)


def test_moving_variance_is_the_same_when_the_shape_is_known_only_at_run_time() -> None:
    x = images()
    known, unknown = pair()[0], pair()[0]
    signature = [tf.TensorSpec([None, None, None, CHANNELS], x.dtype)]
    tf.function(lambda x: unknown(x, training=True), input_signature=signature)(x)
    known(x, training=True)
    np.testing.assert_allclose(unknown.moving_variance.numpy(), known.moving_variance.numpy(), rtol=1e-6)


def test_a_frozen_layer_normalises_with_its_moving_statistics_even_in_training() -> None:
    for layer in pair():
        layer.trainable = False
        before = layer.get_weights()
        np.testing.assert_array_equal(layer(images(), training=True), layer(images(), training=False))
        assert not layer.trainable_weights
        for old, new in zip(before, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_a_symbolic_input_keeps_its_shape_and_takes_the_compute_dtype() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    y = FusedBatchNormalization()(keras.Input((None, 7, 3)))
    assert (y.shape, y.dtype) == ((None, None, 7, 3), "bfloat16")


def test_its_configuration_makes_the_same_layer_again() -> None:
    layer = FusedBatchNormalization(momentum=0.9, epsilon=1e-3, name="norm", dtype="mixed_bfloat16")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert isinstance(again, FusedBatchNormalization)
    assert again.get_config() == layer.get_config()
    assert (again.momentum, again.epsilon, again.name, again.dtype_policy.name) == (0.9, 1e-3, "norm", "mixed_bfloat16")


@pytest.mark.parametrize("shape", [(8, 4), (8, 4, 4), (8, 4, 4, 4, 4), (8, 4, 4, None)])
def test_other_shapes_are_refused_with_the_way_out(shape: tuple[int | None, ...]) -> None:
    with pytest.raises(ConfigError, match=r"\[batch, height, width, channels\].*--batch-norm keras"):
        FusedBatchNormalization().build(shape)


def test_an_image_with_other_channels_than_it_was_built_for_is_refused() -> None:
    with pytest.raises(ValueError, match="axis -1"):
        pair()[0](images((1, 2, 2, CHANNELS + 1)))


def test_a_compute_dtype_without_a_kernel_is_refused() -> None:
    with pytest.raises(ConfigError, match="float64"):
        FusedBatchNormalization(dtype="float64").build((None, 4, 4, 3))


@pytest.mark.parametrize("arguments", [{"momentum": 1.5}, {"momentum": -0.1}, {"epsilon": 0.0}])
def test_impossible_arguments_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        FusedBatchNormalization(**arguments)


IN_TWO_REPLICAS = """
import keras, numpy as np, tensorflow as tf
from resnet_bench.model.normalization import EPSILON, MOMENTUM, FusedBatchNormalization

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
x = np.random.default_rng(2).normal(1.0, 2.0, (4, 5, 3, 6)).astype("float32")

def step(devices, jit, make):
    strategy = tf.distribute.MirroredStrategy(devices)
    with strategy.scope():
        layer = make()
        layer.build((None, 5, 3, 6))
    parts = np.split(x, len(devices))
    inputs = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(parts[context.replica_id_in_sync_group]))
    call = tf.function(lambda part: layer(part, training=True), jit_compile=jit)
    outputs = tf.function(lambda part: strategy.run(call, (part,)))(inputs)
    return np.concatenate(strategy.experimental_local_results(outputs)), *layer.get_weights()

makers = FusedBatchNormalization, lambda: keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)
for devices, jit in ((["CPU:0", "CPU:1"], False), (["CPU:0"], True)):
    for ours, theirs in zip(*(step(devices, jit, make) for make in makers), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
outputs, _, _, mean, variance = step(["CPU:0", "CPU:1"], False, makers[0])
np.testing.assert_allclose(mean, x[:2].mean((0, 1, 2)) * (1 - MOMENTUM), rtol=1e-4)
np.testing.assert_allclose(variance, MOMENTUM + x[:2].var((0, 1, 2)) * (1 - MOMENTUM), rtol=1e-4)
print("agreed")
"""


def test_under_a_strategy_it_agrees_with_keras_and_keeps_the_first_replicas_statistics(
    child: Callable[..., str],
) -> None:
    assert child(IN_TWO_REPLICAS).strip() == "agreed"
