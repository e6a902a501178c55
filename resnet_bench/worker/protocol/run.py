"""The messages of a benchmark run, of building a network and of examining a machine."""

from __future__ import annotations

from typing import Literal

from resnet_bench.config import Config
from resnet_bench.records.base import Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.machine import Machine
from resnet_bench.records.model_card import WeightsFacts
from resnet_bench.records.run import (
    ColdStart,
    DataFacts,
    Memory,
    ModelFacts,
    Round,
    Split,
    StageFacts,
    StepCounts,
    StepResult,
)
from resnet_bench.runtime.doctor import DoctorReport
from resnet_bench.worker.protocol.base import Command, Message

Scope = Literal["whole", "model", "pipeline"]
"""What of a step runs: all of it, its model on resident data, or its pipeline into nothing."""


class Prepare(Command, frozen=True, kw_only=True):
    """Import, build, trace, run the first step and open the data. Reply: `Prepared`.

    part: the whole step; or its model alone, fed by a batch that lies on the device; or its pipeline alone,
    with no network. The configuration is resolved in the same way for all three.
    """

    config: Config
    log_path: str
    part: Scope = "whole"


class WarmUp(Command, frozen=True, kw_only=True):
    """Run untimed-in-the-result steps, each of them a round. Reply: `Timed`."""

    steps: int


class Measure(Command, frozen=True, kw_only=True):
    """Time rounds; each is sent as a `RoundDone` at once. `budget_s` ends the series early. Reply: `Timed`.

    `pre_turn_calls` calls run untimed right before each round (see `Bench.round`). `watch` notes what the process does
    between the first and the last of the rounds, for evidence.
    """

    rounds: int
    steps: int
    budget_s: float | None = None
    pre_turn_calls: int = 0
    purpose: Literal["timed", "latency"] = "timed"
    watch: bool = False


class MeasureSplit(Command, frozen=True, kw_only=True):
    """Time forward, backward and optimizer separately, interleaved. `budget_s` ends it early. Reply: `SplitDone`."""

    rounds: int
    budget_s: float | None = None


class Build(Command, frozen=True, kw_only=True):
    """Build the network, start it from `weights`, and save it. Reply: `Built`.

    `path` ends in .keras; None saves nothing. `portable` saves it with Keras' own batch norm. `weights`,
    `new_head` and `fold_biases` are those of `model.pretrained.start_from`.
    """

    config: Config
    path: str | None
    portable: bool
    weights: str | None = None
    new_head: bool = False
    fold_biases: bool = False


class RunDoctor(Command, frozen=True, kw_only=True):
    """Examine the machine (for `doctor`). Reply: `DoctorDone`."""

    config: Config


class Finish(Command, frozen=True, kw_only=True):
    """Sum up and end the process. Reply: `Finished`."""


class PhaseStarted(Message, frozen=True, kw_only=True):
    """The worker entered a phase: import, build, trace, compile, data, ..."""

    phase: str


class Resolved(Message, frozen=True, kw_only=True):
    """The device is known: what the configuration became, and where it runs."""

    config: Config
    machine: Machine
    environment: Environment
    notices: tuple[Notice, ...]


class RoundDone(Message, frozen=True, kw_only=True):
    """One round has just been timed; `variant` names the pipeline, where one worker measures several."""

    round: Round
    variant: str = ""


class Prepared(Message, frozen=True, kw_only=True):
    """Ready to time. `model` is None for `--mode input`. `peak_host_bytes` is the most memory it took so far."""

    cold_start: ColdStart
    model: ModelFacts | None
    data: DataFacts
    notices: tuple[Notice, ...] = ()
    peak_host_bytes: int | None = None


class Timed(Message, frozen=True, kw_only=True):
    """The series is over; `notices` are what happened to its input meanwhile."""

    notices: tuple[Notice, ...] = ()


class SplitDone(Message, frozen=True, kw_only=True):
    """The split of the training step."""

    split: Split


class Built(Message, frozen=True, kw_only=True):
    """The network, counted; `stages` has a line per stage: name, blocks, output shape, parameters, MACs."""

    model: ModelFacts
    stages: tuple[StageFacts, ...]
    weights: WeightsFacts | None = None
    notices: tuple[Notice, ...] = ()


class DoctorDone(Message, frozen=True, kw_only=True):
    """What this machine has and can do."""

    examination: DoctorReport


class Finished(Message, frozen=True, kw_only=True):
    """What is known only at the end."""

    memory: Memory
    counts: StepCounts
    result: StepResult = StepResult()
    skipped_records: int | None = None
    threads_seen: int | None = None
    notices: tuple[Notice, ...] = ()


class Failed(Message, frozen=True, kw_only=True):
    """The command could not be carried out; `kind` is one of `errors.ERRORS`."""

    kind: str
    message: str
    remedy: str
    phase: str
