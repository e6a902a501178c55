"""Bottleneck results: what limits a step, its model or its input pipeline, and the file that is saved.

Three throughputs from interleaved runs: the model alone on a batch that stays on the device, the pipeline alone, and
both together. Neighbours: `experiments/bottleneck.py` measures them, `analysis/bottleneck.py` computes,
`report/terminal/bottleneck.py` has the words.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import ClassVar, Literal

from msgspec.structs import force_setattr

from resnet_bench.records.ab import rate
from resnet_bench.records.base import FORMER_INCONCLUSIVE, Data, Estimate, Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.machine import Machine
from resnet_bench.records.record import Configuration
from resnet_bench.records.run import DataFacts, ModelFacts, Round
from resnet_bench.records.saved import Saved

SCHEMA_VERSION = 2
"""1: first version. 2: `type`."""

Limit = Literal["input-bound", "compute-bound", "balanced", "inconclusive"]
Sharing = Literal["own device", "shared cores"]


class BottleneckSamples(Data, frozen=True, kw_only=True):
    """The rounds of one process of each kind; if `interleaved`, the i-th rounds ran next to each other in time."""

    end_to_end: tuple[Round, ...]
    model: tuple[Round, ...]
    pipeline: tuple[Round, ...]
    interleaved: bool = True

    def median(self, of: Callable[[float, float, float], float]) -> float:
        """A figure of the three speeds (end to end, model, pipeline), in images/s: its median over neighbouring
        rounds, or the figure of the total rates where whole processes alternated."""
        return statistics.median(self.each(of)) if self.interleaved else of(*self.rates)

    def each(self, of: Callable[[float, float, float], float]) -> list[float]:
        """The figure of each round."""
        neighbours = zip(self.end_to_end, self.model, self.pipeline, strict=True)
        return [of(*(rate([one]) for one in each)) for each in neighbours]

    @property
    def rates(self) -> tuple[float, float, float]:
        """End to end, model and pipeline: total images over total time."""
        return rate(self.end_to_end), rate(self.model), rate(self.pipeline)


class CoreUse(Data, frozen=True, kw_only=True):
    """The CPU time of the input pipeline, and the cores needed to feed the model at full speed.

    `cpu_s_per_image` and `busy` (cores that the pipeline alone keeps busy on average) are measured; `to_feed` is
    how many cores make images as fast as the model alone takes them, at that cost, and `more` how many of them are
    missing: beyond the `usable` ones where the model has a device of its own, all of them where it shares them.
    """

    usable: int
    cpu_s_per_image: float
    busy: float
    to_feed: int
    more: int


class Analysis(Data, frozen=True, kw_only=True):
    """The three throughputs (images/s) and what follows from them.

    `bound` is the highest end-to-end speed that the two allow: the lower one where the model has a device of its own,
    1 / (1/model + 1/pipeline) where both share the cores. `efficiency` is end to end over it.
    `stall_share` is the share of a step that the model alone would not have taken: 1 - end to end / model. On an
    accelerator that is the time it waits, and `utilisation` (None on a CPU) is the rest: time that computing needs
    over time that passed, as MLPerf Storage defines AU. `balance` is pipeline over model, from which `answer` comes.
    """

    sharing: Sharing
    end_to_end: Estimate
    model: Estimate
    pipeline: Estimate
    bound: Estimate
    efficiency: Estimate
    step_s: float
    stall_share: Estimate
    stall_s: float
    utilisation: Estimate | None
    utilisation_passes: bool | None
    balance: Estimate
    answer: Limit | Literal["cannot tell"]
    cores: CoreUse | None
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        """Read the word of earlier versions as today's."""
        if self.answer == FORMER_INCONCLUSIVE:
            force_setattr(self, "answer", "inconclusive")


class BottleneckRecord(Saved, frozen=True, kw_only=True, tag="bottleneck"):
    """One `bottleneck` run: how it ended, what ran, every round, and what they mean (None: not one repetition)."""

    noun: ClassVar[str] = "bottleneck result"
    subfolder: ClassVar[str] = "bottleneck"

    schema_version: int = SCHEMA_VERSION
    failed_side: str | None = None
    config: Configuration
    machine: Machine | None = None
    environment: Environment | None = None
    model: ModelFacts | None = None
    data: DataFacts | None = None
    repetitions: tuple[BottleneckSamples, ...] = ()
    analysis: Analysis | None = None
    warnings: tuple[Notice, ...] = ()
    wall_s: float
