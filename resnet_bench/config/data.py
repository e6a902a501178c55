"""Options of the input pipeline."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from resnet_bench.config.fields import OPTION, PIXELS, PIXELS_APPROXIMATE, WORKLOAD, Auto, ConfigSection, PositiveInt
from resnet_bench.config.sources import SOURCES, BenchmarkSource, describe_sources
from resnet_bench.config.tunable import tunable


class DataConfig(ConfigSection, frozen=True, kw_only=True):
    """Where images come from, and how the tf.data pipeline is set. tf.data's own names are kept."""

    title: ClassVar[str] = "Data"

    source: Annotated[
        BenchmarkSource, Meta(description=f"Where images come from. {describe_sources('benchmark')}."), WORKLOAD
    ] = "photos"
    data: Annotated[
        str | None,
        Meta(
            description="Glob of ImageNet-style TFRecord shards, or folder of class subfolders.",
            extra={"metavar": "PATH", "completion": "file"},
        ),
        WORKLOAD,
    ] = None
    photos: Annotated[int, Meta(ge=1, le=1_000_000, description="Images in the embedded data set."), WORKLOAD] = 512
    label_offset: Annotated[
        int | Auto,
        Meta(description="Added to each stored label. auto: -1 for TFRecords (ImageNet counts from 1), else 0."),
        WORKLOAD,
    ] = "auto"
    on_bad_record: Annotated[
        Literal["error", "skip"],
        Meta(description="On a corrupt record, undecodable image or label out of range: stop, or skip and count it."),
        OPTION,
    ] = "error"
    crop_area_min: Annotated[
        float,
        Meta(gt=0, le=1, description="Smallest fraction of the image area that a random resized crop keeps."),
        WORKLOAD,
    ] = 0.08
    flip: Annotated[bool, Meta(description="Flip training images horizontally at random."), WORKLOAD] = True
    vectorized_augment: Annotated[bool, Meta(description="Flip per batch instead of per image."), OPTION] = False
    decode: Annotated[
        Literal["fused", "full"],
        Meta(description="fused: decode only the crop; full: decode the image, then crop."),
        OPTION,
        tunable(3, ("fused", "full"), expected="fused"),
        PIXELS,
    ] = "fused"
    dct_method: Annotated[
        Literal["INTEGER_ACCURATE", "INTEGER_FAST"],
        Meta(description="JPEG inverse DCT; INTEGER_FAST is faster and changes pixels slightly."),
        OPTION,
        PIXELS_APPROXIMATE,
    ] = "INTEGER_ACCURATE"
    fancy_upscaling: Annotated[
        bool,
        Meta(description="Smooth JPEG chroma upsampling; off is faster and changes pixels slightly."),
        OPTION,
        PIXELS_APPROXIMATE,
    ] = True
    num_parallel_calls: Annotated[
        PositiveInt | Auto,
        Meta(description="Images decoded in parallel. auto: the usable cores."),
        OPTION,
        tunable(4, lambda facts: (facts.cores, 2 * facts.cores, 4 * facts.cores), related=("data threads", "batching")),
    ] = "auto"
    cycle_length: Annotated[
        PositiveInt | Auto,
        Meta(description="Shards read in parallel (interleave)."),
        OPTION,
        tunable(7, lambda facts: (max(2, facts.cores), 4 * facts.cores), related=("data threads",)),
    ] = "auto"
    block_length: Annotated[
        int,
        Meta(ge=1, description="Consecutive records taken from each shard."),
        OPTION,
        tunable(8, (1, 16)),
    ] = 1
    shuffle_buffer_size: Annotated[
        Annotated[int, Meta(ge=0)] | Auto,
        Meta(description="Records in the shuffle buffer; 0: no shuffling."),
        OPTION,
    ] = "auto"
    prefetch_buffer_size: Annotated[
        Annotated[int, Meta(ge=0)] | Auto,
        Meta(description="Batches prefetched; 0: none."),
        OPTION,
        tunable(5, (1, 2, 4, 8), related=("batching", "rewrites")),
    ] = "auto"
    data_service: Annotated[
        Annotated[str, Meta(pattern=r"^(local:[1-9]\d{0,2}|(?!local:)([^\s/:]+|\[[0-9a-fA-F:]+\]):[1-9]\d{0,4})$")]
        | None,
        Meta(
            description="Run the pipeline in a tf.data service: local:N starts N workers here, HOST:PORT is a "
            "dispatcher's address (bench-cli serve). It listens on all network interfaces, unauthenticated.",
            extra={"values": "local:N or HOST:PORT", "metavar": "local:N|HOST:PORT"},
        ),
        OPTION,
    ] = None
    cache: Annotated[
        Literal["none", "records", "images"],
        Meta(description="Keep in memory after the first epoch: nothing, the encoded records, or decoded images."),
        OPTION,
    ] = "none"
    cache_budget: Annotated[
        PositiveInt | Auto,
        Meta(
            description="Bytes that --cache may use; a larger data set is not cached. auto: half of the available "
            "memory."
        ),
        OPTION,
    ] = "auto"
    data_deterministic: Annotated[
        bool,
        Meta(description="tf.data's `deterministic`: parallel stages keep the order of elements."),
        OPTION,
        tunable(6, (True, False), framework_default=True),
    ] = True
    private_threadpool_size: Annotated[
        Annotated[int, Meta(ge=0)] | Auto,
        Meta(description="Threads of tf.data's private pool; 0: share TensorFlow's."),
        OPTION,
        tunable(
            1,
            lambda facts: (facts.cores, 2 * facts.cores, 0),
            framework_default=0,
            expected=lambda facts: facts.cores,
            related=("data threads",),
        ),
    ] = "auto"
    max_intra_op_parallelism: Annotated[
        int,
        Meta(ge=0, description="tf.data's limit on intra-op threads; 0: none."),
        OPTION,
        tunable(2, (1, 0), framework_default=0, expected=1, related=("data threads",)),
    ] = 1
    autotune: Annotated[
        bool,
        Meta(description="Let tf.data autotune the parallelism and buffers left to it."),
        OPTION,
        tunable(13, (True, False), framework_default=True, related=("rewrites",)),
    ] = True
    cpu_budget: Annotated[
        Annotated[int, Meta(ge=0)] | Auto,
        Meta(description="Cores that autotuning assumes. auto: the usable cores."),
        OPTION,
    ] = "auto"
    ram_budget: Annotated[
        int, Meta(ge=0, description="Bytes that autotuning may use for buffers; 0: tf.data's default."), OPTION
    ] = 0
    inject_prefetch: Annotated[
        bool,
        Meta(description="Let tf.data append a prefetch."),
        OPTION,
        tunable(11, (False, True), framework_default=True, expected=False, related=("rewrites",)),
    ] = False
    map_parallelization: Annotated[
        bool,
        Meta(description="Let tf.data parallelize maps."),
        OPTION,
        tunable(12, (False, True), framework_default=True, expected=False, related=("rewrites",)),
    ] = False
    map_and_batch_fusion: Annotated[
        bool,
        Meta(description="Let tf.data fuse map and batch into one stage, which saves a copy of each image."),
        OPTION,
        tunable(9, (True, False), framework_default=True, expected=True, related=("batching",)),
    ] = True
    parallel_batch: Annotated[
        bool,
        Meta(description="Copy a batch's elements in parallel, if map and batch are separate stages."),
        OPTION,
        tunable(10, (True, False), framework_default=True, expected=False, related=("batching",)),
    ] = False

    @property
    def has_pipeline(self) -> bool:
        """Whether images come through a tf.data pipeline, and not from a batch that stays on the device."""
        return SOURCES[self.source].pipeline
