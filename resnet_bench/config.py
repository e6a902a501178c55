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


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of options. Constructors do not validate: `options.build` and `msgspec.convert` do."""


class ModelConfig(Section, frozen=True, kw_only=True):
    """Which network is built."""

    variant: Annotated[
        Literal["v1", "v1.5"],
        Meta(description="Where a stage's stride sits: v1 on the first 1x1, v1.5 on the 3x3."),
    ] = "v1.5"
    stage_sizes: Annotated[
        tuple[PositiveInt, ...],
        Meta(
            min_length=1,
            max_length=8,
            description="Blocks per stage: 3,4,6,3 is ResNet-50, 3,4,23,3 ResNet-101, 3,8,36,3 ResNet-152.",
        ),
    ] = RESNET50_STAGE_SIZES
    width: Annotated[int, Meta(ge=1, le=1024, description="Channels of the stem and of the first stage's 3x3.")] = 64
    image_size: Annotated[
        tuple[Annotated[int, Meta(ge=8, le=4096)], Annotated[int, Meta(ge=8, le=4096)]] | Auto,
        Meta(description="Image height and width in pixels: 224, or 224x192."),
    ] = "auto"
    channels: Annotated[Literal[1, 3], Meta(description="Image channels: 3 for RGB, 1 for greyscale.")] = 3
    classes: Annotated[int, Meta(ge=2, le=1_000_000, description="Number of classes.")] = 1000
    conv_bias: Annotated[bool, Meta(description="Give each convolution a bias, as Keras Applications' v1 has.")] = False
    initializer: Annotated[
        Literal["glorot_uniform", "random_uniform", "he_normal"],
        Meta(description="How convolution and classifier weights start."),
    ] = "glorot_uniform"
    batch_norm: Annotated[
        Literal["fused", "keras"],
        Meta(description="fused: one FusedBatchNormV3 operation (channels-last); keras: Keras' own layer."),
    ] = "fused"
    data_format: Annotated[
        Literal["channels_last", "channels_first"],
        Meta(description="Memory layout of images and activations: NHWC or NCHW."),
    ] = "channels_last"


class DataConfig(Section, frozen=True, kw_only=True):
    """Where images come from, and how the tf.data pipeline is set. tf.data's own names are kept."""

    source: Annotated[
        Literal["photos", "synthetic", "tfrecord", "folder"],
        Meta(
            description="photos: embedded JPEG TFRecords; synthetic: one batch resident on the device; "
            "tfrecord and folder: your own, named by --data."
        ),
    ] = "photos"
    data: Annotated[
        str | None,
        Meta(description="Glob of ImageNet-style TFRecord shards, or folder of class subfolders."),
    ] = None
    photos: Annotated[int, Meta(ge=1, le=1_000_000, description="How many images the embedded data set holds.")] = 512
    label_offset: Annotated[
        int | Auto,
        Meta(description="Added to each stored label. auto: -1 for TFRecords (ImageNet counts from 1), else 0."),
    ] = "auto"
    on_bad_record: Annotated[
        Literal["error", "skip"],
        Meta(description="What a corrupt record, undecodable image or label out of range does."),
    ] = "error"
    crop_area_min: Annotated[
        float, Meta(gt=0, le=1, description="Smallest share of the image that a random-resized-crop may keep.")
    ] = 0.08
    flip: Annotated[bool, Meta(description="Mirror training images at random.")] = True
    decode: Annotated[
        Literal["fused", "full"],
        Meta(description="fused: decode only the crop; full: decode the image, then crop."),
    ] = "fused"
    dct_method: Annotated[
        Literal["INTEGER_ACCURATE", "INTEGER_FAST"],
        Meta(description="JPEG inverse transform; INTEGER_FAST changes pixels slightly."),
    ] = "INTEGER_ACCURATE"
    fancy_upscaling: Annotated[
        bool, Meta(description="Smooth chroma upscaling when decoding; switching it off changes pixels slightly.")
    ] = True
    num_parallel_calls: Annotated[
        PositiveInt | Auto, Meta(description="Images decoded at once. auto: the data threads.")
    ] = "auto"
    cycle_length: Annotated[PositiveInt | Auto, Meta(description="Shards read at once (interleave).")] = "auto"
    block_length: Annotated[int, Meta(ge=1, description="Records taken from a shard before the next.")] = 1
    shuffle_buffer_size: Annotated[
        Annotated[int, Meta(ge=0)] | Auto, Meta(description="Records in the shuffle buffer; 0 does not shuffle.")
    ] = "auto"
    prefetch_buffer_size: Annotated[
        Annotated[int, Meta(ge=0)] | Auto, Meta(description="Batches kept ready; 0 does not prefetch.")
    ] = "auto"
    cache: Annotated[
        Literal["none", "records", "images"],
        Meta(description="Keep in memory after the first epoch: nothing, the encoded records, or decoded images."),
    ] = "none"
    data_deterministic: Annotated[
        bool, Meta(description="tf.data's `deterministic`: elements keep their order in parallel stages.")
    ] = True
    private_threadpool_size: Annotated[
        Annotated[int, Meta(ge=0)] | Auto, Meta(description="tf.data's own threads; 0 shares TensorFlow's.")
    ] = "auto"
    max_intra_op_parallelism: Annotated[
        int, Meta(ge=0, description="tf.data's bound on threads inside one operation; 0 sets none.")
    ] = 1
    autotune: Annotated[bool, Meta(description="Let tf.data tune parallelism and buffers that are left to it.")] = True
    cpu_budget: Annotated[
        Annotated[int, Meta(ge=0)] | Auto, Meta(description="Cores that autotuning plans with; auto: the data threads.")
    ] = "auto"
    ram_budget: Annotated[
        int, Meta(ge=0, description="Bytes that autotuning may give to buffers; 0 leaves tf.data's default.")
    ] = 0
    inject_prefetch: Annotated[bool, Meta(description="tf.data may add a prefetch at the end by itself.")] = False
    map_parallelization: Annotated[bool, Meta(description="tf.data may make maps parallel by itself.")] = False
    map_and_batch_fusion: Annotated[bool, Meta(description="tf.data fuses map and batch into one stage.")] = False
    parallel_batch: Annotated[bool, Meta(description="tf.data copies a batch's elements in parallel.")] = False


