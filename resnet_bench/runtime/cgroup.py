"""What the Linux control groups of this process allow: CPU time, memory, and how long they throttled it.

Reads versions 1 and 2, from the process's own group up to the mount point, because a limit on any
ancestor binds. Neighbours: `cpu.py` (threads) and `telemetry.py` (throttling). Everything is None where
there are no control groups. No TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
UNLIMITED_BYTES = 2**60  # version 1 says "no limit" with a number near 2**63


@dataclass(frozen=True)
class Groups:
    """The groups of one controller: own group first, then its ancestors. `version` is 1 or 2."""

    version: int
    folders: tuple[Path, ...]


def read_text(path: Path) -> str | None:
    """The stripped text of a small system file, or None where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    """The whole number that a system file holds, or None."""
    try:
        return int(read_text(path) or "")
    except ValueError:
        return None


def under(root: Path, absolute: str) -> Path:
    """`absolute` inside a stand-in file system: the real path when `root` is /."""
    return root / absolute.lstrip("/")


def groups(controller: str, root: Path = ROOT) -> Groups | None:
    """Where `controller` ("cpu", "memory") accounts for this process; None without control groups."""
    paths = _own_paths(root)
    mounts = _mounts(root)
    for version, key in ((1, controller), (2, "")):
        if key in paths and (version, key) in mounts:
            mount_root, mount_point = mounts[version, key]
            folders = _walk_up(under(root, mount_point), _relative(paths[key], mount_root))
            if folders:
                return Groups(version, folders)
    return None


def _own_paths(root: Path) -> dict[str, str]:
    """Controller -> path of /proc/self/cgroup; version 2 stands under the empty name."""
    paths: dict[str, str] = {}
    for line in (read_text(under(root, "/proc/self/cgroup")) or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for name in controllers.split(","):
            paths[name] = path
    return paths


def _mounts(root: Path) -> dict[tuple[int, str], tuple[str, str]]:
    """(version, controller) -> (root of the mount, mount point), from /proc/self/mountinfo (proc(5))."""
    mounts: dict[tuple[int, str], tuple[str, str]] = {}
    for line in (read_text(under(root, "/proc/self/mountinfo")) or "").splitlines():
        before, dash, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if not dash or len(fields) < 5 or len(kind) < 3:
            continue
        place = (fields[3], fields[4])
        if kind[0] == "cgroup2":
            mounts.setdefault((2, ""), place)
        elif kind[0] == "cgroup":
            for option in kind[2].split(","):
                mounts.setdefault((1, option), place)
    return mounts


def _relative(path: str, mount_root: str) -> str:
    """The own group's path below the mount; empty where the mount already starts there (containers)."""
    if ".." in path.split("/"):
        return ""
    base = mount_root.rstrip("/")
    if path == base or path.startswith(base + "/"):
        return path[len(base) :].strip("/")
    return ""


def _walk_up(mount: Path, relative: str) -> tuple[Path, ...]:
    """The own group's folder and its ancestors up to the mount, those that exist."""
    folder = mount / relative if relative else mount
    chain = [folder, *folder.parents]
    return tuple(step for step in chain[: chain.index(mount) + 1] if step.is_dir())


def quota_cpus(root: Path = ROOT) -> float | None:
    """CPUs' worth of time that the tightest group allows, e.g. 1.5; None where nothing limits it."""
    found = groups("cpu", root)
    if found is None:
        return None
    read = _quota_v2 if found.version == 2 else _quota_v1
    limits = [limit for limit in map(read, found.folders) if limit is not None]
    return min(limits, default=None)


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = (read_text(folder / "cpu.max") or "max").partition(" ")
    return None if quota == "max" else int(quota) / int(period or 100_000)


def _quota_v1(folder: Path) -> float | None:
    quota = read_int(folder / "cpu.cfs_quota_us")
    period = read_int(folder / "cpu.cfs_period_us")
    return None if quota is None or quota <= 0 or not period else quota / period


def memory_limit_bytes(root: Path = ROOT) -> int | None:
    """Bytes of memory that the tightest group allows; None where nothing limits it."""
    found = groups("memory", root)
    if found is None:
        return None
    name = "memory.max" if found.version == 2 else "memory.limit_in_bytes"
    limits = [read_int(folder / name) for folder in found.folders]
    return min((limit for limit in limits if limit is not None and limit < UNLIMITED_BYTES), default=None)


def memory_left_bytes(root: Path = ROOT) -> int | None:
    """Bytes that the tightest group still grants, its reclaimable file cache included; None without a limit."""
    found = groups("memory", root)
    if found is None:
        return None
    limit_name, usage_name, cache_name = (
        ("memory.max", "memory.current", "inactive_file")
        if found.version == 2
        else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    )
    left = []
    for folder in found.folders:
        limit, usage = read_int(folder / limit_name), read_int(folder / usage_name)
        if limit is not None and limit < UNLIMITED_BYTES and usage is not None:
            cache = _stat(folder / "memory.stat", cache_name) or 0
            left.append(max(0, limit - usage + min(cache, usage)))
    return min(left, default=None)


def oom_kills(root: Path = ROOT) -> int:
    """Processes that the kernel has killed for memory so far, in this process's own group; of the whole machine where
    the group does not count them."""
    found = groups("memory", root)
    counted = None
    if found is not None:
        name = "memory.events" if found.version == 2 else "memory.oom_control"
        counted = _stat(found.folders[0] / name, "oom_kill")
    if counted is None:
        counted = _stat(under(root, "/proc/vmstat"), "oom_kill")
    return counted or 0


def throttled_s(root: Path = ROOT) -> tuple[float, ...] | None:
    """Seconds of CPU time withheld so far, own group first, then ancestors; None where not accounted.

    The kernel sums over CPUs. Each group counts only what its own quota withheld, so all are read.
    """
    found = groups("cpu", root)
    if found is None:
        return None
    key, unit_s = ("throttled_usec", 1e-6) if found.version == 2 else ("throttled_time", 1e-9)
    counts = [_stat(folder / "cpu.stat", key) for folder in found.folders]
    known = tuple(count * unit_s for count in counts if count is not None)
    return known or None


def _stat(path: Path, key: str) -> int | None:
    for line in (read_text(path) or "").splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return None
