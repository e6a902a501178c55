"""Records to a comparison, or to a refusal that names what differs. Pure.

Records of one configuration are pooled; the process is the unit of replication. What must be equal is
declared once: the role of each field in `config/`, and `MACHINE` and `VERSIONS` below. Options, versions
and the rest of the environment may differ, and are reported. Neighbours: `ratio.py` has the statistics,
`records/record.py` the records, `report/words/comparison.py` the words.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from resnet_bench.analysis import ratio as ratios
from resnet_bench.config import Config
from resnet_bench.config.option import training_options
from resnet_bench.config.options import options
from resnet_bench.errors import ConfigError, IncomparableError
from resnet_bench.records.base import Data, Difference, Estimate, Finding
from resnet_bench.records.environment import Environment, steering
from resnet_bench.records.machine import Machine
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.run import DataFacts

SCHEMA_VERSION = 2
"""Of `compare --json`. 1: first version. 2: `type`."""


class Measured(Protocol):
    """What was measured somewhere: a record, or another result with its configuration, data and machine."""

    @property
    def config(self) -> Configuration:
        """What was requested and what it became."""

    @property
    def data(self) -> DataFacts | None:
        """The images that were read, where that is known."""

    @property
    def machine(self) -> Machine | None:
        """Where it ran, once that was known."""

    @property
    def environment(self) -> Environment | None:
        """What was around it."""


MACHINE: dict[str, Callable[[Measured], Any]] = {
    "machine_id": lambda record: record.environment and record.environment.machine_id,
    "architecture": lambda record: record.environment and record.environment.architecture,
    "cpu.model": lambda record: record.environment and record.environment.cpu.model,
    "cpu.cpus": lambda record: record.environment and record.environment.cpu.cpus,
    "cpu.cpu_quota": lambda record: record.environment and record.environment.cpu.cpu_quota,
    "gpu_name": lambda record: record.machine and record.machine.gpu_name,
}
"""What makes a machine; records of different ones are not compared."""


def _steering(record: Record) -> str | None:
    """The variables that change what is computed, as a shell would set them."""
    found = steering(record.environment.variables) if record.environment else {}
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in found.items()) or None


VERSIONS: dict[str, Callable[[Record], Any]] = {
    "tool_version": lambda record: record.tool_version,
    "git_revision": lambda record: record.environment and record.environment.git_revision,
    "git_dirty": lambda record: record.environment and record.environment.git_dirty,
    "tensorflow.version": lambda record: (
        record.environment.tensorflow.version if record.environment and record.environment.tensorflow else None
    ),
    "variables": _steering,
}
"""What must be equal within a pool; between pools it may be what the comparison is about."""

_FOLLOWS_OPTIONS = (
    *("tensorflow.onednn", "tensorflow.tf32", "tensorflow.dtype_policy", "tensorflow.intra_op_threads"),
    *("tensorflow.inter_op_threads", "tensorflow.data_threads", "tensorflow.visible_devices", "device"),
    *("variables.TF_ENABLE_ONEDNN_OPTS", "variables.TF_CPP_MIN_LOG_LEVEL", "variables.TF_CPP_VMODULE"),
    "variables.TF_FORCE_GPU_ALLOW_GROWTH",
)
"""Parts of the environment that only repeat what the options say."""


class ComparedSide(Data, frozen=True, kw_only=True):
    """One side: which files, and the rate of each process in images per second."""

    label: str
    files: tuple[str, ...]
    images_per_s: float
    process_images_per_s: tuple[float, ...]
    verdicts: tuple[str, ...]


class Comparison(Data, frozen=True, kw_only=True):
    """New over base: `ratio` of throughputs with its interval at `confidence` (corrected for the number of
    comparisons), and what it says. `below_noise_floor` is None where the machine's floor is unknown."""

    new: ComparedSide
    ratio: Estimate
    confidence: float
    p_value: float | None
    finding: Finding
    below_noise_floor: bool | None
    options: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    protocol: tuple[Difference, ...]
    allowed: tuple[Difference, ...]


class Refusal(Data, frozen=True, kw_only=True):
    """What is not compared, and the differences that forbid it."""

    new: ComparedSide
    differences: tuple[Difference, ...]


class ComparisonReport(Data, frozen=True, kw_only=True, tag_field="type", tag="comparison"):
    """All comparisons with one base. `noise_floor` is a fraction, `allowed` the fields that --allow named."""

    schema_version: int = SCHEMA_VERSION
    base: ComparedSide
    comparisons: tuple[Comparison, ...] = ()
    refused: tuple[Refusal, ...] = ()
    allowed: tuple[str, ...] = ()
    noise_floor: float | None = None


