"""A stand-in for pynvml with one or more GPUs, for the tests of what reads it."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any


class NVMLError(Exception):
    """What pynvml raises."""


class FakeNvml:
    """Answers as an idle A100 does; `broken` names functions that this driver does not support."""

    NVMLError = NVMLError
    NVML_CLOCK_SM = 1
    NVML_CLOCK_MEM = 2
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, gpus: int = 1, broken: tuple[str, ...] = (), driver: bool = True) -> None:
        self.throttle = 0
        self.pids: list[int] = [os.getpid()]
        self.opened = 0
        self.energy_mj = 5_000_000
        self.gpus = gpus
        self._broken = broken
        self._driver = driver

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("nvml") and name in object.__getattribute__(self, "_broken"):
            return object.__getattribute__(self, "_unsupported")
        return object.__getattribute__(self, name)

    def _unsupported(self, *_: Any) -> Any:
        raise NVMLError("Not Supported")

    def nvmlInit(self) -> None:  # noqa: N802
        if not self._driver:
            raise NVMLError("Driver Not Loaded")
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.opened -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self.gpus

    def nvmlSystemGetDriverVersion(self) -> bytes:  # noqa: N802
        return b"550.54.15"

    def nvmlSystemGetCudaDriverVersion(self) -> int:  # noqa: N802
        return 12040

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, _: int) -> str:  # noqa: N802
        return "NVIDIA A100"

    def nvmlDeviceGetUUID(self, index: int) -> str:  # noqa: N802
        return f"GPU-{index}abc"

    def nvmlDeviceGetMemoryInfo(self, _: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(total=40 * 2**30)

    def nvmlDeviceGetCudaComputeCapability(self, _: int) -> tuple[int, int]:  # noqa: N802
        return (8, 0)

    def nvmlDeviceGetEnforcedPowerLimit(self, _: int) -> int:  # noqa: N802
        return 250_000

    def nvmlDeviceGetPowerManagementDefaultLimit(self, _: int) -> int:  # noqa: N802
        return 400_000

    def nvmlDeviceGetPersistenceMode(self, _: int) -> int:  # noqa: N802
        return 0

    def nvmlDeviceGetMigMode(self, _: int) -> list[int]:  # noqa: N802
        return [0, 0]

    def nvmlDeviceGetMaxClockInfo(self, _: int, clock: int) -> int:  # noqa: N802
        return {1: 1410, 2: 1215}[clock]

    def nvmlDeviceGetClockInfo(self, _: int, clock: int) -> int:  # noqa: N802
        return {1: 1200, 2: 1215}[clock]

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, _: int) -> int:  # noqa: N802
        return self.throttle

    def nvmlDeviceGetTemperature(self, _: int, __: int) -> int:  # noqa: N802
        return 61

    def nvmlDeviceGetPowerUsage(self, _: int) -> int:  # noqa: N802
        return 245_500

    def nvmlDeviceGetTotalEnergyConsumption(self, _: int) -> int:  # noqa: N802
        return self.energy_mj

    def nvmlDeviceGetComputeRunningProcesses(self, _: int) -> list[SimpleNamespace]:  # noqa: N802
        return [SimpleNamespace(pid=pid, usedGpuMemory=1 << 30) for pid in self.pids]
