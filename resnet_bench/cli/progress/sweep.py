"""How far a sweep is, on stderr: a second live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.markup import escape

from resnet_bench import units
from resnet_bench.cli.progress.run import BAR_WIDTH, LiveRun, PlainRun
from resnet_bench.errors import RecordError
from resnet_bench.experiments.sweep import CombinationResult, SweepObserver

_MARKS = {"measured": ("+", "green"), "failed": ("x", "red"), "skipped": ("-", "yellow"), "claimed": ("-", "yellow")}


@contextmanager
def sweep_progress() -> Iterator[SweepObserver]:
    """The watcher that fits stderr."""
    console = Console(stderr=True)
    if console.is_terminal:
        live = _LiveSweep(console)
        with live:
            yield live
    else:
        yield _PlainSweep()


def ended(result: CombinationResult) -> str:
    """What became of a configuration, in a line."""
    record = result.record
    if record is None:
        return f"{result.cell.words}: another sweep is measuring it"
    if record.summary is None or result.status != "measured":
        return f"{result.cell.words}: {result.status}. {record.outcome.message}"
    rate = units.rate(record.summary.images_per_s.value)
    return f"{result.cell.words}: {rate}, {record.verdict.kind}{'' if result.fresh else ', already there'}"


def _left(left_s: float | None) -> str:
    return "" if left_s is None else f", about {units.duration(left_s)} left"


class _LiveSweep(LiveRun):
    """The line of a run, and one for the sweep below it."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._overall = self._bar.add_task("sweep", total=None, status="")

    def configuration(self, number: int, of: int, words: str, left_s: float | None) -> None:
        """Move the sweep's bar; the configuration is announced above."""
        bar = "━" * round(BAR_WIDTH * number / of)
        status = f"[cyan]{bar:<{BAR_WIDTH}}[/] {number}/{of}{_left(left_s)}"
        self._bar.update(self._overall, completed=number, total=of, status=status)
        self._console.print(f"[dim]{number + 1}/{of}[/] {escape(words)}", highlight=False)

    def finished(self, result: CombinationResult) -> None:
        """Print the result above."""
        mark, style = _MARKS[result.status]
        self._console.print(f"[{style}]{mark}[/] {escape(ended(result))}", highlight=False)

    def unreadable(self, error: RecordError) -> None:
        """Name the file."""
        self._console.print(f"[yellow]![/] {escape(str(error))}", highlight=False)


class _PlainSweep(PlainRun):
    """A line per configuration before those of its phases."""

    def configuration(self, number: int, of: int, words: str, left_s: float | None) -> None:
        """Say which configuration runs."""
        click.echo(f"configuration {number + 1}/{of}: {words}{_left(left_s)}", err=True)

    def finished(self, result: CombinationResult) -> None:
        """Say what became of it."""
        click.echo(f"{_MARKS[result.status][0]} {ended(result)}", err=True)

    def unreadable(self, error: RecordError) -> None:
        """Name the file."""
        click.echo(f"! {error}", err=True)
