"""The two bottleneck blocks of ResNet, and how every layer of a network is made.

From "Deep Residual Learning for Image Recognition" (He et al., 2015), figure 5 right: 1x1, 3x3 and 1x1
convolutions, each with batch norm, added to a shortcut. `resnet.py` stacks them. Layer names are Keras
Applications': `<block>_<0 shortcut, 1, 2, 3>_<conv | bn | relu>`, `<block>_add`, `<block>_out`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

import keras

from resnet_bench.errors import ConfigError
from resnet_bench.model.normalization import EPSILON, MOMENTUM, FusedBatchNormalization

Variant = Literal["v1", "v1.5"]
Initializer = Literal["glorot_uniform", "random_uniform", "he_normal"]
BatchNorm = Literal["fused", "keras"]
DataFormat = Literal["channels_last", "channels_first"]

EXPANSION = 4
_INITIALIZERS: dict[str, Any] = {
    "glorot_uniform": keras.initializers.GlorotUniform,
    "random_uniform": keras.initializers.RandomUniform,
    "he_normal": keras.initializers.HeNormal,
}


def check_choice(flag: str, value: str, choices: Any) -> None:
    """Raise `ConfigError` unless `value` is one of the Literal type `choices`."""
    if value not in get_args(choices):
        raise ConfigError(f"{flag} {value!r} is not known.", f"Choose one of {', '.join(get_args(choices))}.")


@dataclass(frozen=True, kw_only=True)
class LayerOptions:
    """How each convolution and batch norm of a network is made.

    With `seed` given every kernel's start follows from the seed and the layer's name alone; without, it
    follows from Keras' global seed. Raises `ConfigError` for values that do not exist or do not fit.
    """

    batch_norm: BatchNorm = "fused"
    data_format: DataFormat = "channels_last"
    conv_bias: bool = False
    initializer: Initializer = "glorot_uniform"
    seed: int | None = None

    def __post_init__(self) -> None:
        check_choice("--batch-norm", self.batch_norm, BatchNorm)
        check_choice("--data-format", self.data_format, DataFormat)
        check_choice("--initializer", self.initializer, Initializer)
        if self.batch_norm == "fused" and self.data_format == "channels_first":
            raise ConfigError(
                "--batch-norm fused is a channels-last operation and cannot run with --data-format channels_first.",
                "Use --batch-norm keras.",
            )

    @property
    def channel_axis(self) -> int:
        """Where the channels are in a batch of activations: 3 or 1."""
        return 3 if self.data_format == "channels_last" else 1

    def kernel_initializer(self, name: str) -> Any:
        """The initializer of layer `name`."""
        seed = None if self.seed is None else zlib.crc32(f"{self.seed}/{name}".encode())
        return _INITIALIZERS[self.initializer](seed=seed)

    def convolution(self, x: Any, filters: int, size: int, *, name: str, stride: int = 1, padding: str = "same") -> Any:
        """`size` x `size` convolution of `x`; "same" gives ceil(H / stride) rows and does not pad a 1x1."""
        return keras.layers.Conv2D(
            filters,
            size,
            strides=stride,
            padding=padding,
            data_format=self.data_format,
            use_bias=self.conv_bias,
            kernel_initializer=self.kernel_initializer(name),
            name=name,
        )(x)

    def normalise(self, x: Any, *, name: str) -> Any:
        """Batch norm of `x` over its channels."""
        if self.batch_norm == "fused":
            return FusedBatchNormalization(MOMENTUM, EPSILON, name=name)(x)
        layer = keras.layers.BatchNormalization(self.channel_axis, momentum=MOMENTUM, epsilon=EPSILON, name=name)
        return layer(x)


DEFAULT_OPTIONS = LayerOptions()


def identity_block(x: Any, filters: int, *, options: LayerOptions = DEFAULT_OPTIONS, name: str | None = None) -> Any:
    """Bottleneck whose shortcut is its input: relu(x + f(x)).

    `x` is [B, H, W, 4 filters] ([B, 4 filters, H, W] under channels_first), and so is the result, in the
    dtype policy's compute dtype. `filters` is the width of the first two convolutions. `x` is a symbolic
    Keras tensor or a tensor. Raises `ConfigError` where `x` has other channels.
    """
    channels = x.shape[options.channel_axis]
    if channels != EXPANSION * filters:
        raise ConfigError(
            f"identity_block adds its input to {EXPANSION * filters} channels, but the input has {channels}.",
            "Use convolutional_block, whose shortcut is a convolution, or other filters.",
        )
    name = name or f"identity_block_{keras.backend.get_uid('identity_block')}"
    return _bottleneck(x, x, filters, strides=(1, 1), options=options, name=name)


def convolutional_block(
    x: Any,
    filters: int,
    *,
    stride: int = 2,
    variant: Variant = "v1.5",
    options: LayerOptions = DEFAULT_OPTIONS,
    name: str | None = None,
) -> Any:
    """Bottleneck whose shortcut is a strided 1x1 convolution: relu(g(x) + f(x)).

    `x` is [B, H, W, C] ([B, C, H, W] under channels_first) with any C; the result is
    [B, ceil(H / stride), ceil(W / stride), 4 filters] (channels second under channels_first), in the
    dtype policy's compute dtype. `variant` says where the stride is: on the first 1x1 ("v1", the paper)
    or on the 3x3 ("v1.5", which reads every pixel). The strided 3x3 pads as TensorFlow's "same" does, at
    the end first where padding is uneven: no separate padding pass over memory.
    """
    check_choice("--variant", variant, Variant)
    name = name or f"convolutional_block_{keras.backend.get_uid('convolutional_block')}"
    shortcut = options.convolution(x, EXPANSION * filters, 1, stride=stride, name=f"{name}_0_conv")
    shortcut = options.normalise(shortcut, name=f"{name}_0_bn")
    strides = (stride, 1) if variant == "v1" else (1, stride)
    return _bottleneck(x, shortcut, filters, strides=strides, options=options, name=name)


def _bottleneck(
    x: Any, shortcut: Any, filters: int, *, strides: tuple[int, int], options: LayerOptions, name: str
) -> Any:
    x = options.convolution(x, filters, 1, stride=strides[0], name=f"{name}_1_conv")
    x = options.normalise(x, name=f"{name}_1_bn")
    x = keras.layers.ReLU(name=f"{name}_1_relu")(x)
    x = options.convolution(x, filters, 3, stride=strides[1], name=f"{name}_2_conv")
    x = options.normalise(x, name=f"{name}_2_bn")
    x = keras.layers.ReLU(name=f"{name}_2_relu")(x)
    x = options.convolution(x, EXPANSION * filters, 1, name=f"{name}_3_conv")
    x = options.normalise(x, name=f"{name}_3_bn")
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_out")(x)