class StepConfig(Section, frozen=True, kw_only=True):
    """What one step computes, and how it is compiled."""

    mode: Annotated[
        Literal["train", "infer", "eval", "input"],
        Meta(description="train, infer (forward), eval (forward and accuracy), or input (the pipeline alone)."),
    ] = "train"
    batch_size: Annotated[PositiveInt | Auto, Meta(description="Images per step.")] = "auto"
    precision: Annotated[
        Precision | Auto,
        Meta(description="Arithmetic of the network. auto: float32, or what --mixed-precision picks."),
    ] = "auto"
    mixed_precision: Annotated[
        bool, Meta(description="Use the 16-bit type this device has (bfloat16, with a warning, where it has none).")
    ] = False
    xla: Annotated[bool, Meta(description="Compile the step with XLA.")] = False
    steps_per_call: Annotated[int, Meta(ge=1, description="Steps run by one call from Python.")] = 1
    optimizer: Annotated[Literal["sgd", "adam"], Meta(description="Optimizer of the training step.")] = "sgd"
    learning_rate: Annotated[
        PositiveFloat | Auto, Meta(description="auto: 0.1 x batch / 256 for SGD, 0.00015 for Adam.")
    ] = "auto"
    momentum: Annotated[float, Meta(ge=0, lt=1, description="SGD's momentum.")] = 0.9
    weight_decay: Annotated[float, Meta(ge=0, description="Decoupled from the loss; kernels only.")] = 5e-5
    label_smoothing: Annotated[float, Meta(ge=0, lt=1, description="Share of the target spread over all classes.")] = (
        0.1
    )
    freeze: Annotated[bool, Meta(description="Fold variables to constants before inference.")] = False
    loop: Annotated[
        Literal["custom", "fit"], Meta(description="Our compiled step, or Keras' model.fit around the same network.")
    ] = "custom"
    split: Annotated[bool, Meta(description="Also time forward, backward and optimizer apart (train).")] = False


