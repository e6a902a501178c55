"""How far a sweep is, on stderr: a second live line on a terminal, plain lines elsewhere.

Neighbours: `run.py` shows the run of each configuration, `display.py` has the line.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from rich.console import Console

from resnet_bench import units
from resnet_bench.cli.progress.display import Display, bar, display, time_left
from resnet_bench.cli.progress.run import LiveRun, PlainRun
from resnet_bench.errors import RecordError
from resnet_bench.experiments.combinations import CombinationResult
from resnet_bench.experiments.progress import SweepObserver

_MARKS = {"measured": ("+", "green"), "failed": ("x", "red"), "skipped": ("-", "yellow"), "claimed": ("-", "yellow")}


def sweep_progress() -> AbstractContextManager[SweepObserver]:
    """The observer that fits stderr."""
    return display(_LiveSweep, _PlainSweep)


def ended(result: CombinationResult) -> str:
    """The result of a configuration, in a line."""
    record = result.record
    if record is None:
        return f"{result.combination.words}: another sweep is measuring it"
    if record.summary is None or result.status != "measured":
        return f"{result.combination.words}: {result.status}. {record.outcome.message}"
    rate = units.rate(record.summary.images_per_s.value)
    return f"{result.combination.words}: {rate}, {record.verdict.kind}{'' if result.fresh else ', already there'}"


class _SweepDisplay(Display):
    """What both displays say of a sweep."""

    def finished(self, result: CombinationResult) -> None:
        """Print the result."""
        self.say(ended(result), *_MARKS[result.status])

    def unreadable(self, error: RecordError) -> None:
        """Name the file."""
        self.say(str(error), "!", "yellow")


class _LiveSweep(_SweepDisplay, LiveRun, SweepObserver):
    """The line of a run, and one for the sweep below it."""

    def __init__(self, screen: Console) -> None:
        super().__init__(screen)
        self._overall = self._bar.add_task("sweep", total=None, status="")

    def configuration(self, number: int, of: int, words: str, left_s: float | None) -> None:
        """Move the sweep's bar; the configuration is announced above."""
        self._bar.update(
            self._overall, completed=number, total=of, status=bar(number, of, f"{number}/{of}{time_left(left_s)}")
        )
        self.say(words, f"{number + 1}/{of}", "dim")


class _PlainSweep(_SweepDisplay, PlainRun, SweepObserver):
    """A line per configuration before those of its phases."""

    def configuration(self, number: int, of: int, words: str, left_s: float | None) -> None:
        """Say which configuration runs."""
        self.say(f"configuration {number + 1}/{of}: {words}{time_left(left_s)}")
