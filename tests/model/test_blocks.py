"""The two bottleneck blocks: their shapes, where the stride sits, and how their weights start."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from resnet_bench.errors import ConfigError
from resnet_bench.model.blocks import LayerOptions, convolutional_block, identity_block
from resnet_bench.model.normalization import FusedBatchNormalization

pytestmark = pytest.mark.usefixtures("keras_state")

NCHW = LayerOptions(batch_norm="keras", data_format="channels_first")


def layers_of(inputs: Any, outputs: Any) -> dict[str, Any]:
    return {layer.name: layer for layer in keras.Model(inputs, outputs).layers}


def convolutions(options: LayerOptions, name: str = "block") -> dict[str, Any]:
    x = keras.Input((8, 8, 5))
    layers = layers_of(x, convolutional_block(x, 4, options=options, name=name))
    return {name: layer for name, layer in layers.items() if isinstance(layer, keras.layers.Conv2D)}


def test_an_identity_block_keeps_the_shape() -> None:
    assert identity_block(keras.Input((9, 7, 16)), 4).shape == (None, 9, 7, 16)
    assert identity_block(keras.Input((16, 9, 7)), 4, options=NCHW).shape == (None, 16, 9, 7)


@pytest.mark.parametrize("variant", ["v1", "v1.5"])
@pytest.mark.parametrize(("stride", "size"), [(1, (9, 8)), (2, (5, 4))])
def test_a_convolutional_block_takes_any_channels_and_divides_the_size_rounding_up(
    variant: Any, stride: int, size: tuple[int, int]
) -> None:
    last = convolutional_block(keras.Input((9, 8, 5)), 4, stride=stride, variant=variant)
    first = convolutional_block(keras.Input((5, 9, 8)), 4, stride=stride, variant=variant, options=NCHW)
    assert (last.shape, first.shape) == ((None, *size, 16), (None, 16, *size))


@pytest.mark.parametrize(("variant", "strided"), [("v1", "block_1_conv"), ("v1.5", "block_2_conv")])
def test_the_variant_says_which_convolution_has_the_stride(variant: Any, strided: str) -> None:
    x = keras.Input((8, 8, 5))
    layers = layers_of(x, convolutional_block(x, 4, variant=variant, name="block"))
    with_stride = {name for name, layer in layers.items() if getattr(layer, "strides", (1, 1)) == (2, 2)}
    assert with_stride == {"block_0_conv", strided}


def test_an_identity_block_whose_branch_is_silenced_is_a_relu() -> None:
    x = keras.Input((4, 4, 16))
    model = keras.Model(x, identity_block(x, 4, name="block"))
    model.get_layer("block_3_bn").gamma.assign(tf.zeros(16))
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 16)).astype("float32")
    np.testing.assert_array_equal(model(images, training=True), np.maximum(images, 0))


def test_a_convolutional_block_whose_branch_is_silenced_is_its_normalised_shortcut() -> None:
    x = keras.Input((4, 4, 5))
    model = keras.Model(x, convolutional_block(x, 4, name="block"))
    model.get_layer("block_3_bn").gamma.assign(tf.zeros(16))
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 5)).astype("float32")
    kernel = model.get_layer("block_0_conv").kernel.numpy()[0, 0]
    shortcut = images[:, ::2, ::2] @ kernel / np.sqrt(1 + 1.001e-5)
    np.testing.assert_allclose(model(images, training=False), np.maximum(shortcut, 0), rtol=1e-4, atol=1e-5)


def test_an_identity_block_refuses_an_input_it_cannot_be_added_to() -> None:
    with pytest.raises(ConfigError, match=r"16 channels, but the input has 8.*convolutional_block"):
        identity_block(keras.Input((4, 4, 8)), 4)


def test_blocks_without_a_name_can_be_stacked_in_one_model() -> None:
    x = keras.Input((8, 8, 3))
    y = identity_block(identity_block(convolutional_block(x, 4), 4), 4)
    assert len(layers_of(x, y)) == 33


def test_batch_norm_is_fused_unless_kerass_own_is_asked_for() -> None:
    x = keras.Input((8, 8, 3))
    for options, kind in ((LayerOptions(), FusedBatchNormalization), (NCHW, keras.layers.BatchNormalization)):
        layers = layers_of(x, convolutional_block(x, 4, options=options, name="block"))
        norms = [layer for name, layer in layers.items() if name.endswith("_bn")]
        assert [type(layer) for layer in norms] == [kind] * 4
        assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.99, 1.001e-5)}


def test_convolutions_have_a_bias_only_when_asked() -> None:
    for bias in (True, False):
        assert {layer.use_bias for layer in convolutions(LayerOptions(conv_bias=bias)).values()} == {bias}


@pytest.mark.parametrize("initializer", ["glorot_uniform", "random_uniform", "he_normal"])
def test_a_seed_fixes_every_kernel_and_no_two_are_alike(initializer: Any) -> None:
    options = LayerOptions(initializer=initializer, seed=7)
    first, again, other = (
        {name: layer.kernel.numpy() for name, layer in convolutions(given).items()}
        for given in (options, options, LayerOptions(initializer=initializer, seed=8))
    )
    for name, kernel in first.items():
        np.testing.assert_array_equal(kernel, again[name])
        assert not np.array_equal(kernel, other[name])
    assert len({kernel.flat[0] for kernel in first.values()}) == len(first)


def test_initializers_are_spread_as_their_names_promise() -> None:
    fan_in, fan_out = 9 * 64, 9 * 64
    spread = {
        "glorot_uniform": np.sqrt(2 / (fan_in + fan_out)),
        "random_uniform": 0.05 / np.sqrt(3),
        "he_normal": np.sqrt(2 / fan_in),
    }
    for name, expected in spread.items():
        initializer = LayerOptions(initializer=name, seed=0).kernel_initializer("layer")  # type: ignore[arg-type]
        assert np.std(initializer((3, 3, 64, 64))) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("field", "flag"), [("batch_norm", "batch-norm"), ("data_format", "data-format"), ("initializer", "initializer")]
)
def test_an_unknown_choice_is_refused_with_the_known_ones(field: str, flag: str) -> None:
    with pytest.raises(ConfigError, match=f"--{flag} 'other' is not known. Choose one of "):
        LayerOptions(**{field: "other"})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"--variant 'v2' is not known. Choose one of v1, v1.5"):
        convolutional_block(keras.Input((8, 8, 3)), 4, variant="v2")  # type: ignore[arg-type]


def test_fused_batch_norm_and_channels_first_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="--batch-norm keras"):
        LayerOptions(batch_norm="fused", data_format="channels_first")
