"""The best of a sweep, in turns: its records were measured one after the other, which ranks but proves little.

Neighbours: `sweep.py` has the records, `matches/ab.py` plays, `cli/sweep.py` asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_bench.analysis import ratio
from resnet_bench.config import Config, options
from resnet_bench.experiments.paired import ab
from resnet_bench.experiments.paired.duet import PairedObserver
from resnet_bench.experiments.paired.side import Budget, Side
from resnet_bench.experiments.sweep import Combination, CombinationResult
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.base import Estimate, Finding


@dataclass(frozen=True)
class SweepConfirmation:
    """One of the best against the best: `ratio` is its throughput over the best's, its interval as wide as the
    number of confirmations asks for (Holm); None where no pair was played. `path` is the saved match."""

    cell: Combination
    contest: AbRecord
    path: Path
    ratio: Estimate | None

    @property
    def finding(self) -> Finding:
        """What the interval says."""
        return "cannot tell" if self.ratio is None else ratio.finding(self.ratio)


def confirm(
    ranked: Sequence[CombinationResult],
    count: int,
    budget: Budget,
    observer: PairedObserver,
    save: Callable[[AbRecord], Path],
    announce: Callable[[str], None] = lambda _words: None,
    new_side: Callable[[str, Config], Side] = Side,
) -> list[SweepConfirmation]:
    """Let the best `count` of `ranked` play: each against the first. Blocks; each match is saved when it ends.

    Ends early where a match was interrupted.
    """
    measured = [each for each in ranked if each.record is not None and each.record.summary is not None][:count]
    if len(measured) < 2:
        return []
    best, *others = measured
    found: list[tuple[Combination, AbRecord, Path]] = []
    for other in others:
        announce(f"{other.cell.words} against {best.cell.words}")
        one, two = (new_side(each.cell.words, _runnable(each)) for each in (best, other))
        contest = ab.run_ab("ab", one, two, budget, observer)
        found.append((other.cell, contest, save(contest)))
        if contest.outcome.kind == "interrupted":
            break
    return _corrected(found)


def _runnable(result: CombinationResult) -> Config:
    """The configuration with the batch that --batch-size max came to."""
    config, record = result.cell.config, result.record
    assert record is not None
    if config.step.batch_size != "max" or record.config.resolved is None:
        return config
    return options.with_values(config, {"batch_size": record.config.resolved.step.batch_size})


def _corrected(found: Sequence[tuple[Combination, AbRecord, Path]]) -> list[SweepConfirmation]:
    logs = [
        ratio.paired([pair.ratio for pair in contest.result.pairs]) if contest.result else None
        for _, contest, _ in found
    ]
    levels = ratio.holm([None if log is None else log.p_value for log in logs])
    return [
        SweepConfirmation(cell, contest, path, None if log is None else log.estimate(level))
        for (cell, contest, path), log, level in zip(found, logs, levels, strict=True)
    ]
