"""Options of the input pipeline."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resnet_bench.config.fields import OPTION, WORKLOAD, Auto, ConfigSection, PositiveInt


class DataConfig(ConfigSection, frozen=True, kw_only=True):
    """Where images come from, and how the tf.data pipeline is set. tf.data's own names are kept."""

    source: Annotated[
        Literal["photos", "synthetic", "tfrecord", "folder"],
        Meta(
            description="photos: embedded JPEG TFRecords; synthetic: one batch resident on the device; "
            "tfrecord and folder: your own, named by --data."
        ),
        WORKLOAD,
    ] = "photos"
    data: Annotated[
        str | None,
        Meta(
            description="Glob of ImageNet-style TFRecord shards, or folder of class subfolders.",
            extra={"completion": "file"},
        ),
        WORKLOAD,
    ] = None
    photos: Annotated[
        int, Meta(ge=1, le=1_000_000, description="How many images the embedded data set holds."), WORKLOAD
    ] = 512
    label_offset: Annotated[
        int | Auto,
        Meta(description="Added to each stored label. auto: -1 for TFRecords (ImageNet counts from 1), else 0."),
        WORKLOAD,
    ] = "auto"
    on_bad_record: Annotated[
        Literal["error", "skip"],
        Meta(description="What a corrupt record, undecodable image or label out of range does."),
        OPTION,
    ] = "error"
    crop_area_min: Annotated[
        float,
        Meta(gt=0, le=1, description="Smallest share of the image that a random-resized-crop may keep."),
        WORKLOAD,
    ] = 0.08
    flip: Annotated[bool, Meta(description="Mirror training images at random."), WORKLOAD] = True
    vectorized_augment: Annotated[bool, Meta(description="Mirror whole batches instead of single images."), OPTION] = (
        False
    )
    decode: Annotated[
        Literal["fused", "full"],
        Meta(description="fused: decode only the crop; full: decode the image, then crop."),
        OPTION,
    ] = "fused"
    dct_method: Annotated[
        Literal["INTEGER_ACCURATE", "INTEGER_FAST"],
        Meta(description="JPEG inverse transform; INTEGER_FAST changes pixels slightly."),
        OPTION,
    ] = "INTEGER_ACCURATE"
    fancy_upscaling: Annotated[
        bool,
        Meta(description="Smooth chroma upscaling when decoding; switching it off changes pixels slightly."),
        OPTION,
    ] = True
    num_parallel_calls: Annotated[
        PositiveInt | Auto, Meta(description="Images decoded at once. auto: the data threads."), OPTION
    ] = "auto"
    cycle_length: Annotated[PositiveInt | Auto, Meta(description="Shards read at once (interleave)."), OPTION] = "auto"
    block_length: Annotated[int, Meta(ge=1, description="Records taken from a shard before the next."), OPTION] = 1
    shuffle_buffer_size: Annotated[
        Annotated[int, Meta(ge=0)] | Auto,
        Meta(description="Records in the shuffle buffer; 0 does not shuffle."),
        OPTION,
    ] = "auto"
    prefetch_buffer_size: Annotated[
        Annotated[int, Meta(ge=0)] | Auto, Meta(description="Batches kept ready; 0 does not prefetch."), OPTION
    ] = "auto"
    data_service: Annotated[
        Annotated[str, Meta(pattern=r"^(local:[1-9]\d{0,2}|(?!local:)([^\s/:]+|\[[0-9a-fA-F:]+\]):[1-9]\d{0,4})$")]
        | None,
        Meta(
            description="Run the pipeline in a tf.data service: local:N starts N workers here, HOST:PORT is a "
            "dispatcher's address (bench-cli serve).",
            extra={"values": "local:N or HOST:PORT"},
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
            description="Bytes that --cache may take; a larger data set is read anew in each epoch. auto: half the "
            "memory that is available."
        ),
        OPTION,
    ] = "auto"
    data_deterministic: Annotated[
        bool, Meta(description="tf.data's `deterministic`: elements keep their order in parallel stages."), OPTION
    ] = True
    private_threadpool_size: Annotated[
        Annotated[int, Meta(ge=0)] | Auto, Meta(description="tf.data's own threads; 0 shares TensorFlow's."), OPTION
    ] = "auto"
    max_intra_op_parallelism: Annotated[
        int, Meta(ge=0, description="tf.data's bound on threads inside one operation; 0 sets none."), OPTION
    ] = 1
    autotune: Annotated[
        bool, Meta(description="Let tf.data tune parallelism and buffers that are left to it."), OPTION
    ] = True
    cpu_budget: Annotated[
        Annotated[int, Meta(ge=0)] | Auto,
        Meta(description="Cores that autotuning plans with; auto: the data threads."),
        OPTION,
    ] = "auto"
    ram_budget: Annotated[
        int, Meta(ge=0, description="Bytes that autotuning may give to buffers; 0 leaves tf.data's default."), OPTION
    ] = 0
    inject_prefetch: Annotated[bool, Meta(description="tf.data may add a prefetch at the end by itself."), OPTION] = (
        False
    )
    map_parallelization: Annotated[bool, Meta(description="tf.data may make maps parallel by itself."), OPTION] = False
    map_and_batch_fusion: Annotated[
        bool, Meta(description="tf.data fuses map and batch into one stage, which saves a copy of each image."), OPTION
    ] = True
    parallel_batch: Annotated[
        bool,
        Meta(description="tf.data copies a batch's elements in parallel, where map and batch are two stages."),
        OPTION,
    ] = False
