"""How far a run is, on stderr: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from resnet_bench import units
from resnet_bench.config import Config
from resnet_bench.experiments.run import RunObserver
from resnet_bench.records.base import Notice
from resnet_bench.report.terminal.notices import notice_line, plain_notice

PLAIN_INTERVAL_S = 10.0
TICK_S = 0.25
TIMED_INTERVAL_S = 1.0
BAR_WIDTH = 20
TIMED_PHASES = frozenset({"warmup", "timed", "latency", "split", "epochs", "turns"})
"""While these last, this process sleeps."""


@contextmanager
def run_progress() -> Iterator[RunObserver]:
    """The observer that fits stderr."""
    console = Console(stderr=True)
    if console.is_terminal:
        with LiveRun(console) as live:
            yield live
    else:
        yield PlainRun()


def status_line(console: Console) -> Progress:
    """A line of spinner, description, `status` field and elapsed time, redrawn only when it is told to be."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[status]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        auto_refresh=False,
    )


class LiveRun:
    """One line that changes. A thread keeps it alive, but never while blocks are timed: then it is redrawn
    once a second at most, because a redraw takes a core for some milliseconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._which = ""
        self._timing = False
        self._drawn = 0.0
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._bar = status_line(console)
        self._task = self._bar.add_task("starting", total=None, status="")

    def __enter__(self) -> Self:
        self._bar.start()
        self._ticker.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._ticker.join()
        self._bar.stop()

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

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """Print what to expect above the line."""
        del config
        for notice in notices:
            self._console.print(notice_line(notice))

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """Move the bar."""
        now = time.monotonic()
        if done < of and now - self._drawn < TIMED_INTERVAL_S:
            return
        self._drawn = now
        bar = "━" * round(BAR_WIDTH * done / of)
        status = f"[cyan]{bar:<{BAR_WIDTH}}[/] round {done}/{of}, {_state(images_per_s, done, of, left_s)}"
        self._bar.update(self._task, completed=done, total=of, status=status)
        self._bar.refresh()


class PlainRun:
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
        click.echo(f"{self._which}{name}", err=True)

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """Print what to expect."""
        del config
        for notice in notices:
            click.echo(plain_notice(notice), err=True)

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """Print the state now and then."""
        now = time.monotonic()
        if done == of or now - self._last >= PLAIN_INTERVAL_S:
            self._last = now
            click.echo(f"{self._which}round {done}/{of}, {_state(images_per_s, done, of, left_s)}", err=True)


def _state(images_per_s: float, done: int, of: int, left_s: float) -> str:
    left = "" if done == of else f", {units.duration(left_s)} left"
    return f"{units.rate(images_per_s)}{left}"
