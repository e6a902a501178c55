"""How far a match between two sides is, on stderr: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console

from resnet_bench import units
from resnet_bench.cli.progress import status_line
from resnet_bench.contest import SideName
from resnet_bench.duet import Observer
from resnet_bench.report.comparison import interval, ratio
from resnet_bench.report.sentences import sentence
from resnet_bench.results import Estimate, Notice

PLAIN_INTERVAL_S = 10.0
LIVE_INTERVAL_S = 1.0
TURN_PHASE = "timed"


@contextmanager
def match_progress() -> Iterator[Observer]:
    """The observer that fits stderr."""
    console = Console(stderr=True)
    if console.is_terminal:
        with _Live(console) as live:
            yield live
    else:
        yield _Plain()


def _standing(estimate: Estimate, pairs: int) -> str:
    between = f" ({interval(estimate)})" if estimate.low is not None else ""
    return f"ratio {ratio(estimate.value)}{between} after {pairs} pair{'' if pairs == 1 else 's'}"


def _left(done: int, of: int, left_s: float) -> str:
    return "" if done == of else f", {units.duration(left_s)} left"


class _Live:
    """One line that changes, redrawn by events alone and once a second at most while turns are timed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pair = ""
        self._so_far = ""
        self._drawn = 0.0
        self._bar = status_line(console)
        self._task = self._bar.add_task("starting", total=None, status="")

    def __enter__(self) -> _Live:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def _show(self, words: str) -> None:
        self._drawn = time.monotonic()
        self._bar.update(self._task, description=f"{self._pair}{words}", status=self._so_far)
        self._bar.refresh()

    def pair(self, number: int, of: int) -> None:
        """Say which pair runs."""
        self._pair = f"pair {number + 1}/{of}: "

    def phase(self, side: SideName, name: str) -> None:
        """Say what a side prepares; its turns are counted by `turn`."""
        if name != TURN_PHASE:
            self._show(f"{side.upper()} {name}")

    def note(self, notice: Notice) -> None:
        """Print it above the line."""
        self._console.print(f"[yellow]![/] {sentence(notice)}")

    def turn(self, done: int, of: int, left_s: float) -> None:
        """Count turns."""
        if done == of or time.monotonic() - self._drawn >= LIVE_INTERVAL_S:
            self._show(f"turn {done}/{of}{_left(done, of, left_s)}")

    def standing(self, estimate: Estimate, pairs: int) -> None:
        """Keep what the pairs say beside the rest."""
        self._so_far = f"[cyan]{_standing(estimate, pairs)}[/]"


class _Plain:
    """A line per phase and pair, and one every few seconds while turns are timed."""

    def __init__(self) -> None:
        self._pair = ""
        self._last = 0.0

    def pair(self, number: int, of: int) -> None:
        """Say which pair runs."""
        self._pair = f"pair {number + 1}/{of}: "

    def phase(self, side: SideName, name: str) -> None:
        """Say what a side prepares."""
        if name != TURN_PHASE:
            self._last = time.monotonic()
            click.echo(f"{self._pair}{side.upper()} {name}", err=True)

    def note(self, notice: Notice) -> None:
        """Print it."""
        click.echo(f"! {sentence(notice)}", err=True)

    def turn(self, done: int, of: int, left_s: float) -> None:
        """Print the state now and then."""
        now = time.monotonic()
        if done == of or now - self._last >= PLAIN_INTERVAL_S:
            self._last = now
            click.echo(f"{self._pair}turn {done}/{of}{_left(done, of, left_s)}", err=True)

    def standing(self, estimate: Estimate, pairs: int) -> None:
        """Print what the pairs say."""
        click.echo(_standing(estimate, pairs), err=True)
