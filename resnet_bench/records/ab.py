"""A/B results: the rounds of both sides, the ratio with its confidence interval, and the file that is saved.

`ratio` is always b's throughput over a's. Neighbours: `analysis/ab.py` has the statistics,
`experiments/paired/ab.py` measures, `report/terminal/ab.py` has the words.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import ClassVar, Literal

from msgspec.structs import force_setattr

from resnet_bench.config import Config
from resnet_bench.records.base import FORMER_INCONCLUSIVE, Data, Difference, Estimate, Finding, Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import DataFacts, ModelFacts, Round
from resnet_bench.records.saved import Saved

SCHEMA_VERSION = 2
"""1: first version. 2: `type`."""

SideName = Literal["a", "b"]


class PairSamples(Data, frozen=True, kw_only=True):
    """The rounds of one pair of processes: if `interleaved`, `a[i]` and `b[i]` ran next to each other in time;
    otherwise one process ran after the other. `started_first` is the side whose process was started first; None in
    records of before it was drawn."""

    a: tuple[Round, ...]
    b: tuple[Round, ...]
    interleaved: bool = True
    started_first: SideName | None = None

    @property
    def ratios(self) -> tuple[float, ...]:
        """How many times faster `b` was than `a`, round by round (images per second)."""
        return tuple(rate([two]) / rate([one]) for one, two in zip(self.a, self.b, strict=True))

    @property
    def ratio(self) -> float:
        """The pair's ratio: the median over neighbouring rounds, or total rate over total rate."""
        return statistics.median(self.ratios) if self.interleaved else rate(self.b) / rate(self.a)


class AbResult(Data, frozen=True, kw_only=True):
    """The ratio of two sides; its interval needs two pairs of processes.

    `resolution` is the smallest relative difference that this many pairs would have detected.
    """

    label_a: str
    label_b: str
    ratio: Estimate
    images_per_s_a: float
    images_per_s_b: float
    pairs: tuple[PairSamples, ...]
    finding: Finding | Literal["cannot tell"]
    resolution: float | None
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        """Read the word of earlier versions as today's."""
        if self.finding == FORMER_INCONCLUSIVE:
            force_setattr(self, "finding", "inconclusive")


class SideFacts(Data, frozen=True, kw_only=True):
    """What is known of a side; None where its worker did not get that far."""

    label: str
    requested: Config
    resolved: Config | None = None
    machine: Machine | None = None
    environment: Environment | None = None
    model: ModelFacts | None = None
    data: DataFacts | None = None
    notices: tuple[Notice, ...] = ()


class AbRecord(Saved, frozen=True, kw_only=True, tag="ab"):
    """One `ab` or `noise`: how it ended, what the sides were, and the result (None: not one pair).

    `workload` lists what differs in the work itself, so that a reader knows what the ratio means.
    `precision_target` is a fraction.
    """

    noun: ClassVar[str] = "A/B result"
    subfolder: ClassVar[str] = "ab"

    schema_version: int = SCHEMA_VERSION
    kind: Literal["ab", "noise"]
    failed_side: SideName | None = None
    a: SideFacts
    b: SideFacts
    workload: tuple[Difference, ...] = ()
    options: tuple[Difference, ...] = ()
    precision_target: float | None = None
    result: AbResult | None = None
    wall_s: float

    @property
    def ratio(self) -> Estimate | None:
        """B's throughput over A's with its 95 % confidence interval; None where not one pair was measured."""
        return self.result.ratio if self.result else None

    @property
    def brief(self) -> tuple[tuple[str, str], ...]:
        """The sides, and the finding with the ratio, or how it ended."""
        sides = (("A", self.a.label or "defaults"), ("B", self.b.label or "defaults"))
        if self.result is None:
            return (*sides, ("outcome", self.outcome.kind))
        ratio = self.result.ratio
        interval = "" if ratio.low is None or ratio.high is None else f" ({ratio.low:.3f} to {ratio.high:.3f}, 95 %)"
        return (*sides, ("ratio", f"{ratio.value:.3f}{interval}"), ("finding", self.result.finding))

    @property
    def contradiction(self) -> str:
        """Neighbouring rounds come in pairs, and every round took time for some images."""
        for pair in self.result.pairs if self.result is not None else ():
            if pair.interleaved and len(pair.a) != len(pair.b):
                return f"a pair has {len(pair.a)} rounds of A and {len(pair.b)} of B"
            if not pair.a or not pair.b or min(min(one.images, one.wall_s) for one in (*pair.a, *pair.b)) <= 0:
                return "a pair has a side without rounds, images or time"
        return ""

    @property
    def label(self) -> str:
        """`ab` or `noise`."""
        return self.kind


def rate(rounds: Sequence[Round]) -> float:
    """Images per second: total work over total time."""
    return sum(one.images for one in rounds) / sum(one.wall_s for one in rounds)
