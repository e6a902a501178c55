"""Options of `bench-cli data make`, `data check` and `data bench` beyond those of `run`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from resnet_bench.config.fields import FILE, ONE_WAY, Auto, ConfigSection, PositiveInt
from resnet_bench.config.sources import MakeSource, describe_sources


class WriteShardsConfig(ConfigSection, frozen=True, kw_only=True):
    """Which images become shards."""

    title: ClassVar[str] = "Shards"

    source: Annotated[MakeSource, Meta(description=f"Where images come from. {describe_sources('make')}.")] = "photos"
    data: Annotated[
        str | None,
        Meta(
            description="The folder, or a TFDS version's folder (with dataset_info.json).",
            extra={"metavar": "FOLDER", "completion": "dir"},
        ),
    ] = None
    split: Annotated[str, Meta(description="Split of a TFDS data set.")] = "train"
    count: Annotated[int, Meta(ge=1, le=10_000_000, description="Photographs to write.")] = 512
    sizes: Annotated[str, Meta(description="Mix of image sizes: 500x375, or 500x375=3,375x500=1.")] = "imagenet"
    quality: Annotated[
        str | None,
        Meta(description="Mix of JPEG qualities: 92, 92/4:4:4, or 97/4:4:4=1,92=1. Default: as in ImageNet."),
    ] = None
    bytes_per_pixel: Annotated[
        str | None,
        Meta(description="Mix of bytes per pixel (sets each image's quality): 0.6, or 0.4=1,0.8=3."),
    ] = None
    shards: Annotated[
        Annotated[int, Meta(ge=1, le=99_999)] | Auto,
        Meta(description="Number of files. auto: one per 1,250 images, at least 8."),
    ] = "auto"
    threads: Annotated[
        Annotated[int, Meta(ge=1, le=1024)] | Auto,
        Meta(description="Images encoded in parallel. auto: the usable cores."),
    ] = "auto"


class VerifyShardsConfig(ConfigSection, frozen=True, kw_only=True):
    """What shards are checked against."""

    title: ClassVar[str] = "Check"

    classes: Annotated[
        PositiveInt | Auto,
        Meta(description="Number of classes. auto: the manifest's; without a manifest labels are not checked."),
    ] = "auto"
    threads: Annotated[
        Annotated[int, Meta(ge=1, le=1024)] | Auto,
        Meta(description="Files read in parallel. auto: the usable cores."),
    ] = "auto"


class DataBenchConfig(ConfigSection, frozen=True, kw_only=True):
    """What of the input pipeline is measured."""

    title: ClassVar[str] = "Pipeline benchmark"

    epochs: Annotated[int, Meta(ge=0, le=1000, description="Passes over the data; 0: none.")] = 3
    ablate: Annotated[
        bool, Meta(description="Also measure the effect of each pipeline option, one change at a time."), ONE_WAY
    ] = False
    plot: Annotated[str | None, Meta(description="With --ablate: write a bar chart (.svg, .png, .pdf)."), FILE] = None