class RuntimeConfig(Section, frozen=True, kw_only=True):
    """Process-global TensorFlow state."""

    device: Annotated[
        str,
        Meta(
            pattern=r"^(auto|cpu|gpu(:\d+)?)$",
            description="Device to run on. auto: the GPU where there is one (never skipped in silence), else the CPU.",
            extra={"values": "auto, cpu, gpu or gpu:N"},
        ),
    ] = "auto"
    threads: Annotated[
        PositiveInt | Auto,
        Meta(description="Threads inside an operation. auto: what affinity and the cgroup quota allow."),
    ] = "auto"
    inter_op_threads: Annotated[PositiveInt | Auto, Meta(description="Operations that run at once.")] = "auto"
    onednn: Annotated[
        Literal["auto", "on", "off"],
        Meta(description="oneDNN kernels, set before TensorFlow is imported. auto: on for AVX2 and better."),
    ] = "auto"
    memory_growth: Annotated[bool, Meta(description="Let a GPU's memory pool grow instead of taking it all.")] = True
    deterministic: Annotated[bool, Meta(description="Only deterministic operations, in a deterministic order.")] = False
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Seed of weights, data order and augmentation.")] = 0


class MeasureConfig(Section, frozen=True, kw_only=True):
    """How much is measured, and within which bounds."""

    warmup: Annotated[
        PositiveInt | Auto,
        Meta(description="Untimed steps first, the compiling one included. auto: 3 on CPU, 20 on GPU."),
    ] = "auto"
    rounds: Annotated[int, Meta(ge=1, description="Timed rounds per process.")] = 20
    steps: Annotated[
        PositiveInt | Auto,
        Meta(description="Steps per round, then one wait for the device. auto: about half a second."),
    ] = "auto"
    latency_samples: Annotated[
        int, Meta(ge=0, description="Single steps timed for latency where a round holds several; 0 takes none.")
    ] = 60
    processes: Annotated[int, Meta(ge=1, le=1000, description="Fresh processes, one after the other.")] = 3
    max_time: Annotated[
        float,
        Meta(
            gt=0, description="Time that the whole command may take, in seconds (or 90s, 3m, 1h).", extra={"unit": "s"}
        ),
    ] = 170.0
    timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Silence after which a worker counts as hung, in seconds (or 90s, 3m).",
            extra={"unit": "s"},
        ),
    ] = 150.0


class OutputConfig(Section, frozen=True, kw_only=True):
    """Where results go."""

    output: Annotated[str, Meta(description="Folder that records are saved to.")] = "runs"
    json: Annotated[bool, Meta(description="Print the record alone on stdout.")] = False


class Config(Section, frozen=True, kw_only=True):
    """One benchmark: everything that decides what is run."""

    preset: Annotated[
        Literal["smoke", "standard", "strict"],
        Meta(description="How thorough: smoke (64 pixels, 1 process), standard (3 processes), strict (10)."),
    ] = "standard"
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    step: StepConfig = StepConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    measure: MeasureConfig = MeasureConfig()
    output: OutputConfig = OutputConfig()


T = TypeVar("T")


def settled(value: T | Auto) -> T:
    """The value of a field that `resolve.resolve` has settled: after it no "auto" is left."""
    assert value != "auto", "an option was read before it was resolved"
    return value


def check(config: Config) -> None:
    """Refuse combinations that no device could run; what depends on the device is `resolve.py`'s."""
    for problem in (_check_data(config), _check_step(config), _check_model(config)):
        if problem is not None:
            raise problem


def _check_data(config: Config) -> ConfigError | None:
    data, mode = config.data, config.step.mode
    if data.source in ("tfrecord", "folder") and not data.data:
        what = "a glob of shards" if data.source == "tfrecord" else "a folder of class subfolders"
        return ConfigError(f"--source {data.source} needs --data: {what}.", "For instance --data 'imagenet/train-*'.")
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
