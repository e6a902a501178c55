"""Options of the network."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from resnet_bench.config.fields import OPTION, WORKLOAD, Auto, ConfigSection, ImageSize, PositiveInt
from resnet_bench.config.tunable import tunable

RESNET50_STAGE_SIZES = (3, 4, 6, 3)


class ModelConfig(ConfigSection, frozen=True, kw_only=True):
    """Which network is built."""

    title: ClassVar[str] = "Network"

    variant: Annotated[
        Literal["v1", "v1.5"],
        Meta(description="Stride of a downsampling block: v1 on the first 1x1, v1.5 on the 3x3 convolution."),
        WORKLOAD,
    ] = "v1.5"
    stage_sizes: Annotated[
        tuple[PositiveInt, ...],
        Meta(
            min_length=1,
            max_length=8,
            description="Blocks per stage: 3,4,6,3 is ResNet-50, 3,4,23,3 ResNet-101, 3,8,36,3 ResNet-152.",
            extra={"spelling": "list"},
        ),
        WORKLOAD,
    ] = RESNET50_STAGE_SIZES
    width: Annotated[
        int,
        Meta(ge=1, le=1024, description="Channels of the stem and of the first stage's 3x3 convolutions."),
        WORKLOAD,
    ] = 64
    image_size: Annotated[
        ImageSize | Auto,
        Meta(description="Image height and width in pixels: 224, or 224x192."),
        WORKLOAD,
    ] = "auto"
    channels: Annotated[Literal[1, 3], Meta(description="Image channels: 3 for RGB, 1 for greyscale."), WORKLOAD] = 3
    classes: Annotated[int, Meta(ge=2, le=1_000_000, description="Number of classes."), WORKLOAD] = 1000
    conv_bias: Annotated[
        bool, Meta(description="Add a bias to each convolution, as in Keras Applications' ResNet50 (v1)."), WORKLOAD
    ] = False
    initializer: Annotated[
        Literal["glorot_uniform", "random_uniform", "he_normal"],
        Meta(description="Initializer of convolution and classifier weights."),
        WORKLOAD,
    ] = "glorot_uniform"
    batch_norm: Annotated[
        Literal["fused", "keras"],
        Meta(description="fused: one FusedBatchNormV3 operation (channels-last); keras: Keras' own layer."),
        OPTION,
        tunable(2, ("fused", "keras"), framework_default="keras", expected="fused", related=("kernels",)),
    ] = "fused"
    data_format: Annotated[
        Literal["channels_last", "channels_first"],
        Meta(description="Memory layout of images and activations: NHWC or NCHW."),
        OPTION,
    ] = "channels_last"
