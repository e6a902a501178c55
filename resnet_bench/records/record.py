"""The record: one JSON file per configuration, versioned, saved whole or not at all.

Schema history:
1  first version.
2  evidence, parity, profile, roofline, energy, pipeline stages and training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from resnet_bench.config import Config, TrainingConfig
from resnet_bench.errors import RecordError
from resnet_bench.records.base import Data, Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.evidence import OptionCheck, OutputError
from resnet_bench.records.files import stem, write_atomically
from resnet_bench.records.machine import Machine
from resnet_bench.records.pipeline import PipelineResult
from resnet_bench.records.profile import ProfileResult, ProfileSummary
from resnet_bench.records.roofline import Energy, Roofline
from resnet_bench.records.run import DataFacts, ModelFacts, Outcome, Samples, Verdict
from resnet_bench.records.summary import Summary
from resnet_bench.records.training import TrainingResult

SCHEMA_VERSION = 2
_encoder = msgspec.json.Encoder(order="deterministic")


class Configuration(Data, frozen=True, kw_only=True):
    """What was asked for (`given` names the options on the command line), and what it became.

    `resolved` is None where the run ended before the device was known. `training` is what a training was asked
    for beyond that; its `dataset` then stands for `data.source`.
    """

    requested: Config
    resolved: Config | None = None
    given: tuple[str, ...] = ()
    training: TrainingConfig | None = None


class Record(Data, frozen=True, kw_only=True):
    """One benchmark: configuration, environment, raw samples, summary and verdict.

    `trace` is what a profile captured, `profile` what it says; `pipeline` and `training` belong to the
    commands that measure the input alone and train to an accuracy.
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    created_at: str
    tool_version: str
    outcome: Outcome
    verdict: Verdict
    config: Configuration
    machine: Machine | None = None
    environment: Environment | None = None
    model: ModelFacts | None = None
    data: DataFacts | None = None
    samples: Samples = Samples()
    summary: Summary | None = None
    evidence: tuple[OptionCheck, ...] = ()
    parity: OutputError | None = None
    trace: ProfileResult | None = None
    profile: ProfileSummary | None = None
    roofline: Roofline | None = None
    energy: Energy | None = None
    pipeline: PipelineResult | None = None
    training: TrainingResult | None = None
    warnings: tuple[Notice, ...] = ()
    wall_s: float | None = None


def to_json(record: Record) -> bytes:
    """The record as indented JSON."""
    return msgspec.json.format(_encoder.encode(record), indent=2) + b"\n"


def file_name(record: Record) -> str:
    """The record's stem with `.json`."""
    return f"{stem(record.created_at, record.config.requested.step.mode, record.id)}.json"


def save(record: Record, folder: Path) -> Path:
    """Write the record into `folder` (made if missing) by atomic rename; returns its path.

    A trace that lies below `folder` is named relative to it, so that both can be moved together.
    """
    path = folder / file_name(record)
    write_atomically(path, to_json(_beside_trace(record, folder)))
    return path


def _beside_trace(record: Record, folder: Path) -> Record:
    if record.trace is None or not Path(record.trace.path).is_relative_to(folder.resolve()):
        return record
    return replace(record, trace=replace(record.trace, path=str(Path(record.trace.path).relative_to(folder.resolve()))))


def trace_folder(path: Path, record: Record) -> Path | None:
    """The folder of the trace that the record in `path` names; None without one. It may be gone."""
    return None if record.trace is None else path.parent / record.trace.path


def load(path: Path) -> Record:
    """Read a record; `RecordError` names the file and says what is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        version = msgspec.json.decode(content, type=_Header).schema_version
    except msgspec.MsgspecError as error:
        raise RecordError(f"{path} is not a record: {error}.", "It may be cut off, or another kind of file.") from error
    if version > SCHEMA_VERSION:
        raise RecordError(
            f"{path} has schema version {version}; this version reads up to {SCHEMA_VERSION}.",
            "Read it with a newer resnet-bench.",
        )
    try:
        return msgspec.json.decode(content, type=Record)
    except msgspec.MsgspecError as error:
        raise RecordError(f"{path} is not a valid record: {error}.") from error


class _Header(msgspec.Struct):
    schema_version: int


def json_schema() -> dict[str, Any]:
    """The record's JSON Schema (2020-12)."""
    schema = msgspec.json.schema(Record)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "resnet-bench record", **schema}
