"""Which modes and options each `--runtime` has; what it does not have is refused by name.

Neighbours: `checks.py` refuses, `worker/backends/` do what is said here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import fields

from resnet_bench.config.config import Config
from resnet_bench.config.data import DataConfig
from resnet_bench.config.fields import ConfigSection
from resnet_bench.config.runtime import RuntimeName
from resnet_bench.errors import ConfigError

COMMON = frozenset(
    {
        *("preset", "preset_file", "runtime", "mode", "batch_size", "image_size", "classes", "device", "seed"),
        *("warmup", "rounds", "steps", "latency_samples", "processes", "max_time", "timeout"),
        *("output", "json", "require_valid"),
    }
)
"""Options that every runtime has: what work is done, and how it is measured."""


@dataclass(frozen=True)
class RuntimeSupport:
    """What a runtime can do. `options` are those beyond `COMMON`; of all others
    the default alone is allowed, and means nothing.
    `evidence`: it shows what ran, so that options can be checked."""

    modes: tuple[str, ...]
    options: frozenset[str]
    evidence: bool = False


SUPPORT: dict[RuntimeName, RuntimeSupport | None] = {
    "tensorflow": None,
    "keras": RuntimeSupport(
        modes=("train", "infer"),
        options=frozenset(
            {*(field.name for field in fields(DataConfig)), "optimizer", "learning_rate", "momentum", "memory_growth"}
        ),
    ),
}
"""By name; None: everything."""


def shows_evidence(config: Config) -> bool:
    """Whether the runtime lets option checks be made."""
    support = SUPPORT[config.runtime.runtime]
    return support is None or support.evidence


def check_runtime(config: Config) -> ConfigError | None:
    """The error for a mode or an option that the runtime does not have."""
    runtime = config.runtime.runtime
    support = SUPPORT[runtime]
    if support is None:
        return None
    if config.step.mode not in support.modes:
        allowed = " or ".join(support.modes)
        return ConfigError(f"--runtime {runtime} has no --mode {config.step.mode}.", f"Use --mode {allowed}.")
    for name, value, default in _values(config):
        if value != default and name not in COMMON | support.options and (name, value) != ("evidence", "off"):
            flag = f"--{name.replace('_', '-')}"
            shown = flag if isinstance(value, bool) else f"{flag} {value}"
            return ConfigError(
                f"{shown} is not available with --runtime {runtime}.", f"Leave {flag} out, or use --runtime tensorflow."
            )
    return None


def _values(config: Config) -> Iterator[tuple[str, object, object]]:
    """Name, value and default of every option."""
    for field in fields(Config):
        value = getattr(config, field.name)
        if isinstance(value, ConfigSection):
            default = type(value)()
            for inner in fields(type(value)):
                yield inner.name, getattr(value, inner.name), getattr(default, inner.name)
        else:
            yield field.name, value, field.default
