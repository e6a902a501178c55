"""From what was requested to what is run: every "auto" resolved, every emulation reported.

Pure: `Machine` facts come in, so each rule is tested without a device. Sizes depend on device and mode
alone, never on precision or XLA, so that results stay comparable.
"""

from __future__ import annotations

import math

from msgspec.structs import replace

from resnet_bench.config import Config, DataConfig, Precision, StepConfig, resolved_value
from resnet_bench.config.option import approximations
from resnet_bench.config.sources import SOURCES
from resnet_bench.errors import ConfigError, DeviceError
from resnet_bench.records.base import Notice
from resnet_bench.records.machine import Machine

AUTO_IMAGE_SIZE = (224, 224)
AUTO_BATCH = {
    "cpu": {"train": 16, "infer": 16, "eval": 16, "input": 64},
    "gpu": {"train": 128, "infer": 128, "eval": 128, "input": 128},
}
AUTO_WARMUP = {"cpu": 3, "gpu": 20}
SHUFFLE_RECORDS = 1024
PREFETCH_BATCHES = 2

_BF16_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
_FP16_CPU_FLAGS = frozenset({"avx512_fp16", "amx_fp16"})
_FP16_GPU_BELOW_VOLTA = frozenset({(5, 3), (6, 0), (6, 2)})


def usable_cpus(cpus: int, quota: float | None) -> int:
    """Threads that can really run at once: affinity, bounded by the cgroup quota rounded down."""
    return max(1, cpus if quota is None else min(cpus, math.floor(quota)))


def native_16bit(machine: Machine) -> tuple[Precision, ...]:
    """The mixed policies that the device computes natively, the one to prefer first.

    A CPU's tuple reads its instruction flags. A GPU prefers float16: cuDNN's fused batch norm with
    activation exists in that type alone (TensorFlow's `_FusedBatchNormEx` in training).
    """
    if machine.device_kind == "gpu":
        capability = machine.gpu_compute_capability or (0, 0)
        if capability >= (8, 0):
            return ("mixed_float16", "mixed_bfloat16")
        if capability >= (7, 0) or capability in _FP16_GPU_BELOW_VOLTA:
            return ("mixed_float16",)
        return ()
    found: list[Precision] = []
    if machine.cpu_flags & _BF16_CPU_FLAGS:
        found.append("mixed_bfloat16")
    if machine.cpu_flags & _FP16_CPU_FLAGS:
        found.append("mixed_float16")
    return tuple(found) if machine.onednn else ()


def resolve(config: Config, machine: Machine) -> tuple[Config, tuple[Notice, ...]]:
    """The configuration with nothing left to decide but the steps per round, and what to warn of.

    Raises `DeviceError` where the device cannot run what was requested.
    """
    step = _resolve_step(config.step, machine)
    threads = config.runtime.threads
    if threads == "auto":
        threads = usable_cpus(machine.cpus, machine.cpu_quota)
    inter_op = config.runtime.inter_op_threads
    warmup = config.measure.warmup
    if warmup == "auto":
        # At least two calls: the first compiles on a dummy batch, and only another can be the pilot.
        warmup = _round_up(max(AUTO_WARMUP[machine.device_kind], 2 * step.steps_per_call), step.steps_per_call)
    size = config.model.image_size
    resolved = replace(
        config,
        model=replace(config.model, image_size=AUTO_IMAGE_SIZE if size == "auto" else size),
        data=resolve_data(config.data, usable_cpus(machine.cpus, machine.cpu_quota)),
        step=step,
        runtime=replace(
            config.runtime,
            device=machine.device,
            threads=threads,
            inter_op_threads=threads if inter_op == "auto" else inter_op,
            onednn="on" if machine.onednn else "off",
        ),
        measure=replace(config.measure, warmup=warmup),
    )
    return resolved, _notices(resolved, machine)


def _round_up(steps: int, multiple: int) -> int:
    return math.ceil(steps / multiple) * multiple


def _resolve_step(step: StepConfig, machine: Machine) -> StepConfig:
    batch = step.batch_size
    if batch == "max":
        raise ConfigError(
            "--batch-size max is searched for before a run; here the batch must be known.",
            "Find it with bench-cli run --batch-size max, and give the number.",
        )
    if batch == "auto":
        batch = AUTO_BATCH[machine.device_kind][step.mode]
    rate = step.learning_rate
    if rate == "auto":
        rate = 0.1 * batch / 256 if step.optimizer == "sgd" else 0.00015
    return replace(step, batch_size=batch, learning_rate=rate, precision=_resolve_precision(step, machine))


def _resolve_precision(step: StepConfig, machine: Machine) -> Precision:
    precision = step.precision
    if precision == "auto":
        if not step.mixed_precision:
            return "float32"
        return next(iter(native_16bit(machine)), "mixed_bfloat16")
    if precision == "tf32" and (machine.gpu_compute_capability or (0, 0)) < (8, 0):
        raise DeviceError(
            f"--precision tf32 needs an NVIDIA GPU of compute capability 8.0 or newer; this run uses {machine.device}.",
            "Use --precision float32, or a 16-bit type with --mixed-precision.",
        )
    return precision


def resolve_data(data: DataConfig, threads: int) -> DataConfig:
    def auto(value: int | str, default: int) -> int:
        return default if value == "auto" else int(value)

    return replace(
        data,
        label_offset=auto(data.label_offset, SOURCES[data.source].label_offset),
        num_parallel_calls=auto(data.num_parallel_calls, threads),
        cycle_length=auto(data.cycle_length, max(2, threads)),
        shuffle_buffer_size=auto(data.shuffle_buffer_size, SHUFFLE_RECORDS),
        prefetch_buffer_size=auto(data.prefetch_buffer_size, PREFETCH_BATCHES),
        private_threadpool_size=auto(data.private_threadpool_size, threads),
        cpu_budget=auto(data.cpu_budget, threads),
    )


def _notices(config: Config, machine: Machine) -> tuple[Notice, ...]:
    found = _unused(config) if config.step.mode == "input" else _compute_notices(config, machine)
    approximate = any(option.value_in(config) != option.default for option in approximations())
    if config.data.has_pipeline and approximate:
        found.append(Notice.make("pixels_approximate"))
    threads = resolved_value(config.runtime.threads)
    usable = usable_cpus(machine.cpus, machine.cpu_quota)
    if threads > usable:
        found.append(Notice.make("threads_exceed_cpus", threads=threads, cpus=usable))
    return tuple(found)


def _unused(config: Config) -> list[Notice]:
    """Options of the network that were requested where none is built."""
    step = config.step
    asked = [
        ("--xla", step.xla),
        ("--precision", step.precision != "float32"),
        ("--data-format", config.model.data_format != "channels_last"),
    ]
    names = ", ".join(name for name, given in asked if given)
    return [Notice.make("no_network", options=names)] if names else []


def _compute_notices(config: Config, machine: Machine) -> list[Notice]:
    """What the device can only emulate, or is known to do slowly."""
    found: list[Notice] = []
    step, on_cpu = config.step, machine.device_kind == "cpu"
    precision = resolved_value(step.precision)
    mixed = precision.startswith("mixed_")
    if mixed and precision not in native_16bit(machine):
        found.append(Notice.make("emulated_16bit", precision=precision, device=machine.device))
    elif mixed and step.xla and on_cpu:
        found.append(Notice.make("emulated_16bit_xla", precision=precision))
    if step.xla and on_cpu and step.mode == "train":
        found.append(Notice.make("xla_train_cpu"))
    if config.model.data_format == "channels_first" and on_cpu:
        found.append(Notice.make("channels_first_cpu"))
    return found
