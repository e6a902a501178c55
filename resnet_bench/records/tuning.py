"""Results of `tune`: every candidate, the best configuration, and the contribution of each option; its preset file.

The JSON keeps the names of its first version: `challenges` for `candidates`, `bounds` for `constraints`, `probe` for
`constraint_check`, `duet` for a contribution's `result`. Neighbours: `experiments/tuning/` searches, `ab.py` has the
A/B results, `report/terminal/tune.py` the words.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from resnet_bench.config import Config, preset_file
from resnet_bench.config.fields import Value
from resnet_bench.config.option import as_text, find_option, options
from resnet_bench.records.ab import AbResult, PairSamples
from resnet_bench.records.base import Data, Estimate, Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.files import write_atomically
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import Outcome
from resnet_bench.records.saved import Saved

SCHEMA_VERSION = 2
"""1: first version. 2: `type`."""

CandidateStatus = Literal["won", "dropped", "no difference", "failed", "out of bounds", "out of time"]


class Constraints(Data, frozen=True, kw_only=True):
    """Limits of a configuration: `latency_s` for the 90th percentile of one call (a batch, or --steps-per-call of
    them), `output_error` for the relative RMS of the logits' difference from float32's."""

    latency_s: float | None = None
    output_error: float | None = None


class ConstraintCheck(Data, frozen=True, kw_only=True):
    """What was measured for the constraints; None where there is no such constraint, or it was not measured."""

    latency_p90_s: Estimate | None = None
    output_error: float | None = None

    def breaks(self, limits: Constraints) -> str | None:
        """The option whose constraint is not met, or was not measured."""
        if limits.latency_s is not None and (self.latency_p90_s is None or self.latency_p90_s.value > limits.latency_s):
            return "--max-latency"
        if limits.output_error is not None and (self.output_error is None or self.output_error > limits.output_error):
            return "--max-output-error"
        return None


class Candidate(Data, frozen=True, kw_only=True):
    """One candidate, measured against the best configuration so far.

    `changes` are its values where they differ from the best's, which are in `instead_of`. `ratio` is the candidate's
    throughput over the best's; its interval is corrected for the number of candidates and used for selection only.
    `pairs` has every round. `broken` is the option whose constraint it does not meet.
    """

    changes: dict[str, Value]
    instead_of: dict[str, Value]
    status: CandidateStatus
    ratio: Estimate | None = None
    images_per_s: float | None = None
    pairs: tuple[PairSamples, ...] = ()
    constraint_check: ConstraintCheck | None = msgspec.field(default=None, name="probe")
    broken: str | None = None
    outcome: Outcome | None = None
    notices: tuple[Notice, ...] = ()
    wall_s: float = 0.0


class Contribution(Data, frozen=True, kw_only=True):
    """The best configuration against itself with one option put back: `result` and `ratio` are how much faster the
    option makes it, `confidence` is the level of `ratio`, corrected for all contributions (Holm)."""

    option: str
    value: Value
    without: Value
    result: AbResult | None = msgspec.field(default=None, name="duet")
    ratio: Estimate | None = None
    confidence: float | None = None
    outcome: Outcome | None = None


class TuningRecord(Saved, frozen=True, kw_only=True, tag="tuning"):
    """One search. `defaults` is TensorFlow's own way of doing the work, `best` the fastest configuration found; `gain`
    is best over defaults, from interleaved runs of their own (None: nothing was faster, or no time was left).
    `recommended` is `best`, or `defaults` where nothing was faster or the confirmation refuted it; `settings` are its
    options that are not this tool's defaults.
    """

    noun: ClassVar[str] = "tuning result"
    subfolder: ClassVar[str] = "tune"

    schema_version: int = SCHEMA_VERSION
    given: dict[str, Value]
    machine: Machine | None = None
    environment: Environment | None = None
    space: dict[str, tuple[Value, ...]] = msgspec.field(default_factory=dict)
    constraints: Constraints = msgspec.field(default=Constraints(), name="bounds")
    defaults: Config | None = None
    best: Config | None = None
    recommended: Literal["best", "defaults"] | None = None
    settings: dict[str, Value] = msgspec.field(default_factory=dict)
    candidates: tuple[Candidate, ...] = msgspec.field(default=(), name="challenges")
    gain: AbResult | None = None
    contributions: tuple[Contribution, ...] = ()
    warnings: tuple[Notice, ...] = ()
    notices: tuple[Notice, ...] = ()
    wall_s: float = 0.0

    @property
    def label(self) -> str:
        """The mode that was searched."""
        return str(self.given.get("mode", "train"))

    def save(self, folder: Path) -> Path:
        """As every result; and where there is something to recommend, its preset (.toml) beside it."""
        if self.recommended is not None:
            write_atomically(preset_path(folder / self.subfolder / self.file_name), preset(self))
        return Saved.save(self, folder)

    @property
    def command(self) -> str:
        """The recommended configuration as a command line."""
        asked = {
            name: value for name, value in self.settings.items() if value != find_option(name, "the result").default
        }
        return f"bench-cli run {shlex.join(words(asked))}".rstrip()


def lasting(given: Mapping[str, Any]) -> dict[str, Any]:
    """The user's options that belong to the configuration itself, not to the protocol."""
    kept = {option.name for option in options() if option.extra["role"] != "protocol"} | {"preset"}
    return {name: value for name, value in given.items() if name in kept}


def words(settings: Mapping[str, Any]) -> list[str]:
    """Options as command-line words."""
    found: list[str] = []
    for name, value in settings.items():
        option = find_option(name, "the result")
        dashed = name.replace("_", "-")
        if option.is_switch:
            found.append(f"--{dashed}" if value else f"--no-{dashed}")
        elif value is not None:
            found += [f"--{dashed}", as_text(name, value)]
    return found


def preset_path(result: Path) -> Path:
    """Where the preset of a saved result lies."""
    return result.with_suffix(".toml")


def preset(tuning: TuningRecord) -> bytes:
    """The recommended configuration as a file for --preset-file."""
    return preset_file.write(
        tuning.settings,
        (
            f"bench-cli tune, {tuning.created_at}, on {_machine(tuning)}",
            _gain_in_words(tuning),
            "bench-cli run --preset-file FILE takes this; the command line overrides it.",
        ),
    )


def _machine(tuning: TuningRecord) -> str:
    if tuning.machine is None:
        return "an unknown machine"
    if tuning.machine.gpu_name:
        return tuning.machine.gpu_name
    model = tuning.environment.cpu.model if tuning.environment else None
    return f"{model or tuning.machine.device}, {tuning.machine.cpus} CPUs"


def _gain_in_words(tuning: TuningRecord) -> str:
    if tuning.recommended == "defaults":
        return "No configuration was significantly faster than TensorFlow's defaults; these are the defaults."
    if tuning.gain is None or tuning.gain.ratio.low is None or tuning.gain.ratio.high is None:
        return "Its gain over TensorFlow's defaults has no confidence interval."
    ratio = tuning.gain.ratio
    return f"{ratio.value:.3f} times TensorFlow's defaults ({ratio.low:.3f} to {ratio.high:.3f}, 95 %)."
