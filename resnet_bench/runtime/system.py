"""How the operating system runs the processors: governor, turbo, caches, huge pages, container, profiling.

Small readings of /proc and /sys, each None where it cannot be known. Neighbours: `environment.py` keeps
them, `doctor.py` assesses them. No TensorFlow.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from resnet_bench.runtime.cgroup import ROOT, memory_left_bytes, read_int, read_text, under

_CAP_SYS_ADMIN = 21
_SIZES = {"K": 1024, "M": 1024**2, "G": 1024**3}


@dataclass(frozen=True)
class SystemFacts:
    """`governor` joins the names by commas where processors differ; the cache is the largest of its level."""

    cpus_online: int | None = None
    governor: str | None = None
    turbo: bool | None = None
    last_level_cache_bytes: int | None = None
    numa_nodes: int | None = None
    transparent_hugepages: str | None = None


def available_bytes() -> int:
    """Host memory that may still be taken, the control group's bound included."""
    import psutil

    free: int = psutil.virtual_memory().available
    left = memory_left_bytes()
    return free if left is None else min(free, left)


def read_system(root: Path = ROOT, cpus: Iterable[int] = (0,)) -> SystemFacts:
    """Facts of the processors `cpus`, from the file system under `root`."""
    pages = read_text(under(root, "/sys/kernel/mm/transparent_hugepage/enabled"))
    nodes = len(list(under(root, "/sys/devices/system/node").glob("node[0-9]*")))
    return SystemFacts(
        cpus_online=_cpus_online(root),
        governor=_governor(root, cpus),
        turbo=_turbo(root),
        last_level_cache_bytes=_last_level_cache_bytes(root, cpus),
        numa_nodes=nodes or None,
        transparent_hugepages=pages.partition("[")[2].partition("]")[0] or None if pages else None,
    )


def _cpus_online(root: Path) -> int | None:
    """Count of a list such as 0-3,8-11."""
    text = read_text(under(root, "/sys/devices/system/cpu/online"))
    if not text:
        return None
    count = 0
    for part in text.split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count


def _governor(root: Path, cpus: Iterable[int]) -> str | None:
    base = under(root, "/sys/devices/system/cpu")
    names = {read_text(base / f"cpu{cpu}" / "cpufreq" / "scaling_governor") for cpu in cpus}
    return ",".join(sorted(name for name in names if name)) or None


def _turbo(root: Path) -> bool | None:
    off = read_int(under(root, "/sys/devices/system/cpu/intel_pstate/no_turbo"))
    if off is not None:
        return not off
    boost = read_int(under(root, "/sys/devices/system/cpu/cpufreq/boost"))
    return None if boost is None else bool(boost)


def _last_level_cache_bytes(root: Path, cpus: Iterable[int]) -> int | None:
    """Size of the highest level of cache that the first of `cpus` reaches."""
    first = min(cpus, default=0)
    best: tuple[int, int] | None = None
    for cache in under(root, f"/sys/devices/system/cpu/cpu{first}/cache").glob("index*"):
        level, size = read_int(cache / "level"), read_text(cache / "size")
        if level is not None and size and size[:-1].isdigit() and size[-1] in _SIZES:
            best = max(best or (0, 0), (level, int(size[:-1]) * _SIZES[size[-1]]))
    return None if best is None else best[1]


def container(root: Path, environ: Mapping[str, str]) -> str | None:
    """Which kind of container this looks like; None: no sign of one."""
    if "KUBERNETES_SERVICE_HOST" in environ:
        return "kubernetes"
    if under(root, "/.dockerenv").exists():
        return "docker"
    if under(root, "/run/.containerenv").exists():
        return "podman"
    paths = read_text(under(root, "/proc/self/cgroup")) or ""
    signs = {"kubepods": "kubernetes", "docker": "docker", "libpod": "podman", "lxc": "lxc"}
    return next((name for sign, name in signs.items() if sign in paths), None)


def gpu_profiling_restricted(root: Path = ROOT) -> bool | None:
    """Whether the NVIDIA driver lets only administrators read GPU counters; None without its driver."""
    for line in (read_text(under(root, "/proc/driver/nvidia/params")) or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "RmProfilingAdminOnly":
            return value.strip() != "0"
    return None


def has_sys_admin(root: Path = ROOT) -> bool | None:
    """Whether this process has CAP_SYS_ADMIN (capabilities(7)); None where the system has no capabilities."""
    for line in (read_text(under(root, "/proc/self/status")) or "").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
    return None


def perf_event_paranoid(root: Path = ROOT) -> int | None:
    """The kernel's setting of who may count CPU events; up to 2 a process may count its own."""
    return read_int(under(root, "/proc/sys/kernel/perf_event_paranoid"))


def has_network() -> bool:
    """Whether this process has a network interface besides loopback, so that other machines may reach it."""
    try:
        return any(name != "lo" for _, name in socket.if_nameindex())
    except OSError:
        return True
