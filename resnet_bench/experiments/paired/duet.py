"""Two live workers that take turns: where every ratio we claim comes from.

The ratio is taken per pair of neighbouring rounds, its median per pair of processes, and the interval over
pairs of processes. Neighbours: `interleaver.py` lets the sides take turns, `contest.py` says what their turns mean,
`ab.py` is a whole run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from resnet_bench.analysis.ab import estimate, summed_up
from resnet_bench.experiments.paired.interleave import (
    Interleaver,
    PairedObserver,
    Repetition,
    SilentPairedObserver,
    StopEarly,
)
from resnet_bench.experiments.paired.side import Budget, Side, SideFailure
from resnet_bench.records.ab import AbResult, PairSamples, SideFacts, SideName
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.runtime.system import available_bytes


def run_pairs(
    a: Side,
    b: Side,
    budget: Budget,
    observer: PairedObserver | None = None,
    available: Callable[[], int | None] = available_bytes,
) -> AbResult:
    """Run both sides in turns; blocks throughout. Raises `SideFailure` where a side does not answer, and
    `BudgetError` where not one pair fits."""
    match = AbRun(a, b, budget, observer, available)
    match.run()
    result = match.result()
    assert result is not None, "a match that ran has a pair"
    return result


class AbRun:
    """A duet in progress; `result` works at any moment, with the pairs that are complete."""

    def __init__(
        self,
        a: Side,
        b: Side,
        budget: Budget,
        observer: PairedObserver | None = None,
        available: Callable[[], int | None] = available_bytes,
        early: StopEarly | None = None,
    ) -> None:
        self._labels = (a.label, b.label)
        self._budget = budget
        self._interleaver = Interleaver({"a": a, "b": b}, budget, _ratio, observer, available, early=early)

    @property
    def pairs(self) -> list[PairSamples]:
        """The complete pairs of processes."""
        return [_turns(each) for each in self._interleaver.done]

    @property
    def facts(self) -> dict[SideName, SideFacts]:
        """What the sides turned out to be so far."""
        return {"a": self._interleaver.facts["a"], "b": self._interleaver.facts["b"]}

    @property
    def notices(self) -> list[Notice]:
        """What a reader must know of the match."""
        return self._interleaver.notices

    def result(self) -> AbResult | None:
        """What the complete pairs say; None where there is none."""
        pairs = self.pairs
        return summed_up(*self._labels, pairs, self.notices) if pairs else None

    def run(self) -> None:
        """Play pairs until there are enough, the interval is narrow enough, or the budget is spent."""
        self._interleaver.run()


def _turns(repetition: Repetition) -> PairSamples:
    return PairSamples(a=repetition.rounds["a"], b=repetition.rounds["b"], interleaved=repetition.interleaved)


def _ratio(repetitions: Sequence[Repetition]) -> Estimate:
    return estimate([_turns(each) for each in repetitions])


__all__ = [
    "AbResult",
    "AbRun",
    "Budget",
    "PairSamples",
    "PairedObserver",
    "Side",
    "SideFailure",
    "SilentPairedObserver",
    "estimate",
    "run_pairs",
]
