"""What a run has found out so far. Neighbours: `process.py` and the passes fill it, `run.py` makes a record of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from resnet_bench.config import Config
from resnet_bench.records.base import Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.evidence import OutputError, Seen
from resnet_bench.records.machine import Machine
from resnet_bench.records.profile import ProfileResult, ProfileSummary
from resnet_bench.records.run import DataFacts, ModelFacts, ProcessSamples
from resnet_bench.worker import protocol as p


@dataclass
class Findings:
    """What a run has found out so far; a record can be made of it at any moment."""

    requested: Config
    phase: str | None = None
    batch_size: int | None = None
    resolved: Config | None = None
    machine: Machine | None = None
    environment: Environment | None = None
    model: ModelFacts | None = None
    data: DataFacts | None = None
    trace: ProfileResult | None = None
    profile: ProfileSummary | None = None
    seen: Seen = field(default_factory=Seen)
    output_error: OutputError | None = None
    peaks: p.PeaksMeasured | None = None
    kept_s: float = 0.0
    """Seconds of the budget that the timed processes leave to the passes after them, from the first one's pilot."""

    notices: list[Notice] = field(default_factory=list)
    processes: list[ProcessSamples] = field(default_factory=list)

    @property
    def runnable(self) -> Config:
        """The configuration for workers: as requested, with the batch that --batch-size max found."""
        if self.batch_size is None:
            return self.requested
        return replace(self.requested, step=replace(self.requested.step, batch_size=self.batch_size))

    def note(self, *notices: Notice) -> None:
        """Keep notices, each once."""
        self.notices.extend(notice for notice in notices if notice not in self.notices)