@dataclass(frozen=True)
class NamedRecord:
    """A record and the file it came from."""

    name: str
    record: Record


@dataclass(frozen=True)
class Pool:
    """Records of one configuration on one machine with one version."""

    sources: tuple[NamedRecord, ...]

    @property
    def record(self) -> Record:
        """The first; all agree in what matters."""
        return self.sources[0].record

    @property
    def rates(self) -> tuple[float, ...]:
        """One rate per process, in images per second."""
        return tuple(
            rate
            for source in self.sources
            if source.record.summary is not None
            for rate in source.record.summary.process_images_per_s
        )


def unusable(record: Record, allow: frozenset[str] = frozenset()) -> str | None:
    """Why a record cannot be compared at all; None where it can."""
    if record.outcome.kind != "ok":
        return f"the run did not finish ({record.outcome.kind})"
    if record.summary is None or record.config.resolved is None:
        return "it holds no summary"
    if record.verdict.kind == "invalid" and "verdict" not in allow:
        reasons = ", ".join(reason.kind for reason in record.verdict.reasons)
        return f"its verdict is invalid ({reasons}); --allow verdict compares it nevertheless"
    return None


def check_allowed(fields: Iterable[str]) -> frozenset[str]:
    """The fields of --allow; `ConfigError` for one that nothing is ever refused for."""
    allow = frozenset(fields)
    known = ["verdict", "manifest_hash", *_names("workload"), *MACHINE, *VERSIONS]
    for name in sorted(allow):
        if name in _names("option"):
            raise ConfigError(f"--allow {name} is not needed: {name} may differ, it is what is compared.")
        if name not in known:
            raise ConfigError(f"--allow {name} names no field.", f"Fields are {', '.join(known)}.")
    return allow


def pools(sources: Sequence[NamedRecord], allow: frozenset[str] = frozenset()) -> list[Pool]:
    """Group usable records by configuration, machine and version, in the order they come; a record that is
    there twice counts once."""
    found: dict[bytes, dict[str, NamedRecord]] = {}
    for source in sources:
        parts = {**_workload(source.record), **_by_role(source.record, "option")}
        parts |= {name: get(source.record) for name, get in (MACHINE | VERSIONS).items()}
        key = {name: value for name, value in parts.items() if name not in allow}
        found.setdefault(msgspec.json.encode(key, order="sorted"), {}).setdefault(source.record.id, source)
    return [Pool(tuple(group.values())) for group in found.values()]


def only(found: Sequence[Pool], what: str) -> Pool:
    """The one pool that a base must be; `IncomparableError` says what differs between several."""
    if len(found) == 1:
        return found[0]
    if not found:
        raise IncomparableError(f"{what} holds no record that can be compared.", "Name records of finished runs.")
    names = _differing(_all_fields(found[0].record), _all_fields(found[1].record))
    shown = ", ".join(f"{each.field} {each.base} and {each.new}" for each in names[:4])
    raise IncomparableError(
        f"{what} holds {len(found)} configurations, which differ in {shown}.",
        "Name one file as the base, or pool what may differ with --allow.",
    )


def compare(
    base: Pool, news: Sequence[Pool], allow: frozenset[str] = frozenset(), noise_floor: float | None = None
) -> ComparisonReport:
    """Each of `news` against `base`, corrected for their number. Every pool holds usable records."""
    accepted: list[tuple[Pool, ratios.LogRatio]] = []
    refused = []
    for new in news:
        forbidden = [each for each in _must_match(base.record, new.record) if each.field not in allow]
        if forbidden:
            refused.append(Refusal(new=_subject(new, base), differences=tuple(forbidden)))
        else:
            accepted.append((new, ratios.unpaired(base.rates, new.rates)))
    confidences = ratios.holm([ratio.p_value for _, ratio in accepted])
    return ComparisonReport(
        base=_subject(base, None),
        comparisons=tuple(
            _comparison(base, new, ratio, confidence, noise_floor)
            for (new, ratio), confidence in zip(accepted, confidences, strict=True)
        ),
        refused=tuple(refused),
        allowed=tuple(sorted(allow)),
        noise_floor=noise_floor,
    )


def _comparison(base: Pool, new: Pool, ratio: ratios.LogRatio, confidence: float, floor: float | None) -> Comparison:
    estimate = ratio.estimate(confidence)
    before, after = base.record, new.record
    return Comparison(
        new=_subject(new, base),
        ratio=estimate,
        confidence=confidence,
        p_value=ratio.p_value,
        finding=ratios.finding(estimate),
        below_noise_floor=None if floor is None else abs(ratio.centre) < math.log1p(floor),
        options=tuple(_differing(_by_role(before, "option"), _by_role(after, "option"))),
        environment=tuple(_differing(environment_fields(before), environment_fields(after))),
        protocol=tuple(_differing(_protocol(before), _protocol(after))),
        allowed=tuple(_must_match(before, after)),
    )


