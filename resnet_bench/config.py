"""Every option once: its type, default, bounds and help.

Flags, JSON, test ids, the README table and the saved record are all generated from these structs (see
`options.py`). A field's flag is its name with dashes. `"auto"` is resolved by `resolve.py`, once the
device is known; a record keeps both the requested and the resolved configuration. Imports only
`errors`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from resnet_bench.errors import ConfigError

Auto = Literal["auto"]
Precision = Literal["float32", "tf32", "mixed_bfloat16", "mixed_float16"]
PositiveInt = Annotated[int, Meta(ge=1)]
PositiveFloat = Annotated[float, Meta(gt=0)]

RESNET50_STAGE_SIZES = (3, 4, 6, 3)

WORKLOAD = Meta(extra={"role": "workload"})
"""Part of the work itself: records compare only where these are equal. Each field has one of these three."""

OPTION = Meta(extra={"role": "option"})
"""One way of doing the same work: what a comparison is about."""

PROTOCOL = Meta(extra={"role": "protocol"})
"""How it is measured and where results go."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of options. Constructors do not validate: `options.build` and `msgspec.convert` do."""


class ModelConfig(Section, frozen=True, kw_only=True):
    """Which network is built."""

    variant: Annotated[
        Literal["v1", "v1.5"],
        Meta(description="Where a stage's stride sits: v1 on the first 1x1, v1.5 on the 3x3."),
        WORKLOAD,
    ] = "v1.5"
    stage_sizes: Annotated[
        tuple[PositiveInt, ...],
        Meta(
            min_length=1,
            max_length=8,
            description="Blocks per stage: 3,4,6,3 is ResNet-50, 3,4,23,3 ResNet-101, 3,8,36,3 ResNet-152.",
        ),
        WORKLOAD,
    ] = RESNET50_STAGE_SIZES
    width: Annotated[
        int, Meta(ge=1, le=1024, description="Channels of the stem and of the first stage's 3x3."), WORKLOAD
    ] = 64
    image_size: Annotated[
        tuple[Annotated[int, Meta(ge=8, le=4096)], Annotated[int, Meta(ge=8, le=4096)]] | Auto,
        Meta(description="Image height and width in pixels: 224, or 224x192."),
        WORKLOAD,
    ] = "auto"
    channels: Annotated[Literal[1, 3], Meta(description="Image channels: 3 for RGB, 1 for greyscale."), WORKLOAD] = 3
    classes: Annotated[int, Meta(ge=2, le=1_000_000, description="Number of classes."), WORKLOAD] = 1000
    conv_bias: Annotated[
        bool, Meta(description="Give each convolution a bias, as Keras Applications' v1 has."), WORKLOAD
    ] = False
    initializer: Annotated[
        Literal["glorot_uniform", "random_uniform", "he_normal"],
        Meta(description="How convolution and classifier weights start."),
        WORKLOAD,
    ] = "glorot_uniform"
    batch_norm: Annotated[
        Literal["fused", "keras"],
        Meta(description="fused: one FusedBatchNormV3 operation (channels-last); keras: Keras' own layer."),
        OPTION,
    ] = "fused"
    data_format: Annotated[
        Literal["channels_last", "channels_first"],
        Meta(description="Memory layout of images and activations: NHWC or NCHW."),
        OPTION,
    ] = "channels_last"


class DataConfig(Section, frozen=True, kw_only=True):
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
    cache: Annotated[
        Literal["none", "records", "images"],
        Meta(description="Keep in memory after the first epoch: nothing, the encoded records, or decoded images."),
        OPTION,
    ] = "none"
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
    map_and_batch_fusion: Annotated[bool, Meta(description="tf.data fuses map and batch into one stage."), OPTION] = (
        False
    )
    parallel_batch: Annotated[bool, Meta(description="tf.data copies a batch's elements in parallel."), OPTION] = False


