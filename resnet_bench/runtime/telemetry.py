"""What else happened on the machine while something was timed, and how much memory it took.

`Probe` is read before and after a timed block, never inside one. Everything that the system cannot tell
is None. Neighbours: `nvml.py` and `cgroup.py` below; `worker/timing.py` stores the `Interference` of each round.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from resnet_bench.records.machine import Machine
from resnet_bench.records.run import Interference
from resnet_bench.runtime import cgroup
from resnet_bench.runtime.cgroup import ROOT, read_text, under
from resnet_bench.runtime.cpu import affinity
from resnet_bench.runtime.energy import Absent, Meter, Nvml, Reading, processor_meter
from resnet_bench.runtime.nvml import GpuSample, Monitor
from resnet_bench.runtime.state import Runtime, gpu_ordinal

_LOGICAL_GPU = "GPU:0"  # state.py lets a process see one GPU


@dataclass(frozen=True)
class OwnUsage:
    """CPU seconds of this process, all threads, and how often it was preempted."""

    cpu_s: float
    involuntary_switches: int | None


def own_usage() -> OwnUsage:
    """This process's usage since it started; the system counts threads that have ended, too."""
    try:
        import resource
    except ImportError:
        return OwnUsage(time.process_time(), None)
    return OwnUsage(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw)


def process_age_s(root: Path = ROOT) -> float | None:
    """Seconds since this process started, in steps of 10 ms; None where the system cannot tell.

    Both ends are on the clock that counts from boot (proc(5), field 22 of stat), which is never set.
    """
    stat = read_text(under(root, "/proc/self/stat"))
    if stat is None or not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    started_s = int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s


@dataclass(frozen=True)
class _Moment:
    usage: OwnUsage
    busy_s: float | None
    steal_s: float | None
    throttled_s: tuple[float, ...] | None
    gpu: GpuSample | None
    energy: Reading | None


