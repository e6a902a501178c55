"""How far a training is, on stderr: a bar per epoch on a terminal, a line per epoch elsewhere.

Neighbours: `experiments/train.py` has the protocol, `display.py` the line.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from resnet_bench import units
from resnet_bench.cli.progress.display import Display, Lines, LiteralColumn, LiveLine, display
from resnet_bench.experiments.progress import TrainObserver
from resnet_bench.records.training import Epoch
from resnet_bench.report.words.training import percent
from resnet_bench.worker import protocol as p


def train_progress() -> AbstractContextManager[TrainObserver]:
    """The observer that fits stderr."""
    return display(LiveTrain, PlainTrain)


def epoch_line(epoch: Epoch) -> str:
    """An epoch in one line."""
    words = f"epoch {epoch.epoch}: loss {epoch.loss:.4f}, accuracy {percent(epoch.accuracy)}"
    if epoch.test_accuracy is not None:
        words += f", test accuracy {percent(epoch.test_accuracy)}"
    return f"{words}, {units.rate(epoch.images_per_s)}, {units.duration(epoch.elapsed_s)}"


class _TrainDisplay(Display):
    """What both displays say of a training."""

    def began(self, event: p.TrainingBegan) -> None:
        """Say which step it continues from."""
        for notice in event.notices:
            self.note(notice)
        if event.step:
            self.say(f"resumed from step {event.step:,}")

    def epoch(self, epoch: Epoch) -> None:
        """Print the epoch's result."""
        self.say(epoch_line(epoch))


class PlainTrain(_TrainDisplay, Lines, TrainObserver):
    """A line per phase and per epoch."""

    def phase(self, name: str) -> None:
        """Say which phase runs."""
        self.say(name)

    def steps(self, event: p.StepsDone) -> None:
        """Wait for the epoch."""

    def tested(self, event: p.Tested) -> None:
        """Wait for the epoch."""


class LiveTrain(_TrainDisplay, LiveLine, TrainObserver):
    """A bar that follows the steps of an epoch, and a line above it per finished epoch."""

    def __init__(self, screen: Console) -> None:
        super().__init__(screen, _epoch_bar(screen))
        self._of = 0

    def phase(self, name: str) -> None:
        """Say which phase runs."""
        self._bar.reset(self._task, total=None, description=name, status="")

    def began(self, event: p.TrainingBegan) -> None:
        """Learn how long an epoch is."""
        self._of = event.steps_per_epoch
        super().began(event)

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


def _epoch_bar(screen: Console) -> Progress:
    return Progress(
        LiteralColumn(),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        LiteralColumn("status"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        refresh_per_second=4,
    )
