"""Interference that makes a result provisional: other load, steal, throttling, a shared GPU. Pure.

Each process is checked over the rounds that count in its rate; the worst one is reported. What the system does not
report (None) is no reason. Neighbours: `runtime/telemetry.py` measures it, `verdict.py` asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from resnet_bench.records.base import Notice
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import Interference, ProcessSamples, Round

MAX_OTHER_CPU_SHARE = 0.05
"""Of the processors that the worker may use, over the window. A quiet 2-core machine shows up to 3 %, one
busy loop 40 % and more."""

MAX_STEAL_SHARE = 0.10
"""Of the same. Shared machines constantly lose up to a tenth, which the interval over processes covers."""

MAX_THROTTLED_SHARE = 0.01
"""Of the window's time, during which the cgroup's quota throttled the worker."""

MAX_SWITCHES_PER_S = 5000.0
"""Involuntary context switches per second and core. TensorFlow's own threads preempt each other 1,000 to 1,900 times
on a quiet 2-core machine and less often on a busy one, so this counts only where other load cannot be measured."""

MAX_GPU_CLOCK_CHANGE = 0.05
"""Between the fastest and the slowest round, as a share of the fastest."""

HARMFUL_THROTTLING = frozenset({"hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown"})
"""Heat and power faults. A power cap or a fixed clock is normal at full load; there only a changing clock counts."""


def reasons(processes: Sequence[ProcessSamples], machine: Machine | None) -> tuple[Notice, ...]:
    """The reasons against the rounds that count."""
    windows = [process.counted for process in processes if process.counted]
    if not windows:
        return ()
    return tuple(
        notice
        for check in (_other_load, _steal, _throttled, _switches, _gpu_throttled, _gpu_clock, _gpu_shared)
        if (notice := check(windows, machine.cpus if machine else None)) is not None
    )


Windows = Sequence[Sequence[Round]]


def _other_load(windows: Windows, cpus: int | None) -> Notice | None:
    share = _worst_share(windows, lambda one: one.other_cpu_s, cpus)
    if share is None or share <= MAX_OTHER_CPU_SHARE:
        return None
    return Notice.make("other_load", share=share, limit=MAX_OTHER_CPU_SHARE)


def _steal(windows: Windows, cpus: int | None) -> Notice | None:
    share = _worst_share(windows, lambda one: one.steal_s, cpus)
    if share is None or share <= MAX_STEAL_SHARE:
        return None
    return Notice.make("cpu_steal", share=share, limit=MAX_STEAL_SHARE)


def _throttled(windows: Windows, cpus: int | None) -> Notice | None:
    del cpus
    share = _worst_share(windows, lambda one: one.throttled_s, 1)
    if share is None or share <= MAX_THROTTLED_SHARE:
        return None
    return Notice.make("cgroup_throttled", share=share, limit=MAX_THROTTLED_SHARE)


def _switches(windows: Windows, cpus: int | None) -> Notice | None:
    if _worst_share(windows, lambda one: one.other_cpu_s, cpus) is not None:
        return None
    rate = _worst_share(windows, lambda one: one.involuntary_switches, cpus)
    if rate is None or rate <= MAX_SWITCHES_PER_S:
        return None
    return Notice.make("often_preempted", per_s=round(rate), limit=MAX_SWITCHES_PER_S)


def _gpu_throttled(windows: Windows, cpus: int | None) -> Notice | None:
    del cpus
    seen = {reason for one in _all(windows) for reason in one.gpu_throttle_reasons or ()} & HARMFUL_THROTTLING
    return Notice.make("gpu_throttled", causes=", ".join(sorted(seen))) if seen else None


def _gpu_clock(windows: Windows, cpus: int | None) -> Notice | None:
    del cpus
    clocks = [one.gpu_clock_hz for one in _all(windows) if one.gpu_clock_hz is not None]
    if not clocks or min(clocks) >= max(clocks) * (1 - MAX_GPU_CLOCK_CHANGE):
        return None
    low, high = (round(clock / 1e6) for clock in (min(clocks), max(clocks)))
    return Notice.make("gpu_clock_moved", low_mhz=low, high_mhz=high)


def _gpu_shared(windows: Windows, cpus: int | None) -> Notice | None:
    del cpus
    most = max((one.gpu_other_processes or 0 for one in _all(windows)), default=0)
    return Notice.make("gpu_shared", processes=most) if most else None


def _all(windows: Windows) -> Iterator[Interference]:
    return (one.interference for window in windows for one in window)


def _worst_share(windows: Windows, amount: Callable[[Interference], float | None], cpus: int | None) -> float | None:
    """The largest amount per second and processor among the windows; None if unknown."""
    if cpus is None:
        return None
    shares = []
    for window in windows:
        known = [(value, one.wall_s) for one in window if (value := amount(one.interference)) is not None]
        if known:
            shares.append(sum(value for value, _ in known) / (sum(wall for _, wall in known) * cpus))
    return max(shares, default=None)
