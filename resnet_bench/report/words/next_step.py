"""What to do after a run: one command, chosen by what the record shows. Pure.

A record that is not valid gets the command that would make it so; a valid one the next question that a benchmark
raises. `tests/report/test_next_step.py` parses every command. Neighbours: `report/terminal/text.py` prints it as the
last line; the words of other results use `command_like` and `step`.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from resnet_bench.config import Config, DataConfig
from resnet_bench.config.fields import Value
from resnet_bench.config.option import options
from resnet_bench.records.base import Notice
from resnet_bench.records.columns import config_of, value_of
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.tuning import words

_DEFAULTS = Config()
ENOUGH_PROCESSES = 3
ENOUGH_ROUNDS = 20
ENOUGH_S = 600

_ROUNDS = frozenset({"few_rounds", "few_steady_rounds", "still_drifting", "slowing_down", "warmup_counted"})
_MORE_TIME = frozenset({"few_processes", "bimodal"}) | _ROUNDS
_DATA_OPTIONS = {option.name for option in options() if option.owner is DataConfig} - {"data_service"}
PIPELINE_OPTIONS = _DATA_OPTIONS | {"preset", "image_size", "channels", "classes", "batch_size", "device", "threads"}
_OWN_OPTIONS = {"run": None, "data bench": PIPELINE_OPTIONS | {"rounds", "max_time"}}
"""The commands that measure again, each with the options of `run` that it has; None: all."""


def next_step(record: Record, path: Path) -> str:
    """ "is it input-bound? bench-cli bottleneck --batch-size 32"; `path` is where the record was saved."""
    if record.config.training is not None:
        return _after_training(record)
    if record.outcome.kind != "ok":
        return _after_failure(record)
    return _after_doubts(record, path) or _after_success(record)


def _after_training(record: Record) -> str:
    found = record.training
    if found is not None and found.ended in ("interrupted", "budget"):
        return step("continue", ["bench-cli", "train", "--resume", *_folder(record)])
    if found is not None and found.ended == "failed" and found.epochs:
        return step("correct that, then continue", ["bench-cli", "train", "--resume", *_folder(record)])
    if found is None or found.model_path is None or not found.epochs:
        return step("inspect the machine", ["bench-cli", "doctor"])
    return step("test the model", ["bench-cli", "evaluate", "--model", found.model_path, *_test_set(record)])


def _folder(record: Record) -> list[str]:
    training = record.config.training
    return [] if training is None or training.folder == "training" else ["--folder", training.folder]


def _test_set(record: Record) -> list[str]:
    training, data = record.config.training, record.config.requested.data.data
    source = [] if training is None or training.source == "auto" else ["--source", training.source]
    return [*source, *([] if data is None else ["--data", data])]


def _after_failure(record: Record) -> str:
    kind, config = record.outcome.kind, config_of(record)
    if kind == "out_of_memory":
        return step("find the largest batch that fits", _again(record, {"batch_size": "max"}))
    if kind == "budget":
        return step("allow more time", _again(record, {"max_time": _longer_s(record)}))
    if kind == "interrupted":
        return step("start again", _again(record))
    if kind == "data" and config.data.source == "tfrecord" and config.data.data:
        return step("check every record", ["bench-cli", "data", "check", config.data.data])
    if kind in ("data", "config"):
        return step("correct that, then start again", _again(record))
    return step("inspect the machine", ["bench-cli", "doctor"])


def _again(record: Record, changes: Mapping[str, Value] | None = None) -> list[str]:
    """The command that measured the record, with changes."""
    name = "run" if record.pipeline is None or not record.pipeline.epochs else "data bench"
    return command_like(name, record.config, changes, only=_OWN_OPTIONS[name])


def _after_doubts(record: Record, path: Path) -> str:
    """What would make the verdict valid; empty where nothing would, or it is valid."""
    reasons = record.verdict.reasons
    kinds = {reason.kind for reason in reasons}
    if kinds & {"option_without_effect", "promise_broken"}:
        return step("see every option check", ["bench-cli", "show", "--evidence", str(path)])
    if "loss_not_finite" in kinds:
        return step("use a safe precision", _again(record, {"precision": "float32"}))
    if kinds & _MORE_TIME or any(reason.topic == "budget" for reason in reasons):
        return step("measure longer", _again(record, _longer(record, reasons)))
    if any(reason.topic == "interference" for reason in reasons):
        return step("run again when the machine is idle", _again(record))
    return ""


def _longer(record: Record, reasons: Collection[Notice]) -> dict[str, Value]:
    """Enough processes and rounds, and time for them."""
    measure, kinds = config_of(record).measure, {reason.kind for reason in reasons}
    changes: dict[str, Value] = {}
    if "few_processes" in kinds and measure.processes < ENOUGH_PROCESSES:
        changes["processes"] = ENOUGH_PROCESSES
    rounds = record.config.requested.measure.rounds
    if kinds & _ROUNDS and rounds != "auto":
        changes["rounds"] = ENOUGH_ROUNDS if rounds < ENOUGH_ROUNDS else 2 * rounds
    return {**changes, "max_time": _longer_s(record)}


def _longer_s(record: Record) -> int:
    """A time budget in whole seconds: twice that of the record, and enough for a standard run."""
    return max(ENOUGH_S, math.ceil(2 * config_of(record).measure.max_time))


def _after_success(record: Record) -> str:
    config = config_of(record)
    if config.step.mode == "input":
        return _after_pipeline(record)
    if config.data.has_pipeline:
        return step("is it input-bound?", command_like("bottleneck", record.config))
    if record.trace is None:
        return step("where does a step's time go?", command_like("profile", record.config))
    return step("find faster options", command_like("tune", record.config))


def _after_pipeline(record: Record) -> str:
    if record.pipeline is None or not record.pipeline.stages:
        return step("find the slowest stage", command_like("data bench", record.config, only=PIPELINE_OPTIONS))
    if not record.pipeline.ablation:
        found = command_like("data bench", record.config, only=PIPELINE_OPTIONS)
        return step("which pipeline option matters?", [*found, "--ablate"])
    return step(
        "find the fastest options", command_like("tune", record.config, {"mode": "input"}, only=PIPELINE_OPTIONS)
    )


def command_like(
    name: str,
    configuration: Configuration,
    changes: Mapping[str, Value] | None = None,
    only: Collection[str] | None = None,
) -> list[str]:
    """A command with the options that were given for a result; `changes` replace or join them.

    Only those of `only`, if that is given; and for commands other than `run` and `data bench` only those that say what
    is run, not how it is measured.
    """
    requested = configuration.requested
    given: dict[str, Any] = {
        option.name: _whole(value_of(requested, option))
        for option in options()
        if option.name in configuration.given
        and option.section != "output"
        and (only is None or option.name in only)
        and (name in _OWN_OPTIONS or option.extra["role"] != "protocol" or option.name == "preset")
    }
    if given.get("preset") == _DEFAULTS.preset:
        del given["preset"]
    folder = ["--output", requested.output.output] if "output" in configuration.given else []
    return ["bench-cli", *name.split(), *words({**given, **(changes or {})}), *folder]


def _whole(value: Any) -> Any:
    """60 for 60.0; every other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def non_default(config: Config) -> dict[str, Any]:
    """The options that define a configuration, where they differ from the defaults; not how it is measured."""
    return {
        option.name: value
        for option in options()
        if option.section != "output"
        and option.extra["role"] != "protocol"
        and (value := value_of(config, option)) != value_of(_DEFAULTS, option)
    }


def step(why: str, command: list[str]) -> str:
    """ "is it input-bound? bench-cli bottleneck" """
    return f"{why}{'' if why.endswith('?') else ':'} {shlex.join(command)}"
