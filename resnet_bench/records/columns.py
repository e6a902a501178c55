"""A record as one flat row, for tables, databases and trackers.

Owns the documented columns: facts and results of the run, then every option of `config/` as resolved, with its own
name and help. Also the two hashes that tell which rows are comparable over time: settings and machine. Neighbours:
`history.py` queries rows, `report/export/csv.py` writes them.
"""

from __future__ import annotations

import datetime
import hashlib
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.config.option import training_options
from resnet_bench.config.options import Option, options
from resnet_bench.records.base import Estimate
from resnet_bench.records.record import Record

Row = dict[str, Value]

_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True)
class Column:
    """One column: name, SQL type, description, and how it is read from a record."""

    name: str
    sql_type: str
    help: str
    read: Callable[[Record], Value]


@dataclass(frozen=True)
class Metric:
    """A column that history can plot; `unit` is the column's own."""

    name: str
    words: str
    unit: str
    bigger_is_better: bool = False


METRICS = (
    Metric("images_per_s", "throughput", "img/s", bigger_is_better=True),
    Metric("step_s", "mean step time", "s"),
    Metric("latency_p50_s", "median step latency", "s"),
    Metric("latency_p90_s", "90th percentile of step latency", "s"),
    Metric("latency_p99_s", "99th percentile of step latency", "s"),
    Metric("cold_start_s", "cold start", "s"),
    Metric("peak_host_bytes", "peak host memory", "B"),
    Metric("peak_device_bytes", "peak device memory", "B"),
)


def config_of(record: Record) -> Config:
    """The resolved configuration, or the requested one if the run ended before that."""
    return record.config.resolved or record.config.requested


def settings(record: Record) -> str:
    """Eight hex digits, equal for runs of the same workload with the same options.

    Options of the protocol (`config.PROTOCOL`) and the machine do not count.
    """
    config = config_of(record)
    values = {o.name: value_of(config, o) for o in options() if o.extra.get("role") != "protocol"}
    if record.config.training is not None:
        own = (o.name for o in training_options() if o.extra.get("role") != "protocol")
        values |= {name: getattr(record.config.training, name) for name in own}
    return hashlib.sha256(_encoder.encode(values)).hexdigest()[:8]


def machine(record: Record) -> str | None:
    """Eight hex digits of the machine and the device; None where they are unknown."""
    environment, found = record.environment, record.machine
    if environment is None or found is None:
        return None
    known = (environment.machine_id, environment.cpu.model, found.cpus, found.device, found.gpu_name)
    return hashlib.sha256(repr(known).encode()).hexdigest()[:8]


def _created(record: Record) -> str:
    """UTC without its offset, as SQL's TIMESTAMP takes it."""
    moment = datetime.datetime.fromisoformat(record.created_at)
    return moment.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(sep=" ")


def _rate(record: Record) -> Estimate | None:
    return record.summary.images_per_s if record.summary else None


def _latency(record: Record, name: str) -> float | None:
    latency = record.summary.step_latency_s if record.summary else None
    estimate = getattr(latency, name) if latency else None
    return estimate.value if estimate else None


def _summary(record: Record, name: str) -> Value:
    value: Value = getattr(record.summary, name) if record.summary else None
    return value


def _package(record: Record, name: str) -> str | None:
    return record.environment.packages.get(name) if record.environment else None


