"""How far a training is, on stderr: a bar per epoch on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from resnet_bench import units
from resnet_bench.config import Config
from resnet_bench.experiments.train import TrainObserver
from resnet_bench.records.base import Notice
from resnet_bench.records.training import Epoch
from resnet_bench.report.terminal.notices import notice_line, plain_notice
from resnet_bench.report.terminal.training import percent
from resnet_bench.worker import protocol as p


@contextmanager
def train_progress() -> Iterator[TrainObserver]:
    """The observer that fits stderr."""
    console = Console(stderr=True)
    if console.is_terminal:
        with LiveTrain(console) as live:
            yield live
    else:
        yield PlainTrain()


def epoch_line(epoch: Epoch) -> str:
    """An epoch in one line."""
    words = f"epoch {epoch.epoch}: loss {epoch.loss:.4f}, accuracy {percent(epoch.accuracy)}"
    if epoch.test_accuracy is not None:
        words += f", test accuracy {percent(epoch.test_accuracy)}"
    return f"{words}, {units.rate(epoch.images_per_s)}, {units.duration(epoch.elapsed_s)}"


class PlainTrain:
    """A line per phase and per epoch."""

    def phase(self, name: str) -> None:
        """Say which phase runs."""
        click.echo(name, err=True)

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """Print what to expect."""
        del config
        for notice in notices:
            click.echo(plain_notice(notice), err=True)

    def began(self, event: p.TrainingBegan) -> None:
        """Say where it goes on."""
        for notice in event.notices:
            click.echo(plain_notice(notice), err=True)
        if event.step:
            click.echo(f"resumed from step {event.step:,}", err=True)

    def steps(self, event: p.StepsDone) -> None:
        """Wait for the epoch."""

    def tested(self, event: p.Tested) -> None:
        """Wait for the epoch."""

    def epoch(self, epoch: Epoch) -> None:
        """Say what it came to."""
        click.echo(epoch_line(epoch), err=True)


class LiveTrain:
    """A bar that follows the steps of an epoch, and a line above it per finished epoch."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            refresh_per_second=4,
        )
        self._task = self._bar.add_task("starting", total=None, status="")
        self._of = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def phase(self, name: str) -> None:
        """Say which phase runs."""
        self._bar.reset(self._task, total=None, description=name, status="")

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """Print what to expect above the bar."""
        del config
        for notice in notices:
            self._console.print(notice_line(notice))

    def began(self, event: p.TrainingBegan) -> None:
        """Learn how long an epoch is."""
        self._of = event.steps_per_epoch
        for notice in event.notices:
            self._console.print(notice_line(notice))
        if event.step:
            self._console.print(f"resumed from step {event.step:,}", style="dim")

    def steps(self, event: p.StepsDone) -> None:
        """Move the bar; its time left is the epoch's."""
        if event.batch <= len(event.losses):
            self._bar.reset(self._task, total=self._of)
        status = f"loss {event.losses[-1]:.4f}, accuracy {percent(event.accuracy)}, {units.rate(event.images_per_s)}"
        self._bar.update(
            self._task, completed=event.batch, total=self._of, description=f"epoch {event.epoch + 1}", status=status
        )

    def tested(self, event: p.Tested) -> None:
        """Say that the epoch is being tested."""
        self._bar.update(
            self._task, completed=event.images, total=event.of, description="test", status="images", refresh=True
        )

    def epoch(self, epoch: Epoch) -> None:
        """Leave a line above the bar."""
        self._console.print(epoch_line(epoch), highlight=False)