class Probe:
    """Interference between `begin()` and `end()`, on the processors that this process may use.

    /proc/stat counts in ticks of 10 ms per processor: shorter blocks read 0 or one tick. `cpus`, `root`,
    `usage` and `monitor` stand in for the real ones in tests. Does not block on the device.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        root: Path = ROOT,
        cpus: Iterable[int] | None = None,
        usage: Callable[[], OwnUsage] = own_usage,
        monitor: Monitor | None = None,
    ) -> None:
        self._root = root
        self._cpus = frozenset(affinity() if cpus is None else cpus)
        self._usage = usage
        self._monitor = monitor
        if monitor is None and machine.device_kind == "gpu":
            self._monitor = Monitor.open(gpu_ordinal(machine))
        self._meter: Meter | Absent = processor_meter(root) if self._monitor is None else Nvml(self._monitor)
        if machine.device_kind == "gpu" and self._monitor is None:
            self._meter = Absent("NVML cannot tell which GPU is used")
        self._start: _Moment | None = None

    def begin(self) -> None:
        """Take the state before a timed block."""
        self._start = self._now()

    def end(self) -> Interference:
        """What happened since `begin()`."""
        start, now = self._start, self._now()
        assert start is not None, "Probe.end comes after Probe.begin"
        self._start = None
        cpu_s = now.usage.cpu_s - start.usage.cpu_s
        busy_s = _difference(now.busy_s, start.busy_s)
        gpu = now.gpu or GpuSample()
        return Interference(
            steal_s=_difference(now.steal_s, start.steal_s),
            involuntary_switches=_counted(now.usage.involuntary_switches, start.usage.involuntary_switches),
            throttled_s=_longest(now.throttled_s, start.throttled_s),
            # Ticks and the process's own clock differ by up to a tick either way; clipped at 0 the sum over
            # many short rounds would grow from that alone.
            other_cpu_s=None if busy_s is None else busy_s - cpu_s,
            cpu_s=cpu_s,
            gpu_clock_hz=gpu.clock_hz,
            gpu_memory_clock_hz=gpu.memory_clock_hz,
            gpu_temperature_c=gpu.temperature_c,
            gpu_power_w=gpu.power_w,
            gpu_throttle_reasons=_either(start.gpu, now.gpu),
            gpu_other_processes=gpu.other_processes,
            energy_j=self._energy_j(start.energy, now.energy),
        )

    def _energy_j(self, before: Reading | None, after: Reading | None) -> float | None:
        if isinstance(self._meter, Absent) or before is None or after is None:
            return None
        return self._meter.between(before, after)

    def _now(self) -> _Moment:
        busy_s, steal_s = _processors(self._root, self._cpus)
        return _Moment(
            usage=self._usage(),
            busy_s=busy_s,
            steal_s=steal_s,
            throttled_s=cgroup.throttled_s(self._root),
            gpu=None if self._monitor is None else self._monitor.sample(),
            energy=None if isinstance(self._meter, Absent) else self._meter.read(),
        )


def _processors(root: Path, cpus: frozenset[int]) -> tuple[float | None, float | None]:
    """(busy, stolen) seconds so far, summed over `cpus`, from /proc/stat (proc(5)).

    Busy is user, nice, system, irq and softirq; guests' time is contained in user.
    """
    wanted = {f"cpu{cpu}" for cpu in cpus}
    busy = stolen = seen = 0
    for line in (read_text(under(root, "/proc/stat")) or "").splitlines():
        name, *fields = line.split()
        if name in wanted and len(fields) >= 8:
            user, nice, system, _, _, irq, softirq, steal = map(int, fields[:8])
            busy += user + nice + system + irq + softirq
            stolen += steal
            seen += 1
    if not seen:
        return None, None
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    return busy / ticks_per_s, stolen / ticks_per_s


def _difference(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before


def _counted(now: int | None, before: int | None) -> int | None:
    return None if now is None or before is None else now - before


def _longest(now: tuple[float, ...] | None, before: tuple[float, ...] | None) -> float | None:
    """Groups may be throttled at the same time, so the largest counts, not the sum."""
    if now is None or before is None:
        return None
    return max((late - early for late, early in zip(now, before, strict=True)), default=None)


def _either(before: GpuSample | None, now: GpuSample | None) -> tuple[str, ...] | None:
    """Throttle reasons seen at either end of the block."""
    seen = [one.throttle_reasons for one in (before, now) if one is not None and one.throttle_reasons is not None]
    return tuple(sorted({reason for reasons in seen for reason in reasons})) if seen else None


def reset_host_peak(root: Path = ROOT) -> bool:
    """Start a new peak of resident memory; False where the kernel does not permit it (proc(5), clear_refs)."""
    try:
        with under(root, "/proc/self/clear_refs").open("w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return False
    return True


def host_peak_bytes(root: Path = ROOT) -> int | None:
    """Peak resident memory of this process since `reset_host_peak` (else since it started), in bytes."""
    for line in (read_text(under(root, "/proc/self/status")) or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def reset_device_peak(rt: Runtime) -> None:
    """Start a new peak of the GPU allocator; nothing on a CPU."""
    if rt.machine.device_kind == "gpu":
        import tensorflow as tf

        tf.config.experimental.reset_memory_stats(_LOGICAL_GPU)


def device_memory(rt: Runtime, monitor: Monitor | None = None) -> tuple[int | None, int | None]:
    """(peak bytes in TensorFlow's GPU allocator, bytes this process reserves on the device); None on a CPU.

    Reserved is NVML's figure for this process: the allocator's pool, CUDA's context and its kernels.
    """
    if rt.machine.device_kind != "gpu":
        return None, None
    import tensorflow as tf

    monitor = monitor or Monitor.open(gpu_ordinal(rt.machine))
    peak = int(tf.config.experimental.get_memory_info(_LOGICAL_GPU)["peak"])
    return peak, None if monitor is None else monitor.own_memory_bytes()
