"""How far sides that take turns are, on stderr: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
from rich.console import Console

from resnet_bench import units
from resnet_bench.cli.progress.run import status_line
from resnet_bench.experiments.paired.interleave import PairedObserver
from resnet_bench.experiments.paired.side import display_name
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.report.terminal.comparison import interval, ratio
from resnet_bench.report.terminal.notices import notice_line, plain_notice

PLAIN_INTERVAL_S = 10.0
LIVE_INTERVAL_S = 1.0
TURN_PHASE = "timed"


def _ratio(estimate: Estimate) -> str:
    between = f" ({interval(estimate)})" if estimate.low is not None else ""
    return f"ratio {ratio(estimate.value)}{between}"


@dataclass(frozen=True)
class PairedLabels:
    """What a repetition, a side and the estimate so far are called."""

    repetition: str = "pair"
    side: Callable[[str], str] = display_name
    standing: Callable[[Estimate], str] = _ratio

    def so_far(self, estimate: Estimate, repetitions: int) -> str:
        """ "ratio 1.02 (1.01 to 1.03) after 3 pairs"."""
        return f"{self.standing(estimate)} after {repetitions} {self.repetition}{'' if repetitions == 1 else 's'}"


PAIRS = PairedLabels()


@contextmanager
def paired_progress(words: PairedLabels = PAIRS) -> Iterator[PairedObserver]:
    """The observer that fits stderr."""
    console = Console(stderr=True)
    if console.is_terminal:
        with LivePaired(console, words) as live:
            yield live
    else:
        yield PlainPaired(words)


def _left(done: int, of: int, left_s: float) -> str:
    return "" if done == of else f", {units.duration(left_s)} left"


class LivePaired:
    """One line that changes, redrawn by events alone and once a second at most while turns are timed."""

    def __init__(self, console: Console, words: PairedLabels = PAIRS) -> None:
        self._console, self._words = console, words
        self._which = ""
        self._so_far = ""
        self._drawn = 0.0
        self._bar = status_line(console)
        self._task = self._bar.add_task("starting", total=None, status="")

    def __enter__(self) -> LivePaired:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def _show(self, words: str) -> None:
        self._drawn = time.monotonic()
        self._bar.update(self._task, description=f"{self._which}{words}", status=self._so_far)
        self._bar.refresh()

    def repetition(self, number: int, of: int) -> None:
        """Say which one runs."""
        self._which = f"{self._words.repetition} {number + 1}/{of}: "

    def phase(self, side: str, name: str) -> None:
        """Say what a side prepares; its turns are counted by `turn`."""
        if name != TURN_PHASE:
            self._show(f"{self._words.side(side)} {name}")

    def note(self, notice: Notice) -> None:
        """Print it above the line."""
        self._console.print(notice_line(notice))

    def turn(self, done: int, of: int, left_s: float) -> None:
        """Count turns."""
        if done == of or time.monotonic() - self._drawn >= LIVE_INTERVAL_S:
            self._show(f"turn {done}/{of}{_left(done, of, left_s)}")

    def standing(self, estimate: Estimate, repetitions: int) -> None:
        """Keep what they say beside the rest."""
        self._so_far = f"[cyan]{self._words.so_far(estimate, repetitions)}[/]"


class PlainPaired:
    """A line per phase and pair, and one every few seconds while turns are timed."""

    def __init__(self, words: PairedLabels = PAIRS) -> None:
        self._words = words
        self._which = ""
        self._last = 0.0

    def repetition(self, number: int, of: int) -> None:
        """Say which one runs."""
        self._which = f"{self._words.repetition} {number + 1}/{of}: "

    def phase(self, side: str, name: str) -> None:
        """Say what a side prepares."""
        if name != TURN_PHASE:
            self._last = time.monotonic()
            click.echo(f"{self._which}{self._words.side(side)} {name}", err=True)

    def note(self, notice: Notice) -> None:
        """Print it."""
        click.echo(plain_notice(notice), err=True)

    def turn(self, done: int, of: int, left_s: float) -> None:
        """Print the state now and then."""
        now = time.monotonic()
        if done == of or now - self._last >= PLAIN_INTERVAL_S:
            self._last = now
            click.echo(f"{self._which}turn {done}/{of}{_left(done, of, left_s)}", err=True)

    def standing(self, estimate: Estimate, repetitions: int) -> None:
        """Print what they say."""
        click.echo(self._words.so_far(estimate, repetitions), err=True)
