"""What NVIDIA's management library says of the GPUs: identity, limits, clocks, throttling, processes.

Works without the library and without a GPU: then the answer is None. Asks no CUDA context and touches no
device memory. Neighbours: `gpu.py` chooses a device, `telemetry.py` samples it, `environment.py` keeps it.
No TensorFlow.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resnet_bench.records.base import Data

# NVML's clock event bits (nvml.h), by name rather than by constant: pynvml renames those between versions.
THROTTLE_BITS = {
    0x002: "application_clocks_setting",
    0x004: "sw_power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal_slowdown",
    0x040: "hw_thermal_slowdown",
    0x080: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
}
_IDLE_BIT = 0x001
_MEGA = 1_000_000


class GpuFacts(Data, frozen=True, kw_only=True):
    """One GPU as NVML describes it; `index` counts in PCI bus order, as nvidia-smi does."""

    index: int
    name: str | None = None
    uuid: str | None = None
    memory_bytes: int | None = None
    compute_capability: tuple[int, int] | None = None
    power_limit_w: float | None = None
    default_power_limit_w: float | None = None
    persistence_mode: bool | None = None
    mig_mode: bool | None = None
    max_clock_hz: float | None = None
    max_memory_clock_hz: float | None = None
    pcie_generation: int | None = None
    pcie_lanes: int | None = None


class DriverFacts(Data, frozen=True, kw_only=True):
    """The driver, the newest CUDA version it can run, and its GPUs."""

    driver_version: str | None = None
    cuda_version: tuple[int, int] | None = None
    gpus: tuple[GpuFacts, ...] = ()


@dataclass(frozen=True)
class GpuSample:
    """State of a GPU at one moment."""

    clock_hz: float | None = None
    memory_clock_hz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    other_processes: int | None = None


def _library() -> Any | None:
    """The Python binding of NVML, or None where it is not installed."""
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def _ask(nvml: Any, name: str, *arguments: Any) -> Any | None:
    """The answer of one NVML function; None where this GPU, driver or binding cannot give it."""
    function = getattr(nvml, name, None)
    if function is None:
        return None
    try:
        answer = function(*arguments)
    except (nvml.NVMLError, UnicodeDecodeError):
        return None
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer


def read_driver(nvml: Any | None = None) -> DriverFacts | None:
    """Driver and GPUs; None where NVML cannot be reached. `nvml` stands in for pynvml in tests."""
    nvml = nvml or _library()
    if nvml is None:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        count = _ask(nvml, "nvmlDeviceGetCount") or 0
        cuda = _ask(nvml, "nvmlSystemGetCudaDriverVersion")
        return DriverFacts(
            driver_version=_ask(nvml, "nvmlSystemGetDriverVersion"),
            cuda_version=None if cuda is None else (cuda // 1000, cuda % 1000 // 10),
            gpus=tuple(_read_gpu(nvml, index) for index in range(count)),
        )
    finally:
        nvml.nvmlShutdown()


def _read_gpu(nvml: Any, index: int) -> GpuFacts:
    handle = _ask(nvml, "nvmlDeviceGetHandleByIndex", index)
    if handle is None:
        return GpuFacts(index=index)
    memory = _ask(nvml, "nvmlDeviceGetMemoryInfo", handle)
    capability = _ask(nvml, "nvmlDeviceGetCudaComputeCapability", handle)
    mig = _ask(nvml, "nvmlDeviceGetMigMode", handle)
    return GpuFacts(
        index=index,
        name=_ask(nvml, "nvmlDeviceGetName", handle),
        uuid=_ask(nvml, "nvmlDeviceGetUUID", handle),
        memory_bytes=None if memory is None else int(memory.total),
        compute_capability=None if capability is None else (capability[0], capability[1]),
        power_limit_w=_scaled(_ask(nvml, "nvmlDeviceGetEnforcedPowerLimit", handle), 1e-3),
        default_power_limit_w=_scaled(_ask(nvml, "nvmlDeviceGetPowerManagementDefaultLimit", handle), 1e-3),
        persistence_mode=_flag(_ask(nvml, "nvmlDeviceGetPersistenceMode", handle)),
        mig_mode=None if mig is None else _flag(mig[0]),
        max_clock_hz=_scaled(_ask(nvml, "nvmlDeviceGetMaxClockInfo", handle, nvml.NVML_CLOCK_SM), _MEGA),
        max_memory_clock_hz=_scaled(_ask(nvml, "nvmlDeviceGetMaxClockInfo", handle, nvml.NVML_CLOCK_MEM), _MEGA),
        pcie_generation=_ask(nvml, "nvmlDeviceGetMaxPcieLinkGeneration", handle),
        pcie_lanes=_ask(nvml, "nvmlDeviceGetCurrPcieLinkWidth", handle),
    )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def throttle_names(bits: int) -> tuple[str, ...]:
    """Why clocks are below what they could be; an idle GPU is not throttled, unknown bits keep their number."""
    known = [name for bit, name in THROTTLE_BITS.items() if bits & bit]
    unknown = bits & ~(_IDLE_BIT | sum(THROTTLE_BITS))
    return (*known, f"reason_0x{unknown:x}") if unknown else tuple(known)


def visible_index(ordinal: int, gpus: tuple[GpuFacts, ...], environ: Mapping[str, str]) -> int | None:
    """NVML's index of the GPU that CUDA calls `ordinal`; None where the order cannot be known.

    CUDA_VISIBLE_DEVICES holds indices or (beginnings of) UUIDs; without CUDA_DEVICE_ORDER=PCI_BUS_ID the
    fastest GPU comes first, so with several the index says nothing.
    """
    ordered = environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID" or len(gpus) == 1
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return gpus[ordinal].index if ordered and ordinal < len(gpus) else None
    entries = [entry.strip() for entry in visible.split(",")]
    if ordinal >= len(entries):
        return None
    if entries[ordinal].isdigit():
        return int(entries[ordinal]) if ordered and int(entries[ordinal]) < len(gpus) else None
    found = [gpu.index for gpu in gpus if entries[ordinal] and (gpu.uuid or "").startswith(entries[ordinal])]
    return found[0] if len(found) == 1 else None


class Monitor:
    """Samples one GPU cheaply: NVML stays open. Takes about a millisecond; never call it in a timed block."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle

    @classmethod
    def open(cls, ordinal: int, environ: Mapping[str, str] = os.environ, nvml: Any | None = None) -> Monitor | None:
        """The monitor of the GPU that CUDA calls `ordinal`; None where NVML cannot tell which that is."""
        nvml = nvml or _library()
        driver = read_driver(nvml)
        if nvml is None or driver is None:
            return None
        index = visible_index(ordinal, driver.gpus, environ)
        if index is None:
            return None
        nvml.nvmlInit()
        handle = _ask(nvml, "nvmlDeviceGetHandleByIndex", index)
        return None if handle is None else cls(nvml, handle)

    def sample(self) -> GpuSample:
        """Clocks, temperature, power, throttling and foreign processes right now."""
        nvml, handle = self._nvml, self._handle
        bits = _ask(nvml, "nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        temperature = _ask(nvml, "nvmlDeviceGetTemperature", handle, nvml.NVML_TEMPERATURE_GPU)
        return GpuSample(
            clock_hz=_scaled(_ask(nvml, "nvmlDeviceGetClockInfo", handle, nvml.NVML_CLOCK_SM), _MEGA),
            memory_clock_hz=_scaled(_ask(nvml, "nvmlDeviceGetClockInfo", handle, nvml.NVML_CLOCK_MEM), _MEGA),
            temperature_c=None if temperature is None else float(temperature),
            power_w=_scaled(_ask(nvml, "nvmlDeviceGetPowerUsage", handle), 1e-3),
            throttle_reasons=None if bits is None else throttle_names(bits),
            other_processes=self._other_processes(),
        )

    def energy_j(self) -> float | None:
        """Joules since the driver was loaded; None before Volta."""
        return _scaled(_ask(self._nvml, "nvmlDeviceGetTotalEnergyConsumption", self._handle), 1e-3)

    def own_memory_bytes(self) -> int | None:
        """Device memory that this process holds, CUDA's context included; None where the driver hides it."""
        for process in _ask(self._nvml, "nvmlDeviceGetComputeRunningProcesses", self._handle) or ():
            if process.pid == os.getpid():
                used: int | None = process.usedGpuMemory
                return used
        return None

    def _other_processes(self) -> int | None:
        """Processes with a compute context besides ours.

        None when ours is missing from the list: in a container with its own process ids NVML shows
        nothing, or foreign numbers, and then no count would be true.
        """
        listed = _ask(self._nvml, "nvmlDeviceGetComputeRunningProcesses", self._handle)
        pids = [process.pid for process in listed or ()]
        return len(pids) - 1 if os.getpid() in pids else None
