"""How far a search is, on stderr: the line of a match, and a line per challenger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.markup import escape

from resnet_bench.cli.progress.paired import LivePaired, PlainPaired
from resnet_bench.experiments.tuning.tune import TuneObserver
from resnet_bench.records.tuning import Candidate
from resnet_bench.report.terminal.comparison import ratio
from resnet_bench.report.terminal.tune import status


@contextmanager
def tune_progress() -> Iterator[TuneObserver]:
    """The observer that fits stderr."""
    console = Console(stderr=True)
    if console.is_terminal:
        with _LiveTune(console) as live:
            yield live
    else:
        yield _PlainTune()


def _ended(challenge: Candidate) -> str:
    found = f"{ratio(challenge.ratio.value)}, " if challenge.ratio is not None else ""
    return f"{found}{status(challenge)}"


class _LiveTune(LivePaired):
    """The line of a match; challengers are named and settled above it."""

    def __enter__(self) -> _LiveTune:
        super().__enter__()
        return self

    def stage(self, name: str) -> None:
        """Name it above the line."""
        self._which = self._so_far = ""
        self._console.print(f"[bold]{escape(name)}[/]", highlight=False)

    def challenge(self, number: int, at_most: int, words: str) -> None:
        """Name the challenger above the line."""
        self._so_far = ""
        self._console.print(f"[dim]challenger {number + 1} of at most {at_most}:[/] {escape(words)}", highlight=False)

    def settled(self, challenge: Candidate) -> None:
        """Say what became of it."""
        mark, style = ("+", "green") if challenge.status == "won" else ("-", "dim")
        self._console.print(f"[{style}]{mark}[/] {escape(_ended(challenge))}", highlight=False)


class _PlainTune(PlainPaired):
    """A line per challenger before those of its match."""

    def stage(self, name: str) -> None:
        """Name it."""
        self._which = ""
        click.echo(f"stage: {name}", err=True)

    def challenge(self, number: int, at_most: int, words: str) -> None:
        """Name the challenger."""
        click.echo(f"challenger {number + 1} of at most {at_most}: {words}", err=True)

    def settled(self, challenge: Candidate) -> None:
        """Say what became of it."""
        click.echo(f"{'+' if challenge.status == 'won' else '-'} {_ended(challenge)}", err=True)