FACTS = (
    Column("id", "VARCHAR", "The record's identity.", lambda r: r.id),
    Column("created_at", "TIMESTAMP", "When the run began, in UTC.", _created),
    Column("tool_version", "VARCHAR", "Version of resnet-bench.", lambda r: r.tool_version),
    Column("outcome", "VARCHAR", "ok, or what ended the run.", lambda r: r.outcome.kind),
    Column("verdict", "VARCHAR", "valid, provisional or invalid.", lambda r: r.verdict.kind),
    Column(
        "reasons", "VARCHAR", "Kinds of the verdict's reasons.", lambda r: " ".join(n.kind for n in r.verdict.reasons)
    ),
    Column("settings", "VARCHAR", "Equal for the same workload with the same options.", settings),
    Column("machine", "VARCHAR", "Equal for the same machine and device.", machine),
    Column("images_per_s", "DOUBLE", "Throughput.", lambda r: e.value if (e := _rate(r)) else None),
    Column(
        "images_per_s_low",
        "DOUBLE",
        "Lower end of its 95 % confidence interval.",
        lambda r: e.low if (e := _rate(r)) else None,
    ),
    Column("images_per_s_high", "DOUBLE", "Upper end of that interval.", lambda r: e.high if (e := _rate(r)) else None),
    Column("step_s", "DOUBLE", "Mean step time.", lambda r: r.summary.step_s.value if r.summary else None),
    Column("latency_p50_s", "DOUBLE", "Median of single steps.", lambda r: _latency(r, "p50")),
    Column("latency_p90_s", "DOUBLE", "Their 90th percentile.", lambda r: _latency(r, "p90")),
    Column("latency_p99_s", "DOUBLE", "Their 99th percentile.", lambda r: _latency(r, "p99")),
    Column(
        "cold_start_s",
        "DOUBLE",
        "From process start until the first step ran.",
        lambda r: _summary(r, "cold_start_total_s"),
    ),
    Column("peak_host_bytes", "BIGINT", "Peak resident memory.", lambda r: _summary(r, "peak_host_bytes")),
    Column("peak_device_bytes", "BIGINT", "Peak of the GPU's allocator.", lambda r: _summary(r, "peak_device_bytes")),
    Column("timed_steps", "BIGINT", "Steps in the timed rounds.", lambda r: _summary(r, "timed_steps")),
    Column("timed_s", "DOUBLE", "Seconds of timed rounds.", lambda r: _summary(r, "timed_s")),
    Column(
        "measured_processes",
        "BIGINT",
        "Processes with timed rounds.",
        lambda r: sum(bool(p.rounds) for p in r.samples.processes),
    ),
    Column("wall_s", "DOUBLE", "Seconds of the whole run.", lambda r: r.wall_s),
    Column("macs", "BIGINT", "Multiply-accumulates per image.", lambda r: r.model.macs if r.model else None),
    Column("gpu", "VARCHAR", "The GPU's name.", lambda r: r.machine.gpu_name if r.machine else None),
    Column("cpu", "VARCHAR", "The CPU's name.", lambda r: r.environment.cpu.model if r.environment else None),
    Column("cpus", "BIGINT", "CPUs that the run could use.", lambda r: r.machine.cpus if r.machine else None),
    Column("tensorflow", "VARCHAR", "TensorFlow's version.", lambda r: _package(r, "tensorflow")),
    Column("keras", "VARCHAR", "Keras' version.", lambda r: _package(r, "keras")),
    Column(
        "git_revision",
        "VARCHAR",
        "Revision of this tool's checkout.",
        lambda r: r.environment.git_revision if r.environment else None,
    ),
)


@cache
def columns() -> tuple[Column, ...]:
    """All columns in order: facts, then options. `row` puts the file's name before them."""
    return (*FACTS, *(_option_column(option) for option in options() if option.section != "output"))


def _option_column(option: Option) -> Column:
    def read(record: Record) -> Value:
        value = value_of(config_of(record), option)
        return value if option_type == "VARCHAR" or not isinstance(value, str) else None

    option_type = _sql_type(option.annotation)
    return Column(option.name, option_type, option.help, read)


def _sql_type(annotation: object) -> str:
    """The SQL type of an option once it is resolved."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _sql_type(inner[0])
    if origin in (typing.Union, types.UnionType):
        return _sql_type(inner[0])
    if origin is typing.Literal:
        return "BIGINT" if isinstance(inner[0], int) else "VARCHAR"
    return {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE"}.get(typing.cast(type, annotation), "VARCHAR")


def row(path: Path, record: Record) -> Row:
    """The record in `path` as a flat row."""
    return {"file": path.name, **{column.name: column.read(record) for column in columns()}}


def varied(configs: Sequence[Config]) -> tuple[Option, ...]:
    """The options whose values differ among these configurations, in order; output does not count."""
    return tuple(
        option
        for option in options()
        if option.section != "output" and len({value_of(config, option) for config in configs}) > 1
    )


def value_of(config: Config, option: Option) -> Value:
    """The value that a configuration gives to an option; tuples as a user types them (224x224, 3,4,6,3)."""
    value = option.value_in(config)
    if isinstance(value, (list, tuple)):
        return ("x" if option.name == "image_size" else ",").join(str(part) for part in value)
    assert value is None or isinstance(value, (bool, int, float, str))
    return value
