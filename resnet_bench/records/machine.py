"""What must be known of a machine before a configuration can be resolved."""

from __future__ import annotations

from typing import Literal

from resnet_bench.records.base import Data


class Machine(Data, frozen=True, kw_only=True):
    """What `resolve.py` must know of the machine; gathered by `runtime`, faked in tests.

    `cpus` is what affinity allows, `cpu_quota` the cgroup's bound in cores, `cpu_flags` those of
    /proc/cpuinfo; `onednn` tells whether its kernels are switched on.
    """

    device_kind: Literal["cpu", "gpu"]
    device: str
    cpus: int
    cpu_quota: float | None = None
    cpu_flags: frozenset[str] = frozenset()
    gpu_name: str | None = None
    gpu_compute_capability: tuple[int, int] | None = None
    onednn: bool = False
