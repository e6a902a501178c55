"""How far interleaved runs are, on stderr: a live line on a terminal, plain lines elsewhere.

Neighbours: `experiments/progress.py` has the protocol, `display.py` the line.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rich.console import Console

from resnet_bench.cli.progress.display import LIVE_INTERVAL_S, PLAIN_INTERVAL_S, Lines, LiveLine, display, time_left
from resnet_bench.experiments.paired.side import display_name
from resnet_bench.experiments.progress import PairedObserver
from resnet_bench.records.base import Estimate
from resnet_bench.report.words.comparison import interval, ratio

TIMED_PHASE = "timed"


def _ratio(estimate: Estimate) -> str:
    between = f" ({interval(estimate)})" if estimate.low is not None else ""
    return f"ratio {ratio(estimate.value)}{between}"


@dataclass(frozen=True)
class PairedLabels:
    """What a repetition, a side and the estimate so far are called."""

    repetition: str = "pair"
    side: Callable[[str], str] = display_name
    estimate: Callable[[Estimate], str] = _ratio

    def so_far(self, estimate: Estimate, repetitions: int) -> str:
        """ "ratio 1.02 (1.01 to 1.03) after 3 pairs"."""
        return f"{self.estimate(estimate)} after {repetitions} {self.repetition}{'' if repetitions == 1 else 's'}"


PAIRS = PairedLabels()


def paired_progress(words: PairedLabels = PAIRS) -> AbstractContextManager[PairedObserver]:
    """The observer that fits stderr."""
    return display(lambda screen: LivePaired(screen, words), lambda: PlainPaired(words))


class LivePaired(LiveLine, PairedObserver):
    """One line that changes, redrawn by events alone and once a second at most while rounds are timed."""

    def __init__(self, screen: Console, words: PairedLabels = PAIRS) -> None:
        super().__init__(screen)
        self._words = words
        self._which = ""
        self._so_far = ""
        self._drawn = 0.0

    def _show(self, words: str) -> None:
        self._drawn = time.monotonic()
        self._bar.update(self._task, description=f"{self._which}{words}", status=self._so_far)
        self._bar.refresh()

    def repetition(self, number: int, of: int) -> None:
        """Say which one runs."""
        self._which = f"{self._words.repetition} {number + 1}/{of}: "

    def phase(self, side: str, name: str) -> None:
        """Say what a side prepares; its timed rounds are counted by `round_done`."""
        if name != TIMED_PHASE:
            self._show(f"{self._words.side(side)} {name}")

    def round_done(self, done: int, of: int, left_s: float) -> None:
        """Count rounds."""
        if done == of or time.monotonic() - self._drawn >= LIVE_INTERVAL_S:
            self._show(f"round {done}/{of}{time_left(left_s, done == of)}")

    def estimate(self, estimate: Estimate, repetitions: int) -> None:
        """Keep the estimate beside the rest."""
        self._so_far = self._words.so_far(estimate, repetitions)


class PlainPaired(Lines, PairedObserver):
    """A line per phase and pair, and one every few seconds while rounds are timed."""

    def __init__(self, words: PairedLabels = PAIRS) -> None:
        self._words = words
        self._which = ""
        self._last = 0.0

    def repetition(self, number: int, of: int) -> None:
        """Say which one runs."""
        self._which = f"{self._words.repetition} {number + 1}/{of}: "

    def phase(self, side: str, name: str) -> None:
        """Say what a side prepares."""
        if name != TIMED_PHASE:
            self._last = time.monotonic()
            self.say(f"{self._which}{self._words.side(side)} {name}")

    def round_done(self, done: int, of: int, left_s: float) -> None:
        """Print the state now and then."""
        now = time.monotonic()
        if done == of or now - self._last >= PLAIN_INTERVAL_S:
            self._last = now
            self.say(f"{self._which}round {done}/{of}{time_left(left_s, done == of)}")

    def estimate(self, estimate: Estimate, repetitions: int) -> None:
        """Print the estimate so far."""
        self.say(self._words.so_far(estimate, repetitions))
