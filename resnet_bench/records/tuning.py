"""What a search for the fastest configuration came to: every challenger, the winner, and what each switch gave. Pure.

Neighbours: `tune.py` searches, `matches/contest.py` has the matches, `report/tune.py` the words.
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
    """What a configuration must keep to: `latency_s` bounds the 90th percentile of one call (a batch, or
    --steps-per-call of them), `output_error` the relative RMS of the logits' difference from float32's."""

    latency_s: float | None = None
    output_error: float | None = None


class ConstraintCheck(Data, frozen=True, kw_only=True):
    """What was found out about a configuration's bounds; None where there is none to keep, or it was not reached."""

    latency_p90_s: Estimate | None = None
    output_error: float | None = None

    def breaks(self, bounds: Constraints) -> str | None:
        """The option whose bound it does not keep."""
        if bounds.latency_s is not None and (self.latency_p90_s is None or self.latency_p90_s.value > bounds.latency_s):
            return "--max-latency"
        if bounds.output_error is not None and (self.output_error is None or self.output_error > bounds.output_error):
            return "--max-output-error"
        return None


class Candidate(Data, frozen=True, kw_only=True):
    """One challenger against the champion of that moment.

    `changes` are its values where they differ from the champion's `instead_of`. `ratio` is challenger over
    champion; its interval is as wide as the number of challengers asks for. `pairs` keeps every turn.
    """

    changes: dict[str, Value]
    instead_of: dict[str, Value]
    status: CandidateStatus
    ratio: Estimate | None = None
    images_per_s: float | None = None
    pairs: tuple[PairSamples, ...] = ()
    probe: ConstraintCheck | None = None
    broken: str | None = None
    outcome: Outcome | None = None
    notices: tuple[Notice, ...] = ()
    wall_s: float = 0.0


class Contribution(Data, frozen=True, kw_only=True):
    """The best configuration against itself with one switch put back: `duet` is how much faster the switch makes
    it, `confidence` the level of `ratio` when all contributions are looked at together (Holm)."""

    option: str
    value: Value
    without: Value
    duet: AbResult | None = None
    ratio: Estimate | None = None
    confidence: float | None = None
    outcome: Outcome | None = None


class TuningRecord(Saved, frozen=True, kw_only=True, tag="tuning"):
    """One search. `defaults` is TensorFlow's own way of doing the work, `best` the last champion; `gain` is best
    over defaults, from matches of their own (None: nothing won, or no time was left). `recommended` is `best`,
    or `defaults` where none won, or the last match refuted it; `settings` are its options that are not this
    tool's defaults.
    """

    noun: ClassVar[str] = "tuning result"
    subfolder: ClassVar[str] = "tune"

    schema_version: int = SCHEMA_VERSION
    given: dict[str, Value]
    machine: Machine | None = None
    environment: Environment | None = None
    space: dict[str, tuple[Value, ...]] = msgspec.field(default_factory=dict)
    bounds: Constraints = Constraints()
    defaults: Config | None = None
    best: Config | None = None
    recommended: Literal["best", "defaults"] | None = None
    settings: dict[str, Value] = msgspec.field(default_factory=dict)
    challenges: tuple[Candidate, ...] = ()
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
    """What of the user's options belongs to the configuration itself, not to how it was measured."""
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
            _claim(tuning),
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


def _claim(tuning: TuningRecord) -> str:
    if tuning.recommended == "defaults":
        return "Nothing was shown to beat TensorFlow's defaults; these are the defaults."
    if tuning.gain is None or tuning.gain.ratio.low is None or tuning.gain.ratio.high is None:
        return "Its gain over TensorFlow's defaults has no interval."
    ratio = tuning.gain.ratio
    return f"{ratio.value:.3f} times TensorFlow's defaults ({ratio.low:.3f} to {ratio.high:.3f}, 95 %)."
