"""ResNet from the two blocks, built for a configuration, and counted after it was built.

Layers carry the names of Keras Applications' ResNets: `conv1_*` and `pool1_*` for the stem, then
`conv<stage + 1>_block<i>_<0..3>_<conv | bn | relu>` with stages and blocks counted from 1 (0 is the
shortcut), `avg_pool` and `predictions`. Weights therefore move between the two by name (`weights.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from resnet_bench.config import RESNET50_STAGE_SIZES, Config, resolved_value
from resnet_bench.errors import ConfigError
from resnet_bench.model.blocks import (
    BatchNorm,
    DataFormat,
    Initializer,
    LayerOptions,
    Variant,
    check_choice,
    convolutional_block,
    identity_block,
)
from resnet_bench.model.normalization import FusedBatchNormalization
from resnet_bench.records.run import ModelFacts, StageFacts

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime

NORMS = (FusedBatchNormalization, keras.layers.BatchNormalization)
_NAMES: dict[tuple[int, ...], str] = {
    RESNET50_STAGE_SIZES: "resnet50",
    (3, 4, 23, 3): "resnet101",
    (3, 8, 36, 3): "resnet152",
}


def resnet50(
    input_shape: tuple[int | None, int | None, int] = (64, 64, 3),
    classes: int = 2,
    *,
    variant: Variant = "v1.5",
    stage_sizes: Sequence[int] = RESNET50_STAGE_SIZES,
    width: int = 64,
    conv_bias: bool = False,
    initializer: Initializer = "glorot_uniform",
    batch_norm: BatchNorm = "fused",
    data_format: DataFormat = "channels_last",
    classifier_activation: str | None = "softmax",
    seed: int | None = None,
) -> Any:
    """A `keras.Model` from images to class probabilities (logits with `classifier_activation=None`).

    `input_shape` is (height, width, channels) in both layouts, height and width possibly None; the model
    takes [B, H, W, C], or [B, C, H, W] under channels_first, and gives [B, classes] in float32 whatever
    the global dtype policy, which all other layers follow. `stage_sizes` are blocks per stage: (3, 4, 6,
    3) is ResNet-50, (3, 4, 23, 3) 101, (3, 8, 36, 3) 152. `width` is the stem's channels; stage s has
    blocks of `width` 2^(s-1) filters. With "v1" and `conv_bias=True` this is Keras Applications'
    ResNet50. `seed` fixes every weight. Raises `ConfigError`.
    """
    options = LayerOptions(
        batch_norm=batch_norm, data_format=data_format, conv_bias=conv_bias, initializer=initializer, seed=seed
    )
    check_choice("--variant", variant, Variant)
    _check_sizes(input_shape, classes, stage_sizes, width)
    shape = input_shape if data_format == "channels_last" else (input_shape[2], *input_shape[:2])
    inputs = keras.Input(shape, name="images")
    x = _stem(inputs, width, options)
    for stage, blocks in enumerate(stage_sizes):
        x = _stage(x, stage, blocks, width * 2**stage, variant=variant, options=options)
    x = keras.layers.GlobalAveragePooling2D(data_format=data_format, name="avg_pool")(x)
    outputs = keras.layers.Dense(
        classes,
        activation=classifier_activation,
        kernel_initializer=options.kernel_initializer("predictions"),
        dtype="float32",
        name="predictions",
    )(x)
    return keras.Model(inputs, outputs, name=network_name(stage_sizes, width))


def network_name(stage_sizes: Sequence[int], width: int) -> str:
    """resnet50, resnet101 or resnet152 at the published width of 64, else "custom"."""
    return _NAMES.get(tuple(stage_sizes), "custom") if width == 64 else "custom"


def _check_sizes(input_shape: Sequence[int | None], classes: int, stage_sizes: Sequence[int], width: int) -> None:
    if len(input_shape) != 3 or input_shape[2] is None or any(size is not None and size < 1 for size in input_shape):
        raise ConfigError(
            f"Input shape {tuple(input_shape)} is not (height, width, channels).", "For instance (224, 224, 3)."
        )
    if classes < 1:
        raise ConfigError(f"--classes {classes} is not at least 1.")
    if not stage_sizes or min(stage_sizes) < 1:
        raise ConfigError(f"--stage-sizes {tuple(stage_sizes)} needs one block or more per stage.")
    if width < 1:
        raise ConfigError(f"--width {width} is not at least 1.")


def _stem(x: Any, width: int, options: LayerOptions) -> Any:
    """7x7 convolution and 3x3 max-pool, both with stride 2 and symmetric padding, as published."""
    padding = {"data_format": options.data_format}
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad", **padding)(x)
    x = options.convolution(x, width, 7, stride=2, padding="valid", name="conv1_conv")
    x = options.normalise(x, name="conv1_bn")
    x = keras.layers.ReLU(name="conv1_relu")(x)
    # Zeros cannot win the maximum over values that a ReLU has made 0 or more.
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad", **padding)(x)
    return keras.layers.MaxPooling2D(3, strides=2, name="pool1_pool", **padding)(x)


def _stage(x: Any, stage: int, blocks: int, filters: int, *, variant: Variant, options: LayerOptions) -> Any:
    """One convolutional block, then identity blocks. The stem has halved the image before stage 0."""
    name = f"conv{stage + 2}_block"
    stride = 1 if stage == 0 else 2
    x = convolutional_block(x, filters, stride=stride, variant=variant, options=options, name=f"{name}1")
    for block in range(2, blocks + 1):
        x = identity_block(x, filters, options=options, name=f"{name}{block}")
    return x


def build(config: Config, rt: Runtime) -> Any:
    """The network of a resolved configuration, giving float32 logits [B, classes].

    Variables are created on the runtime's device, under its strategy, in its dtype policy. For inference
    and evaluation batch norm gets what training would leave (`imitate_training`).
    """
    assert keras.config.dtype_policy().name == rt.policy, "the runtime's dtype policy is not in force"
    model = config.model
    height, width = resolved_value(model.image_size)
    with rt.strategy.scope(), _placement(rt):
        network = resnet50(
            (height, width, model.channels),
            model.classes,
            variant=model.variant,
            stage_sizes=model.stage_sizes,
            width=model.width,
            conv_bias=model.conv_bias,
            initializer=model.initializer,
            batch_norm=model.batch_norm,
            data_format=model.data_format,
            classifier_activation=None,
            seed=config.runtime.seed,
        )
        if config.step.mode in ("infer", "eval"):
            imitate_training(network, config.runtime.seed)
        return network


def imitate_training(model: Any, seed: int) -> None:
    """Give every batch norm scales, offsets and statistics such as training leaves; the seed decides them.

    Those of a new network are all ones and zeros: once frozen, the graph optimiser would drop every bias,
    and measure a network that is not used in practice.
    """
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, NORMS):
            shape = layer.gamma.shape
            layer.gamma.assign(random.uniform(0.8, 1.2, shape))
            layer.beta.assign(random.normal(0, 0.1, shape))
            layer.moving_mean.assign(random.normal(0, 0.1, shape))
            layer.moving_variance.assign(random.uniform(0.8, 1.2, shape))


def _placement(rt: Runtime) -> AbstractContextManager[Any]:
    """The runtime's device; several replicas place their variables themselves."""
    one: AbstractContextManager[Any] = tf.device(rt.device)
    return one if rt.strategy.num_replicas_in_sync == 1 else nullcontext()


