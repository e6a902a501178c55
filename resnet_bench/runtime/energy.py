"""Counters of energy: the processor packages' (RAPL, through Linux' powercap) and a GPU's (NVML).

Reading takes microseconds to a millisecond, touches no device memory and starts no CUDA context. Neighbours:
`telemetry.py` reads a meter around each timed block, `experiments/run.py` an idle machine, `energy.py` of the package
does the accounts. No TensorFlow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from resnet_bench.runtime.cgroup import ROOT, read_int, read_text, under
from resnet_bench.runtime.nvml import Monitor

POWERCAP = "/sys/class/powercap"
IDLE_S = 0.5
"""How long an idle machine is watched: counters move every 1 ms (RAPL) to 100 ms (NVML)."""

Reading = tuple[float, ...]


class Meter(Protocol):
    """Something that counts energy."""

    @property
    def source(self) -> Literal["rapl", "nvml"]:
        """Whose counter it is."""

    def read(self) -> Reading | None:
        """Joules so far of each domain; None where the counter fails now."""

    def between(self, before: Reading, after: Reading) -> float:
        """Joules between two readings."""


@dataclass(frozen=True)
class Absent:
    """No counter, and why."""

    why: str


@dataclass(frozen=True)
class Rapl:
    """The packages' counters and, where they exist, their memory's; each wraps at its own range."""

    folders: tuple[Path, ...]
    ranges_j: tuple[float, ...]
    source: Literal["rapl", "nvml"] = "rapl"

    def read(self) -> Reading | None:
        """Joules of each domain."""
        found = [read_int(folder / "energy_uj") for folder in self.folders]
        return None if None in found else tuple(value * 1e-6 for value in found if value is not None)

    def between(self, before: Reading, after: Reading) -> float:
        """The sum over domains; a counter that went back has wrapped once."""
        return sum(
            late - early if late >= early else late - early + whole
            for early, late, whole in zip(before, after, self.ranges_j, strict=True)
        )


@dataclass(frozen=True)
class Nvml:
    """One GPU's counter since its driver was loaded (Volta and newer)."""

    monitor: Monitor
    source: Literal["rapl", "nvml"] = "nvml"

    def read(self) -> Reading | None:
        """Joules of the GPU."""
        joules = self.monitor.energy_j()
        return None if joules is None else (joules,)

    def between(self, before: Reading, after: Reading) -> float:
        """Their difference."""
        return after[0] - before[0]


def processor_meter(root: Path = ROOT) -> Rapl | Absent:
    """The processor packages' meter, or why there is none."""
    folders = sorted(under(root, POWERCAP).glob("*-rapl:*"))
    named = [(folder, read_text(folder / "name") or "") for folder in folders]
    chosen = [folder for folder, name in named if name.startswith("package") or name == "dram"]
    if not chosen:
        return Absent(f"{POWERCAP} shows no processor package: a virtual machine, or a kernel without RAPL")
    if any(read_int(folder / "energy_uj") is None for folder in chosen):
        return Absent(f"the counters below {POWERCAP} can only be read by an administrator")
    ranges = [read_int(folder / "max_energy_range_uj") for folder in chosen]
    if None in ranges:
        return Absent(f"the counters below {POWERCAP} do not tell where they wrap")
    return Rapl(tuple(chosen), tuple(value * 1e-6 for value in ranges if value is not None))


def gpu_meter(ordinal: int, monitor: Monitor | None = None) -> Nvml | Absent:
    """The meter of the GPU that CUDA calls `ordinal`, or why there is none."""
    monitor = monitor or Monitor.open(ordinal)
    if monitor is None:
        return Absent("NVML cannot be reached, or cannot tell which GPU is used")
    found = Nvml(monitor)
    return Absent("this GPU or its driver has no energy counter") if found.read() is None else found


def meter(device: str, root: Path = ROOT) -> Meter | Absent:
    """The meter of a device as `--device` names it: "cpu" or "gpu:N"."""
    kind, _, ordinal = device.partition(":")
    return gpu_meter(int(ordinal or 0)) if kind == "gpu" else processor_meter(root)


def power_w(
    watched: Meter,
    seconds: float = IDLE_S,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> float | None:
    """Mean power over `seconds` of doing nothing; None where the counter fails. Blocks that long."""
    before, start = watched.read(), clock()
    sleep(seconds)
    after, elapsed = watched.read(), clock() - start
    if before is None or after is None or elapsed <= 0:
        return None
    return watched.between(before, after) / elapsed


class IdleWatch:
    """The power of the idle machine, measured before the first process and after the last.

    `meters` stands in for the real counters in tests. Where there is no counter, looking takes no time.
    """

    def __init__(
        self, meters: Callable[[str], Meter | Absent] = meter, watch: Callable[[Meter], float | None] = power_w
    ) -> None:
        self._meters = meters
        self._watch = watch
        self._seen: dict[str, list[float | None]] = {}
        self._why: dict[str, str] = {}

    def look(self, device: str) -> None:
        """Watch the device of that name for `IDLE_S`; "auto" is the first GPU, or the processor without one."""
        for name in ("gpu:0", "cpu") if device == "auto" else (device,):
            found = self._meters(name)
            if not isinstance(found, Absent):
                self._seen.setdefault(_settled(name), []).append(self._watch(found))
                return
            self._why[_settled(name)] = found.why

    def idle_w(self, device: str) -> tuple[float | None, ...]:
        """What was seen of a device, in watts, in order."""
        return tuple(self._seen.get(_settled(device), ()))

    def why(self, device: str) -> str:
        """Why a device has no counter; empty where it has one."""
        return self._why.get(_settled(device), "")


def _settled(device: str) -> str:
    return "gpu:0" if device == "gpu" else device
