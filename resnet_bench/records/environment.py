"""The environment of a run: processors, GPUs, TensorFlow, packages. `runtime/environment.py` collects it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from resnet_bench.records.base import Data

# scikit-learn sets KMP_DUPLICATE_LIB_OK and KMP_INIT_AT_FORK when it is imported.
_STEERING = re.compile(
    r"(TF_)?XLA_FLAGS|(ONEDNN|DNNL|OMP|GOMP)_\w+|KMP_(?!DUPLICATE_LIB_OK|INIT_AT_FORK)\w+|TF_SET_ONEDNN_\w+|TF_(CUDNN|CUBLAS|AUTO_MIXED)_\w+"
    r"|NVIDIA_TF32_OVERRIDE|TF_DETERMINISTIC_OPS|CUDA_LAUNCH_BLOCKING|TF_CPP_MAX_VLOG_LEVEL|LD_PRELOAD"
)


def steering(variables: Mapping[str, str]) -> dict[str, str]:
    """Those of the recorded variables that change what is computed or how fast, and that no option sets."""
    return {name: value for name, value in variables.items() if _STEERING.fullmatch(name)}


class CpuEnvironment(Data, frozen=True, kw_only=True):
    """Processors. `cpus` counts those of the affinity, `cpus_online` the machine's; caches in bytes.

    `flags` are those of `FLAGS_OF_INTEREST` that the processor has; None where flags are unknown.
    """

    model: str | None = None
    flags: tuple[str, ...] | None = None
    cpus: int
    cpus_online: int | None = None
    cpu_quota: float | None = None
    governor: str | None = None
    turbo: bool | None = None
    last_level_cache_bytes: int | None = None
    numa_nodes: int | None = None
    hypervisor: bool | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None
    transparent_hugepages: str | None = None
    malloc: str | None = None


class GpuEnvironment(Data, frozen=True, kw_only=True):
    """One GPU of the machine and its driver; not necessarily the one that was used."""

    index: int
    name: str | None = None
    memory_bytes: int | None = None
    compute_capability: tuple[int, int] | None = None
    driver_version: str | None = None
    driver_cuda_version: str | None = None
    power_limit_w: float | None = None
    default_power_limit_w: float | None = None
    persistence_mode: bool | None = None
    mig_mode: bool | None = None
    max_clock_hz: float | None = None
    max_memory_clock_hz: float | None = None
    pcie_generation: int | None = None
    pcie_lanes: int | None = None


class TensorFlowEnvironment(Data, frozen=True, kw_only=True):
    """TensorFlow's build, and its settings in the process that measured.

    `onednn` is what TensorFlow reports. CUDA versions: built against, and loaded (None: not loaded). `replicas`:
    devices that share each batch.
    """

    version: str
    git_version: str | None = None
    compiler: str | None = None
    cuda_build: bool | None = None
    built_cuda: str | None = None
    built_cudnn: str | None = None
    loaded_cuda: str | None = None
    loaded_cudnn: str | None = None
    onednn: bool | None = None
    tf32: bool | None = None
    dtype_policy: str | None = None
    intra_op_threads: int | None = None
    inter_op_threads: int | None = None
    data_threads: int | None = None
    replicas: int | None = None
    visible_devices: tuple[str, ...] | None = None


class Environment(Data, frozen=True, kw_only=True):
    """Everything around a measurement that is not its configuration.

    `machine_id` is a keyed hash of the operating system's installation id: it identifies the machine, and
    reveals nothing else. `device` is the device that was used, as `--device` names it. `gpus` is None where the
    run may not use GPUs, or where NVML is not available; `gpu_index` is the one that was used.
    """

    machine_id: str | None = None
    system: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    libc: str | None = None
    container: str | None = None
    python: str
    packages: dict[str, str] = msgspec.field(default_factory=dict)
    package_version: str
    git_revision: str | None = None
    git_dirty: bool | None = None
    device: str
    cpu: CpuEnvironment
    gpus: tuple[GpuEnvironment, ...] | None = None
    gpu_index: int | None = None
    tensorflow: TensorFlowEnvironment | None = None
    variables: dict[str, str] = msgspec.field(default_factory=dict)