def facts(model: Any, config: Config) -> ModelFacts:
    """Count the built `model`, whose input shape is fully known.

    `macs` are the multiply-adds of one image's forward pass in convolutions and the classifier, each
    product counted once, biases, batch norm and pooling left out: the convention behind the published
    4.09 G (v1.5) and 3.86 G (v1) at 224 pixels. `input_shape` is (height, width, channels) in both
    layouts.
    """
    layers = model.layers
    shape = model.input_shape[1:]
    if config.model.data_format == "channels_first":
        shape = (*shape[1:], shape[0])
    return ModelFacts(
        name=network_name(config.model.stage_sizes, config.model.width),
        variant=config.model.variant,
        convolutions=sum(isinstance(layer, keras.layers.Conv2D) for layer in layers),
        batch_norms=sum(isinstance(layer, NORMS) for layer in layers),
        trainable_parameters=sum(prod(weight.shape) for weight in model.trainable_weights),
        parameters=sum(prod(weight.shape) for weight in model.weights),
        macs=sum(layer_macs(layer) for layer in layers),
        input_shape=shape,
        classes=model.output_shape[-1],
    )


def stages(model: Any) -> tuple[StageFacts, ...]:
    """The stem, each stage and the classifier of the built `model`, in order.

    Shapes are without the batch, in the model's own layout. Parameters are all weights, moving
    statistics included.
    """
    groups: dict[str, list[Any]] = {}
    for layer in model.layers:
        groups.setdefault(stage_of(layer.name), []).append(layer)
    return tuple(
        StageFacts(
            name=name,
            blocks=sum(layer.name.endswith("_add") for layer in layers),
            output_shape=tuple(layers[-1].output.shape[1:]),
            parameters=sum(prod(weight.shape) for layer in layers for weight in layer.weights),
            macs=sum(layer_macs(layer) for layer in layers),
        )
        for name, layers in groups.items()
    )


def stage_of(name: str) -> str:
    """The stage of the layer of that name: "stem", "conv2" and so on, or "classifier"."""
    head, _, rest = name.partition("_")
    if name in ("avg_pool", "predictions"):
        return "classifier"
    return head if rest.startswith("block") else "stem"


def layer_macs(layer: Any) -> int:
    """Multiply-adds of one image: each output pixel of a convolution uses every kernel weight once."""
    if not isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
        return 0
    weights = prod(int(size) for size in layer.kernel.shape)
    if isinstance(layer, keras.layers.Dense):
        return weights
    output = layer.output.shape[1:]
    pixels = output[:2] if layer.data_format == "channels_last" else output[1:]
    return weights * prod(int(size) for size in pixels)
