"""How far a run is, on stderr: a live line on a terminal, plain lines elsewhere.

Neighbours: `experiments/progress.py` has the protocol, `display.py` the line.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from typing import Self

from rich.console import Console

from resnet_bench import units
from resnet_bench.cli.progress.display import (
    LIVE_INTERVAL_S,
    PLAIN_INTERVAL_S,
    Lines,
    LiveLine,
    bar,
    display,
    time_left,
)
from resnet_bench.experiments.progress import RunObserver

TICK_S = 0.1
TIMED_PHASES = frozenset({"warmup", "timed", "latency", "split", "epochs", "interleaved"})
"""While these last, this process sleeps."""


def run_progress() -> AbstractContextManager[RunObserver]:
    """The observer that fits stderr."""
    return display(LiveRun, PlainRun)


class LiveRun(LiveLine, RunObserver):
    """One line that changes. A thread keeps it alive, but never while blocks are timed: then it is redrawn
    once a second at most, because a redraw takes a core for some milliseconds."""

    def __init__(self, screen: Console) -> None:
        super().__init__(screen)
        self._which = ""
        self._timing = False
        self._drawn = 0.0
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> Self:
        super().__enter__()
        self._ticker.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._ticker.join()
        super().__exit__(*exception)

    def _tick(self) -> None:
        while not self._over.wait(TICK_S):
            if not self._timing:
                self._bar.refresh()

    def process(self, number: int, of: int) -> None:
        """Say which process runs."""
        self._which = f"process {number + 1}/{of} " if of > 1 else ""

    def phase(self, name: str) -> None:
        """Say which phase runs."""
        self._timing = name in TIMED_PHASES
        self._bar.reset(self._task, total=None, description=f"{self._which}{name}", status="")
        self._bar.refresh()

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """Move the bar."""
        now = time.monotonic()
        if done < of and now - self._drawn < LIVE_INTERVAL_S:
            return
        self._drawn = now
        status = bar(done, of, f"round {done}/{of}, {units.rate(images_per_s)}{time_left(left_s, done == of)}")
        self._bar.update(self._task, completed=done, total=of, status=status)
        self._bar.refresh()


class PlainRun(Lines, RunObserver):
    """A line per phase, and one every few seconds while rounds are timed."""

    def __init__(self) -> None:
        self._which = ""
        self._last = 0.0

    def process(self, number: int, of: int) -> None:
        """Say which process runs."""
        self._which = f"process {number + 1}/{of}: "

    def phase(self, name: str) -> None:
        """Say which phase runs."""
        self._last = time.monotonic()
        self.say(f"{self._which}{name}")

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """Print the state now and then."""
        now = time.monotonic()
        if done == of or now - self._last >= PLAIN_INTERVAL_S:
            self._last = now
            state = f"{units.rate(images_per_s)}{time_left(left_s, done == of)}"
            self.say(f"{self._which}round {done}/{of}, {state}")
