"""What the experiments report while they run: an observer per experiment, whose methods do nothing until overridden.

An observer is called between timed blocks, in the parent; the worker may be timing its next block meanwhile, so it must
be quick. Neighbours: every experiment takes one, `cli/progress/` shows them on a terminal.
"""

from __future__ import annotations

from resnet_bench.config import Config
from resnet_bench.errors import RecordError
from resnet_bench.experiments.combinations import CombinationResult
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.training import Epoch
from resnet_bench.records.tuning import Candidate
from resnet_bench.worker import protocol as p


class ProcessObserver:
    """What every experiment with one worker at a time reports."""

    def phase(self, name: str) -> None:
        """A phase begins."""

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """The device is known; `notices` are what to expect."""


class RunObserver(ProcessObserver):
    """The progress of `run` and of `data bench`."""

    def process(self, number: int, of: int) -> None:
        """Process `number` (from 0) of `of` starts."""

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """`done` of `of` timed rounds are over; this process needs about `left_s` more."""


class SweepObserver(RunObserver):
    """The progress of a sweep, and of the run of each of its configurations."""

    def configuration(self, number: int, of: int, words: str, left_s: float | None) -> None:
        """Configuration `number` (from 0) of `of` starts; about `left_s` remain (None: unknown)."""

    def finished(self, result: CombinationResult) -> None:
        """A configuration is over."""

    def unreadable(self, error: RecordError) -> None:
        """A file in the folder is no record; it is skipped."""


class TrainObserver(ProcessObserver):
    """The progress of a training."""

    def began(self, event: p.TrainingBegan) -> None:
        """The first step follows."""

    def steps(self, event: p.StepsDone) -> None:
        """Some steps are done."""

    def tested(self, event: p.Tested) -> None:
        """Some test images are evaluated."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is over."""


class PairedObserver:
    """The progress of interleaved runs: `ab`, `noise`, `bottleneck`."""

    def repetition(self, number: int, of: int) -> None:
        """Repetition `number` (from 0) of at most `of` starts, with fresh processes for all sides."""

    def phase(self, side: str, name: str) -> None:
        """A side enters a phase of its preparation, or times a round."""

    def note(self, notice: Notice) -> None:
        """A notice that should be shown at once."""

    def round_done(self, done: int, of: int, left_s: float) -> None:
        """Every side has timed `done` of `of` rounds of this repetition, which needs about `left_s` more."""

    def estimate(self, estimate: Estimate, repetitions: int) -> None:
        """The estimate from the repetitions so far."""


class SearchObserver:
    """The progress of a search over candidates."""

    def candidate(self, number: int, at_most: int, words: str) -> None:
        """Candidate `number` (from 0) is about to be measured."""

    def decided(self, candidate: Candidate) -> None:
        """A candidate has its result."""


class TuneObserver(PairedObserver, SearchObserver):
    """The progress of `tune`: its search, and the interleaved runs of each candidate."""

    def stage(self, name: str) -> None:
        """A part of the whole begins."""
