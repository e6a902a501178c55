"""The phases of a worker: each is announced to the parent, and its seconds and peak host memory are kept.

Imports no framework. Neighbours: `preparation.py`, `commands.py` and the handlers enter phases, `backends/` hold the
one `Phases` of their process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from resnet_bench.data.class_folders import listing_progress
from resnet_bench.evidence.threads import thread_count
from resnet_bench.runtime import telemetry
from resnet_bench.worker import protocol as p
from resnet_bench.worker.timing import Clock

DIAGNOSIS = "diagnosis"
"""The phase in which the data is read again for the record that stopped the pipeline: up to a pass over all of it."""

ALIVE_S = 5.0
"""Seconds between two messages of long work, shorter than any --timeout that makes sense."""


@dataclass(frozen=True)
class Instruments:
    """What a worker reads of its own process. Tests replace them, so that no time need pass."""

    clock: Clock = time.perf_counter
    process_age_s: Callable[[], float | None] = telemetry.process_age_s
    reset_host_peak: Callable[[], object] = telemetry.reset_host_peak
    host_peak_bytes: Callable[[], int | None] = telemetry.host_peak_bytes
    thread_count: Callable[[], int] = thread_count


class Phases:
    """The present phase (`name`), and the seconds and peak bytes of host memory of each phase so far."""

    def __init__(self, send: Callable[[p.Message], None]) -> None:
        self.name = "start"
        self.send = send
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, int] = {}
        self.instruments = Instruments()

    @contextmanager
    def listing(self) -> Iterator[None]:
        """While inside, tell the parent now and then how many files have been listed, so that it does not give up."""
        with listing_progress(lambda files: self.send(p.PhaseStarted(phase=f"{self.name} ({files:,} files listed)"))):
            yield

    @contextmanager
    def enter(self, name: str) -> Iterator[None]:
        """Announce a phase; add its seconds, and keep its peak host memory."""
        instruments = self.instruments
        self.name = name
        self.send(p.PhaseStarted(phase=name))
        instruments.reset_host_peak()
        start = instruments.clock()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + instruments.clock() - start
        peak = instruments.host_peak_bytes()
        if peak is not None:
            self.peaks[name] = max(peak, self.peaks.get(name, 0))

    @contextmanager
    def kept_alive(self, name: str, every_s: float = ALIVE_S) -> Iterator[None]:
        """Announce a phase again and again from a thread while long work sends nothing of its own, so that it is not
        taken for a worker that hangs. Work that is over within `every_s` announces nothing."""
        over = threading.Event()

        def announce() -> None:
            while not over.wait(every_s):
                self.send(p.PhaseStarted(phase=name))

        thread = threading.Thread(target=announce, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
