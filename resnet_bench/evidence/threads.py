"""CPU time per thread, traces and XLA compilations of a process between two moments.

Reads /proc and the worker's own log, outside every timed block. Imports no TensorFlow.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resnet_bench.records.evidence import Window
from resnet_bench.runtime.cgroup import ROOT, read_text, under
from resnet_bench.runtime.xla_log import parse_compilations

MOST_THREADS = 32
"""At most this many threads are listed one by one."""

LEAST_S = 0.001
"""CPU time below which a thread counts as idle."""


@dataclass(frozen=True)
class _Moment:
    at_s: float
    traces: int
    compilations: int | None
    threads: dict[str, tuple[str, float]]


class ThreadWatch:
    """Observes a step between `begin` and `end`. `log` is the worker's log if XLA writes to it, else None."""

    def __init__(self, traces: Callable[[], int], log: Path | None, root: Path = ROOT) -> None:
        self._traces, self._log, self._root = traces, log, root
        self._start: _Moment | None = None

    def begin(self) -> None:
        """Record the state before the first round."""
        self._start = self._now()

    def end(self) -> Window:
        """What happened since `begin`."""
        start, now = self._start, self._now()
        assert start is not None, "end comes after begin"
        self._start = None
        spent = {
            thread: (name, seconds - start.threads.get(thread, (name, 0.0))[1])
            for thread, (name, seconds) in now.threads.items()
        }
        busy = sorted(((s, name) for name, s in spent.values() if s >= LEAST_S), reverse=True)
        by_name: dict[str, float] = {}
        for seconds, name in busy:
            by_name[name] = by_name.get(name, 0.0) + seconds
        inside = None
        if start.compilations is not None and now.compilations is not None:
            inside = now.compilations - start.compilations
        return Window(
            wall_s=now.at_s - start.at_s,
            traces=start.traces,
            traces_inside=now.traces - start.traces,
            compilations=start.compilations,
            compilations_inside=inside,
            threads=by_name,
            busiest=tuple(seconds for seconds, _ in busy[:MOST_THREADS]),
        )

    def _now(self) -> _Moment:
        return _Moment(time.perf_counter(), self._traces(), self._compilations(), thread_seconds(self._root))

    def _compilations(self) -> int | None:
        if self._log is None:
            return None
        os.fsync(2)
        return len(parse_compilations(self._log.read_text(errors="replace")))


def thread_seconds(root: Path = ROOT) -> dict[str, tuple[str, float]]:
    """Name and CPU time in seconds of every thread of this process, by thread id; empty except on Linux. Numbers of
    threads in a pool are left out of the names.

    Nanoseconds of /proc/self/task/*/schedstat (the scheduler's own count; proc(5)), else ticks of stat.
    """
    found: dict[str, tuple[str, float]] = {}
    try:
        tasks = sorted(under(root, "/proc/self/task").iterdir())
    except OSError:
        return {}
    for task in tasks:
        name, seconds = read_text(task / "comm"), _seconds(task)
        if name is not None and seconds is not None:
            found[task.name] = (pool_name(name.strip()), seconds)
    return found


def thread_count() -> int:
    """Threads of this process right now, Python's and TensorFlow's."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return threading.active_count()


def _seconds(task: Path) -> float | None:
    schedstat = read_text(task / "schedstat")
    if schedstat and schedstat.split()[0].isdigit():
        return int(schedstat.split()[0]) * 1e-9
    stat = read_text(task / "stat")
    if stat is None:
        return None
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pool_name(name: str) -> str:
    """A thread's name without its number in the pool."""
    return re.sub(r"[-_/.:]?\d+$", "", name) or name