class StepConfig(Section, frozen=True, kw_only=True):
    """What one step computes, and how it is compiled."""

    mode: Annotated[
        Literal["train", "infer", "eval", "input"],
        Meta(description="train, infer (forward), eval (forward and accuracy), or input (the pipeline alone)."),
        WORKLOAD,
    ] = "train"
    batch_size: Annotated[
        PositiveInt | Literal["auto", "max"],
        Meta(
            description="Images per step. max: the largest that fits, searched for first, a process per try.",
            extra={"values": "a whole number, at least 1, auto or max"},
        ),
        WORKLOAD,
    ] = "auto"
    precision: Annotated[
        Precision | Auto,
        Meta(description="Arithmetic of the network. auto: float32, or what --mixed-precision picks."),
        OPTION,
    ] = "auto"
    mixed_precision: Annotated[
        bool,
        Meta(description="Use the 16-bit type this device has (bfloat16, with a warning, where it has none)."),
        OPTION,
    ] = False
    xla: Annotated[bool, Meta(description="Compile the step with XLA."), OPTION] = False
    steps_per_call: Annotated[int, Meta(ge=1, description="Steps run by one call from Python."), OPTION] = 1
    optimizer: Annotated[Literal["sgd", "adam"], Meta(description="Optimizer of the training step."), WORKLOAD] = "sgd"
    learning_rate: Annotated[
        PositiveFloat | Auto, Meta(description="auto: 0.1 x batch / 256 for SGD, 0.00015 for Adam."), WORKLOAD
    ] = "auto"
    momentum: Annotated[float, Meta(ge=0, lt=1, description="SGD's momentum."), WORKLOAD] = 0.9
    weight_decay: Annotated[float, Meta(ge=0, description="Decoupled from the loss; kernels only."), WORKLOAD] = 5e-5
    label_smoothing: Annotated[
        float, Meta(ge=0, lt=1, description="Share of the target spread over all classes."), WORKLOAD
    ] = 0.1
    freeze: Annotated[bool, Meta(description="Fold variables to constants before inference."), OPTION] = False
    loop: Annotated[
        Literal["custom", "fit"],
        Meta(description="Our compiled step, or Keras' model.fit around the same network."),
        OPTION,
    ] = "custom"
    split: Annotated[bool, Meta(description="Also time forward, backward and optimizer apart (train)."), PROTOCOL] = (
        False
    )


class RuntimeConfig(Section, frozen=True, kw_only=True):
    """Process-global TensorFlow state."""

    device: Annotated[
        str,
        Meta(
            pattern=r"^(auto|cpu|gpu(:\d+)?)$",
            description="Device to run on. auto: the GPU where there is one (never skipped in silence), else the CPU.",
            extra={"values": "auto, cpu, gpu or gpu:N"},
        ),
        OPTION,
    ] = "auto"
    threads: Annotated[
        PositiveInt | Auto,
        Meta(description="Threads inside an operation. auto: what affinity and the cgroup quota allow."),
        OPTION,
    ] = "auto"
    inter_op_threads: Annotated[PositiveInt | Auto, Meta(description="Operations that run at once."), OPTION] = "auto"
    onednn: Annotated[
        Literal["auto", "on", "off"],
        Meta(description="oneDNN kernels, set before TensorFlow is imported. auto: on for AVX2 and better."),
        OPTION,
    ] = "auto"
    memory_growth: Annotated[
        bool, Meta(description="Let a GPU's memory pool grow instead of taking it all."), OPTION
    ] = True
    deterministic: Annotated[
        bool, Meta(description="Only deterministic operations, in a deterministic order."), OPTION
    ] = False
    seed: Annotated[
        int, Meta(ge=0, le=2**31 - 1, description="Seed of weights, data order and augmentation."), WORKLOAD
    ] = 0


class MeasureConfig(Section, frozen=True, kw_only=True):
    """How much is measured, and within which bounds."""

    warmup: Annotated[
        PositiveInt | Auto,
        Meta(
            description="Untimed steps first, the compiling one included. auto: 3 on CPU, 20 on GPU, and timed rounds "
            "that turn out to be warm-up do not count; a number makes all of them count."
        ),
        PROTOCOL,
    ] = "auto"
    rounds: Annotated[int, Meta(ge=1, description="Timed rounds per process."), PROTOCOL] = 20
    steps: Annotated[
        PositiveInt | Auto,
        Meta(description="Steps per round, then one wait for the device. auto: about half a second."),
        PROTOCOL,
    ] = "auto"
    latency_samples: Annotated[
        int,
        Meta(ge=0, description="Single steps timed for latency where a round holds several; 0 takes none."),
        PROTOCOL,
    ] = 60
    processes: Annotated[int, Meta(ge=1, le=1000, description="Fresh processes, one after the other."), PROTOCOL] = 3
    max_time: Annotated[
        float,
        Meta(
            gt=0, description="Time that the whole command may take, in seconds (or 90s, 3m, 1h).", extra={"unit": "s"}
        ),
        PROTOCOL,
    ] = 170.0
    timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Silence after which a worker counts as hung, in seconds (or 90s, 3m).",
            extra={"unit": "s"},
        ),
        PROTOCOL,
    ] = 150.0


