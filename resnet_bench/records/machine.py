"""The facts of a machine that a configuration is resolved with."""

from __future__ import annotations

from typing import Literal

from resnet_bench.records.base import Data


class Machine(Data, frozen=True, kw_only=True):
    """What `runtime/resolve.py` needs to know of the machine.

    `cpus` is what affinity allows, `cpu_quota` the cgroup's limit in cores, `cpu_flags` those of
    /proc/cpuinfo; `onednn` is whether its kernels are enabled.
    """

    device_kind: Literal["cpu", "gpu"]
    device: str
    cpus: int
    cpu_quota: float | None = None
    cpu_flags: frozenset[str] = frozenset()
    gpu_name: str | None = None
    gpu_compute_capability: tuple[int, int] | None = None
    onednn: bool = False
