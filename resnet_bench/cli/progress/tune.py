"""How far a search is, on stderr: the line of the interleaved runs, and a line per candidate.

Neighbours: `paired.py` has that line, `report/terminal/tune.py` the words of a result.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from resnet_bench.cli.progress.display import Display, display
from resnet_bench.cli.progress.paired import LivePaired, PlainPaired
from resnet_bench.experiments.progress import TuneObserver
from resnet_bench.records.tuning import Candidate
from resnet_bench.report.words.comparison import ratio
from resnet_bench.report.words.tune import status


def tune_progress() -> AbstractContextManager[TuneObserver]:
    """The observer that fits stderr."""
    return display(_LiveTune, _PlainTune)


def _ended(candidate: Candidate) -> str:
    found = f"{ratio(candidate.ratio.value)}, " if candidate.ratio is not None else ""
    return f"{found}{status(candidate)}"


class _TuneDisplay(Display):
    """What both displays say of a search."""

    _which: str

    def stage(self, name: str) -> None:
        """Name the stage."""
        self._which = ""
        self.say(f"stage: {name}")

    def candidate(self, number: int, at_most: int, words: str) -> None:
        """Name the candidate."""
        self.say(f"candidate {number + 1} of at most {at_most}: {words}")

    def decided(self, candidate: Candidate) -> None:
        """Print its result."""
        mark, style = ("+", "green") if candidate.status == "won" else ("-", "dim")
        self.say(_ended(candidate), mark, style)


class _LiveTune(_TuneDisplay, LivePaired, TuneObserver):
    """Stages and candidates above the line."""

    def stage(self, name: str) -> None:
        """Name the stage."""
        self._which = self._so_far = ""
        self.say(name, style="bold")

    def candidate(self, number: int, at_most: int, words: str) -> None:
        """Name the candidate."""
        self._so_far = ""
        super().candidate(number, at_most, words)


class _PlainTune(_TuneDisplay, PlainPaired, TuneObserver):
    """A line per candidate before those of its rounds."""