class OutputConfig(Section, frozen=True, kw_only=True):
    """Where results go."""

    output: Annotated[
        str, Meta(description="Folder that records are saved to.", extra={"completion": "dir"}), PROTOCOL
    ] = "runs"
    json: Annotated[bool, Meta(description="Print the record alone on stdout."), PROTOCOL] = False
    require_valid: Annotated[
        bool,
        Meta(description="Fail (exit code 11) unless the verdict is valid; the record is saved all the same."),
        PROTOCOL,
    ] = False


class Config(Section, frozen=True, kw_only=True):
    """One benchmark: everything that decides what is run."""

    preset: Annotated[
        Literal["smoke", "standard", "strict"],
        Meta(description="How thorough: smoke (64 pixels, 1 process), standard (3 processes), strict (10)."),
        PROTOCOL,
    ] = "standard"
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    step: StepConfig = StepConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    measure: MeasureConfig = MeasureConfig()
    output: OutputConfig = OutputConfig()


T = TypeVar("T")


def settled(value: T | Literal["auto", "max"]) -> T:
    """The value of a field that `resolve.resolve` has settled: after it no "auto" or "max" is left."""
    assert value != "auto", "an option was read before it was resolved"
    assert value != "max", "an option was read before it was resolved"
    return value


def check(config: Config) -> None:
    """Refuse combinations that no device could run; what depends on the device is `resolve.py`'s."""
    for problem in (_check_data(config), _check_step(config), _check_model(config)):
        if problem is not None:
            raise problem


def _check_data(config: Config) -> ConfigError | None:
    data, mode = config.data, config.step.mode
    if data.source in ("tfrecord", "folder") and not data.data:
        what, example = {
            "tfrecord": ("a glob of shards", "'imagenet/train-*'"),
            "folder": ("a folder of class subfolders", "imagenet/train"),
        }[data.source]
        return ConfigError(f"--source {data.source} needs --data: {what}.", f"For instance --data {example}.")
    if data.source in ("photos", "synthetic") and data.data:
        return ConfigError(
            f"--data {data.data} is given, but --source {data.source} reads no files.",
            "Add --source tfrecord (a glob of shards) or --source folder (class subfolders).",
        )
    if mode == "input" and data.source == "synthetic":
        return ConfigError(
            "--mode input measures the pipeline, but --source synthetic has none.",
            "Choose --source photos, tfrecord or folder.",
        )
    if data.cache == "images" and mode in ("train", "input"):
        return ConfigError(
            f"--cache images would freeze the random crops of --mode {mode}.",
            "Use --cache records, or --mode eval or infer.",
        )
    return None


def _check_step(config: Config) -> ConfigError | None:
    step = config.step
    if step.mixed_precision and step.precision in ("float32", "tf32"):
        return ConfigError(
            f"--mixed-precision contradicts --precision {step.precision}.",
            "Leave one of them out, or name --precision mixed_bfloat16 or mixed_float16.",
        )
    only = [
        (step.freeze, "--freeze", ("infer", "eval"), "folds variables to constants"),
        (step.split, "--split", ("train",), "times forward, backward and optimizer apart"),
        (step.loop == "fit", "--loop fit", ("train",), "trains with Keras' model.fit"),
    ]
    for given, flag, modes, does in only:
        if given and step.mode not in modes:
            return ConfigError(f"{flag} {does}, which --mode {step.mode} does not do.", f"Use --mode {modes[0]}.")
    if step.split and step.loop == "fit":
        return ConfigError("--split takes our own step apart, which --loop fit does not run.", "Use --loop custom.")
    return None


def _check_model(config: Config) -> ConfigError | None:
    model = config.model
    if model.data_format == "channels_first" and model.batch_norm == "fused":
        return ConfigError(
            "--batch-norm fused is a channels-last operation and cannot run with --data-format channels_first.",
            "Use --batch-norm keras.",
        )
    return None
