"""Confirms the best of a sweep with interleaved runs: its records were measured one after the other.

Neighbours: `sweep.py` has the records, `paired/ab.py` runs two configurations, `cli/sweep.py` asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_bench.analysis import ratio
from resnet_bench.config import Config, options
from resnet_bench.experiments.combinations import Combination, CombinationResult
from resnet_bench.experiments.paired import ab
from resnet_bench.experiments.paired.side import Budget, Side
from resnet_bench.experiments.progress import PairedObserver
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.base import Estimate, Finding


@dataclass(frozen=True)
class SweepConfirmation:
    """One of the best against the best: `ratio` is its throughput over the best's, with an interval corrected for the
    number of confirmations (Holm); None where no pair was measured. `path` is the saved result."""

    combination: Combination
    result: AbRecord
    path: Path
    ratio: Estimate | None

    @property
    def finding(self) -> Finding:
        """What the interval says."""
        return "inconclusive" if self.ratio is None else ratio.finding(self.ratio)


def confirm(
    ranked: Sequence[CombinationResult],
    count: int,
    budget: Budget,
    observer: PairedObserver,
    save: Callable[[AbRecord], Path],
    announce: Callable[[str], None] = lambda _words: None,
    new_side: Callable[[str, Config], Side] = Side,
) -> list[SweepConfirmation]:
    """Run the best `count` of `ranked` interleaved, each with the first. Blocks; each result is saved when it ends.

    Ends early where one is interrupted.
    """
    measured = [each for each in ranked if each.record is not None and each.record.summary is not None][:count]
    if len(measured) < 2:
        return []
    best, *others = measured
    found: list[tuple[Combination, AbRecord, Path]] = []
    for other in others:
        announce(f"{other.combination.words} against {best.combination.words}")
        baseline, candidate = (new_side(each.combination.words, _runnable(each)) for each in (best, other))
        result = ab.run_ab("ab", baseline, candidate, budget, observer)
        found.append((other.combination, result, save(result)))
        if result.outcome.kind == "interrupted":
            break
    return _corrected(found)


def _runnable(result: CombinationResult) -> Config:
    """The configuration with the batch that --batch-size max found."""
    config, record = result.combination.config, result.record
    assert record is not None
    if config.step.batch_size != "max" or record.config.resolved is None:
        return config
    return options.with_values(config, {"batch_size": record.config.resolved.step.batch_size})


def _corrected(found: Sequence[tuple[Combination, AbRecord, Path]]) -> list[SweepConfirmation]:
    logs = [
        ratio.paired([pair.ratio for pair in record.result.pairs]) if record.result else None for _, record, _ in found
    ]
    levels = ratio.holm([None if log is None else log.p_value for log in logs])
    return [
        SweepConfirmation(combination, record, path, None if log is None else log.estimate(level))
        for (combination, record, path), log, level in zip(found, logs, levels, strict=True)
    ]
