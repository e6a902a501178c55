"""What two sides in turns came to: the turns, the ratio with its interval, and the result that is saved. Pure.

`ratio` is always b's throughput over a's. Neighbours: `ratios.py` has the statistics, `duet.py` plays,
`ab.py` makes a `AbRecord` of it, `report/contest.py` words it.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from resnet_bench.config import Config
from resnet_bench.records.base import Data, Difference, Estimate, Finding, Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.files import indented_json, stem, write_atomically
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import DataFacts, ModelFacts, Outcome, Round

SCHEMA_VERSION = 1


SideName = Literal["a", "b"]


class PairSamples(Data, frozen=True, kw_only=True):
    """What one pair of processes timed: `a[i]` and `b[i]` were neighbours in time where they were
    `interleaved`; else one process ran after the other."""

    a: tuple[Round, ...]
    b: tuple[Round, ...]
    interleaved: bool = True

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times faster `b` was than `a`, turn by turn (images per second)."""
        return tuple(rate([two]) / rate([one]) for one, two in zip(self.a, self.b, strict=True))

    @property
    def ratio(self) -> float:
        """The pair's ratio: the median over neighbouring turns, or total rate over total rate."""
        return statistics.median(self.ratios) if self.interleaved else rate(self.b) / rate(self.a)


class AbResult(Data, frozen=True, kw_only=True):
    """The outcome of a match; the ratio's interval needs two pairs of processes.

    `resolution` is the smallest relative difference that this many pairs would have shown.
    """

    label_a: str
    label_b: str
    ratio: Estimate
    images_per_s_a: float
    images_per_s_b: float
    pairs: tuple[PairSamples, ...]
    finding: Finding
    resolution: float | None
    notices: tuple[Notice, ...] = ()


class SideFacts(Data, frozen=True, kw_only=True):
    """What a side turned out to be; None where its worker never came so far."""

    label: str
    requested: Config
    resolved: Config | None = None
    machine: Machine | None = None
    environment: Environment | None = None
    model: ModelFacts | None = None
    data: DataFacts | None = None
    notices: tuple[Notice, ...] = ()


class AbRecord(Data, frozen=True, kw_only=True):
    """One `ab` or `noise`: how it ended, what the sides were, and what was found (None: not one pair).

    `workload` lists what differs in the work itself, so that a reader knows what the ratio means.
    `precision_target` is a fraction.
    """

    schema_version: int = SCHEMA_VERSION
    kind: Literal["ab", "noise"]
    id: str
    created_at: str
    tool_version: str
    outcome: Outcome
    failed_side: SideName | None = None
    a: SideFacts
    b: SideFacts
    workload: tuple[Difference, ...] = ()
    options: tuple[Difference, ...] = ()
    precision_target: float | None = None
    result: AbResult | None = None
    wall_s: float


def rate(rounds: Sequence[Round]) -> float:
    """Images per second: total work over total time."""
    return sum(one.images for one in rounds) / sum(one.wall_s for one in rounds)


def to_json(contest: AbRecord) -> bytes:
    """The contest as indented JSON."""
    return indented_json(contest)


def save(contest: AbRecord, folder: Path) -> Path:
    """Write it into `folder`/ab, apart from the records, by atomic rename; returns its path."""
    path = folder / "ab" / f"{stem(contest.created_at, contest.kind, contest.id)}.json"
    write_atomically(path, to_json(contest))
    return path
