"""The host's processors: how many this process may use, what they can do, how many threads that makes.

Owns `HostFacts`, `Threads` and the choice of oneDNN. Neighbours: `cgroup.py` below; `environ.py` acts on
the choice, `state.py` hands the threads to TensorFlow. No TensorFlow here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from resnet_bench.config import Config
from resnet_bench.records.base import Notice
from resnet_bench.runtime import cgroup
from resnet_bench.runtime.cgroup import ROOT, read_text, under
from resnet_bench.runtime.resolve import usable_cpus

ONEDNN_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"


@dataclass(frozen=True)
class Threads:
    """Threads inside one operation, operations at once, and threads of the input pipeline."""

    intra_op: int
    inter_op: int
    data: int


@dataclass(frozen=True)
class HostFacts:
    """What the operating system says without TensorFlow; an empty `cpu_flags` means unknown.

    `cpus` counts the processors this process may be scheduled on; `cpu_quota` is the time the control
    groups allow, in processors; `memory_limit_bytes` is theirs too.
    """

    cpus: int
    cpu_quota: float | None = None
    cpu_flags: frozenset[str] = frozenset()
    cpu_model: str | None = None
    memory_bytes: int | None = None
    memory_limit_bytes: int | None = None


class Processors(Protocol):
    """What the thread bound needs: `HostFacts` and `records.machine.Machine` both have it."""

    @property
    def cpus(self) -> int: ...
    @property
    def cpu_quota(self) -> float | None: ...


def inspect_host(root: Path = ROOT, cpus: int | None = None) -> HostFacts:
    """Facts of this host; `root` and `cpus` (the affinity count) stand in for the real ones in tests."""
    model, flags = _cpuinfo(root)
    return HostFacts(
        cpus=len(affinity()) if cpus is None else cpus,
        cpu_quota=cgroup.quota_cpus(root),
        cpu_flags=flags,
        cpu_model=model,
        memory_bytes=_memory_bytes(root),
        memory_limit_bytes=cgroup.memory_limit_bytes(root),
    )


def affinity() -> frozenset[int]:
    """The processors this process may be scheduled on: all of them where the system cannot say."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _cpuinfo(root: Path) -> tuple[str | None, frozenset[str]]:
    """Model name and instruction flags of the first processor (x86 "flags", Arm "Features")."""
    found: dict[str, str] = {}
    for line in (read_text(under(root, "/proc/cpuinfo")) or "").splitlines():
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    flags = found.get("flags") or found.get("Features") or ""
    return found.get("model name"), frozenset(flags.split())


def _memory_bytes(root: Path) -> int | None:
    for line in (read_text(under(root, "/proc/meminfo")) or "").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def threads(config: Config, processors: Processors) -> Threads:
    """Threads for TensorFlow and tf.data.

    auto is `resolve.usable_cpus`. A quota of 1.5 gives 1: a second thread would be throttled for half of
    every scheduling period, and a round that was throttled cannot be trusted. Operations at once follow
    TensorFlow's own rule (as many as threads inside one), applied to the processors we really have: the
    backward pass has two branches per convolution.
    """
    bound = usable_cpus(processors.cpus, processors.cpu_quota)
    asked, inter = config.runtime.threads, config.runtime.inter_op_threads
    intra_op = bound if asked == "auto" else asked
    return Threads(intra_op=intra_op, inter_op=intra_op if inter == "auto" else inter, data=bound)


def choose_onednn(config: Config, host: HostFacts, environ: Mapping[str, str]) -> tuple[str | None, tuple[Notice, ...]]:
    """The value TF_ENABLE_ONEDNN_OPTS shall have (None: leave it alone), and what to tell.

    --onednn on or off wins over the environment. auto keeps a value that the user exported, and says so;
    otherwise it is on for AVX2 or better, and elsewhere TensorFlow decides as it always does.
    """
    asked, given = config.runtime.onednn, environ.get(ONEDNN_VARIABLE)
    if asked != "auto":
        return ("1" if asked == "on" else "0"), ()
    if given is not None:
        return None, (Notice.make("onednn_from_environment", variable=ONEDNN_VARIABLE, value=given),)
    return ("1" if "avx2" in host.cpu_flags else None), ()
