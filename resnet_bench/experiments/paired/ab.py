"""Two configurations with interleaved runs, and the ratio of their speeds: `bench-cli ab` and `bench-cli noise`.

The ratio is taken per pair of neighbouring rounds, its median per pair of processes, and the interval over pairs of
processes. Neighbours: `interleave.py` alternates the rounds, `analysis/ab.py` has the statistics, `records/ab.py` the
result that is saved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

import resnet_bench
from resnet_bench.analysis.ab import estimate, summarize_pairs
from resnet_bench.analysis.compare import config_differences
from resnet_bench.config.option import protocol_of
from resnet_bench.config.options import Option, options, parse_args
from resnet_bench.errors import ConfigError
from resnet_bench.experiments.ending import ended
from resnet_bench.experiments.paired.interleave import Interleaver, Repetition, StopEarly
from resnet_bench.experiments.paired.side import Budget, Side, SideFailure
from resnet_bench.experiments.progress import PairedObserver
from resnet_bench.records.ab import AbRecord, AbResult, PairSamples, SideFacts, SideName
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.files import new_id, now
from resnet_bench.records.run import Outcome
from resnet_bench.runtime.system import available_bytes


def side_options() -> tuple[Option, ...]:
    """The options of `run` that a side takes."""
    return tuple(one for one in options() if one.extra["role"] != "protocol" or one.name in protocol_of("side"))


def parse_side(label: str, words: list[str]) -> Side:
    """A side from its command-line words; `ConfigError` for options that do not apply to a side."""
    config, given = parse_args(words)
    protocol = {option.name: option.flag for option in options() if option.extra["role"] == "protocol"}
    for name in given:
        if name in protocol and name not in protocol_of("side"):
            raise ConfigError(
                f"{protocol[name]} is not an option of ab and noise: both sides are measured in the same way.",
                "Leave it out; --pairs, --turns, --max-time and --output stand outside the quotes.",
            )
    if config.step.batch_size == "max":
        raise ConfigError(
            "--batch-size max works with run only: with another live process, less memory is free.",
            "Find it with bench-cli run, then give the number.",
        )
    return Side(label, config)


def run_ab(
    kind: Literal["ab", "noise"], a: Side, b: Side, budget: Budget, observer: PairedObserver | None = None
) -> AbRecord:
    """Run both sides and return the result; blocks. Raises nothing for what happens to the sides."""
    started = time.monotonic()
    created = now()
    runs = AbRun(a, b, budget, observer)
    outcome, failed = ended(runs.run)
    return _record(kind, runs, budget, outcome, failed, created, time.monotonic() - started)


def _record(
    kind: Literal["ab", "noise"],
    runs: AbRun,
    budget: Budget,
    outcome: Outcome,
    failed: str | None,
    created: str,
    wall_s: float,
) -> AbRecord:
    a, b = runs.facts["a"], runs.facts["b"]
    configs = (a.resolved or a.requested, b.resolved or b.requested)
    return AbRecord(
        kind=kind,
        id=new_id(),
        created_at=created,
        tool_version=resnet_bench.__version__,
        outcome=outcome,
        failed_side=None if failed is None else "a" if failed == "a" else "b",
        a=a,
        b=b,
        workload=config_differences(*configs, "workload"),
        options=config_differences(*configs, "option"),
        precision_target=budget.precision_target,
        result=runs.result(),
        wall_s=wall_s,
    )


def run_pairs(
    a: Side,
    b: Side,
    budget: Budget,
    observer: PairedObserver | None = None,
    available: Callable[[], int | None] = available_bytes,
) -> AbResult:
    """The result of interleaved runs of two sides, which may be no configurations of ours (benchmarks); blocks.

    Raises `SideFailure` where a side does not answer, and `BudgetError` where not one pair fits.
    """
    runs = AbRun(a, b, budget, observer, available)
    runs.run()
    result = runs.result()
    assert result is not None, "runs that ended have a pair"
    return result


class AbRun:
    """Interleaved runs of two sides, in progress; `result` works at any moment, with the pairs that are complete."""

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
        self._interleaver = Interleaver({"a": a, "b": b}, budget, _ratio, observer, available, early=early)

    def run(self) -> None:
        """Run pairs until there are enough, the interval is narrow enough, or the budget is spent."""
        self._interleaver.run()

    def result(self) -> AbResult | None:
        """What the complete pairs say; None where there is none."""
        pairs = self.pairs
        return summarize_pairs(*self._labels, pairs, self.notices) if pairs else None

    @property
    def pairs(self) -> list[PairSamples]:
        """The complete pairs of processes."""
        return [pair_samples(each) for each in self._interleaver.done]

    @property
    def facts(self) -> dict[SideName, SideFacts]:
        """What is known of the sides so far."""
        return {"a": self._interleaver.facts["a"], "b": self._interleaver.facts["b"]}

    @property
    def notices(self) -> list[Notice]:
        """Notices about the runs."""
        return self._interleaver.notices


def pair_samples(repetition: Repetition) -> PairSamples:
    """A repetition of the sides "a" and "b" as a pair."""
    first = repetition.start_order[0] if repetition.start_order else None
    return PairSamples(
        a=repetition.rounds["a"],
        b=repetition.rounds["b"],
        interleaved=repetition.interleaved,
        started_first=None if first is None else "a" if first == "a" else "b",
    )


def _ratio(repetitions: Sequence[Repetition]) -> Estimate:
    return estimate([pair_samples(each) for each in repetitions])


__all__ = [
    "AbRun",
    "Budget",
    "Side",
    "SideFailure",
    "pair_samples",
    "parse_side",
    "run_ab",
    "run_pairs",
]
