"""How far a run is, on stderr: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from resnet_bench import units
from resnet_bench.config import Config
from resnet_bench.report.sentences import sentence
from resnet_bench.results import Notice
from resnet_bench.session import Observer

PLAIN_INTERVAL_S = 10.0


@contextmanager
def progress() -> Iterator[Observer]:
    """The observer that fits stderr."""
    console = Console(stderr=True)
    if console.is_terminal:
        with _Live(console) as live:
            yield live
    else:
        yield _Plain()


class _Live:
    """One line that changes. Refreshed by events alone: no thread redraws while a block is timed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._which = ""
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            auto_refresh=False,
        )
        self._task = self._bar.add_task("starting", total=None, status="")

    def __enter__(self) -> _Live:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def process(self, number: int, of: int) -> None:
        """Say which process runs."""
        self._which = f"process {number + 1}/{of} " if of > 1 else ""

    def phase(self, name: str) -> None:
        """Say which phase runs."""
        self._bar.reset(self._task, total=None, description=f"{self._which}{name}", status="")
        self._bar.refresh()

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """Print what to expect above the line."""
        del config
        for notice in notices:
            self._console.print(f"[yellow]![/] {sentence(notice)}")

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """Move the bar."""
        status = f"{units.rate(images_per_s)}, {units.duration(left_s)} left"
        self._bar.update(self._task, completed=done, total=of, status=status)
        self._bar.refresh()


class _Plain:
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
            click.echo(f"! {sentence(notice)}", err=True)

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """Print the state now and then."""
        now = time.monotonic()
        if done == of or now - self._last >= PLAIN_INTERVAL_S:
            self._last = now
            text = f"round {done}/{of}, {units.rate(images_per_s)}, {units.duration(left_s)} left"
            click.echo(f"{self._which}{text}", err=True)
