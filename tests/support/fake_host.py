"""Stand-ins for a host's /proc and /sys, shared by the tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CPUINFO = """processor\t: 0
model name\t: Test CPU @ 2.0GHz
flags\t\t: fpu sse2 {flags}

processor\t: 1
model name\t: Test CPU @ 2.0GHz
flags\t\t: fpu sse2 {flags}
"""


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Write `files` (absolute names) under `root`, and return it."""
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def cgroup_v2(own: str, mount_root: str = "/") -> dict[str, str]:
    """The process's view of a version 2 hierarchy whose own group is `own`."""
    return {
        "/proc/self/cgroup": f"0::{own}\n",
        "/proc/self/mountinfo": f"25 1 0:22 {mount_root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n",
    }


def cgroup_v1(own: str, mount_root: str = "/") -> dict[str, str]:
    """The process's view of version 1 controllers cpu and memory, with a version 2 tree beside them."""
    return {
        "/proc/self/cgroup": f"5:memory:{own}\n3:cpu,cpuacct:{own}\n1:name=systemd:/init\n0::/\n",
        "/proc/self/mountinfo": (
            f"31 1 0:27 {mount_root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
            f"32 1 0:28 {mount_root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
            "33 1 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        ),
    }
