"""The record: one JSON file per configuration, versioned, saved whole or not at all.

Schema history:
1  first version.
2  evidence, parity, profile, roofline, energy, pipeline stages and training.
3  `type`, which tells records from other results.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from resnet_bench import units
from resnet_bench.config import Config, TrainingConfig
from resnet_bench.records.base import Data, Estimate, Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.evidence import OptionCheck, OutputError
from resnet_bench.records.machine import Machine
from resnet_bench.records.pipeline import PipelineResult
from resnet_bench.records.profile import ProfileResult, ProfileSummary
from resnet_bench.records.roofline import Energy, Roofline
from resnet_bench.records.run import DataFacts, ModelFacts, Samples, Verdict
from resnet_bench.records.saved import Saved
from resnet_bench.records.summary import Summary
from resnet_bench.records.training import TrainingResult

LONGEST_S = 1e9
"""No round takes 30 years."""

SCHEMA_VERSION = 3


class Configuration(Data, frozen=True, kw_only=True):
    """The requested configuration (`given` names the options on the command line), and the resolved one.

    `resolved` is None where the run ended before the device was known. `training` has the options of a training; its
    `source` then stands for `data.source`.
    """

    requested: Config
    resolved: Config | None = None
    given: tuple[str, ...] = ()
    training: TrainingConfig | None = None


class Record(Saved, frozen=True, kw_only=True, tag="record"):
    """One benchmark: configuration, environment, raw samples, summary and verdict.

    `trace` is the captured profile, `profile` its summary; `pipeline` is the result of `data bench`, `training` that of
    `train`. The JSON says `parity` for `output_error`, as it did in all versions.
    """

    noun: ClassVar[str] = "record"

    schema_version: int = SCHEMA_VERSION
    verdict: Verdict
    config: Configuration
    machine: Machine | None = None
    environment: Environment | None = None
    model: ModelFacts | None = None
    data: DataFacts | None = None
    samples: Samples = Samples()
    summary: Summary | None = None
    evidence: tuple[OptionCheck, ...] = ()
    output_error: OutputError | None = msgspec.field(default=None, name="parity")
    trace: ProfileResult | None = None
    profile: ProfileSummary | None = None
    roofline: Roofline | None = None
    energy: Energy | None = None
    pipeline: PipelineResult | None = None
    training: TrainingResult | None = None
    warnings: tuple[Notice, ...] = ()
    wall_s: float | None = None

    @property
    def contradiction(self) -> str:
        """Every timed round has steps, and a time that can be."""
        for process in self.samples.processes:
            for one in (*process.warmup, *process.rounds, *process.latency):
                if one.steps < 1 or not 0 < one.wall_s < LONGEST_S:
                    return f"a round of process {process.process} has {one.steps} steps in {one.wall_s} s"
        return ""

    @property
    def label(self) -> str:
        """The mode."""
        return self.config.requested.step.mode

    @property
    def images_per_s(self) -> Estimate | None:
        """Throughput with its 95 % confidence interval; None where nothing was measured."""
        return self.summary.images_per_s if self.summary else None

    @property
    def step_s(self) -> Estimate | None:
        """Mean step time with its 95 % confidence interval; None where nothing was measured."""
        return self.summary.step_s if self.summary else None

    @property
    def brief(self) -> tuple[tuple[str, str], ...]:
        """Mode, device, batch size and precision; throughput and verdict, or how the run ended."""
        config = self.config.resolved or self.config.requested
        asked = (
            ("mode", config.step.mode),
            ("device", self.machine.device if self.machine else config.runtime.device),
            ("batch size", str(config.step.batch_size)),
            ("precision", config.step.precision),
        )
        rate = self.images_per_s
        found = () if rate is None else (("throughput", f"{units.rate(rate.value)}{_interval(rate)}"),)
        ended = () if self.outcome.kind == "ok" else (("outcome", f"{self.outcome.kind} ({self.outcome.message})"),)
        return (*asked, *found, ("verdict", self.verdict.kind), *ended)

    def save(self, folder: Path) -> Path:
        """As every result. A trace that lies below `folder` is named relative to it, so that both can be moved
        together."""
        return Saved.save(_with_relative_trace(self, folder), folder)


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f" ({units.significant(estimate.low)} to {units.significant(estimate.high)}, 95 %)"


def _with_relative_trace(record: Record, folder: Path) -> Record:
    if record.trace is None or not Path(record.trace.path).is_relative_to(folder.resolve()):
        return record
    return replace(record, trace=replace(record.trace, path=str(Path(record.trace.path).relative_to(folder.resolve()))))


def trace_folder(path: Path, record: Record) -> Path | None:
    """The folder of the trace that the record in `path` names; None without one. It may be gone."""
    return None if record.trace is None else path.parent / record.trace.path