def _subject(pool: Pool, base: Pool | None) -> ComparedSide:
    work = sum(source.record.summary.timed_images for source in pool.sources if source.record.summary)
    seconds = sum(source.record.summary.timed_s for source in pool.sources if source.record.summary)
    return ComparedSide(
        label="base" if base is None else _label(pool, base),
        files=tuple(source.name for source in pool.sources),
        images_per_s=work / seconds,
        process_images_per_s=pool.rates,
        verdicts=tuple(source.record.verdict.kind for source in pool.sources),
    )


def _label(pool: Pool, base: Pool) -> str:
    """What is different about a pool; the name of its first file where nothing declared is."""
    before, after = base.record, pool.record
    found = _differing(_by_role(before, "option"), _by_role(after, "option"))
    found += _must_match(before, after)
    found += _differing({n: get(before) for n, get in VERSIONS.items()}, {n: get(after) for n, get in VERSIONS.items()})
    return ", ".join(f"{each.field} {each.new}" for each in found) or pool.sources[0].name


def _names(role: str) -> list[str]:
    every = (*options(), *training_options())
    return list(dict.fromkeys(option.name for option in every if option.extra["role"] == role))


def config_differences(base: Config, new: Config, role: str) -> tuple[Difference, ...]:
    """Where two configurations differ among the options of a role."""
    return tuple(_differing(_of_config(base, role), _of_config(new, role)))


def _by_role(record: Measured, role: str) -> dict[str, Any]:
    found = _of_config(record.config.resolved or record.config.requested, role)
    training = record.config.training
    if training is not None:
        own = (option.name for option in training_options() if option.extra["role"] == role)
        found |= {name: getattr(training, name) for name in own}
    return found


def _of_config(config: Config, role: str) -> dict[str, Any]:
    return {option.name: option.value_in(config) for option in options() if option.extra["role"] == role}


def _protocol(record: Record) -> dict[str, Any]:
    """How it was asked to be measured; where results went does not count."""
    requested = record.config.requested.measure
    return {name: getattr(requested, name) for name in ("warmup", "rounds", "steps", "latency_samples")}


def _workload(record: Measured) -> dict[str, Any]:
    """The workload, its data by content where that is known, else by path."""
    found = _by_role(record, "workload")
    identity = record.data.manifest_hash if record.data is not None else None
    if identity is not None:
        found.pop("data")
    return {**found, "manifest_hash": identity}


def same_work(one: Measured, other: Measured) -> bool:
    """Whether both did the same work on the same device of the same machine; other options may differ."""
    devices = [each.machine and (each.machine.device_kind, each.machine.gpu_name) for each in (one, other)]
    return devices[0] == devices[1] and not _must_match(one, other)


def option_differences(one: Measured, other: Measured) -> tuple[Difference, ...]:
    """The ways of doing the work in which they differ."""
    return tuple(_differing(_by_role(one, "option"), _by_role(other, "option")))


def _must_match(base: Measured, new: Measured) -> list[Difference]:
    found = _differing(_workload(base), _workload(new))
    both_gpu = all(record.machine is not None and record.machine.device_kind == "gpu" for record in (base, new))
    names = [name for name in MACHINE if both_gpu or name != "gpu_name"]
    return found + _differing(
        {name: MACHINE[name](base) for name in names}, {name: MACHINE[name](new) for name in names}
    )


def _all_fields(record: Record) -> dict[str, Any]:
    versions = {name: get(record) for name, get in (MACHINE | VERSIONS).items()}
    return {**_workload(record), **_by_role(record, "option"), **versions}


def environment_fields(record: Record) -> dict[str, Any]:
    """Everything around the run but the machine itself, by dotted path."""
    flat: dict[str, Any] = {}
    _flatten("", msgspec.to_builtins(record.environment), flat)
    return {
        name: value for name, value in flat.items() if name not in MACHINE and not name.startswith(_FOLLOWS_OPTIONS)
    }


def _flatten(prefix: str, value: Any, into: dict[str, Any]) -> None:
    if isinstance(value, Mapping):
        for name, part in value.items():
            _flatten(f"{prefix}.{name}" if prefix else str(name), part, into)
    else:
        into[prefix] = value


def _differing(base: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(field=name, base=_text(base.get(name)), new=_text(new.get(name)))
        for name in [*base, *(name for name in new if name not in base)]
        if base.get(name) != new.get(name)
    ]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | list):
        return ("x" if len(value) == 2 else ",").join(str(part) for part in value)
    return str(value)
