"""The configurations of a sweep: the cross product of some options over a common base, and the result of each.

A configuration is known by the hash of what was requested. Neighbours: `sweep.py` measures them, `tuning/` takes
--vary too.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec.structs import replace as changed

from resnet_bench.config import Config, OutputConfig, options, preset_file
from resnet_bench.config.option import Option, coerce, find_option, format_value
from resnet_bench.errors import ConfigError
from resnet_bench.records.record import Record

_encoder = msgspec.json.Encoder(order="deterministic")

CombinationStatus = Literal["waiting", "measured", "failed", "skipped", "claimed"]


@dataclass(frozen=True)
class Combination:
    """One configuration of a sweep: the values it gives to the varied options, and the whole."""

    values: dict[str, Any]
    config: Config
    given: tuple[str, ...]

    @property
    def words(self) -> str:
        """ "precision=float32 xla=true"."""
        return " ".join(f"{name}={format_value(value)}" for name, value in self.values.items())

    @property
    def identity(self) -> str:
        """What the configuration is known by."""
        return identity(self.config)


@dataclass(frozen=True)
class CombinationResult:
    """The result of a configuration; `path` and `record` are None while it waits or another sweep measures it.

    `fresh`: this sweep measured it itself.
    """

    combination: Combination
    status: CombinationStatus = "waiting"
    path: Path | None = None
    record: Record | None = None
    fresh: bool = False


def identity(config: Config) -> str:
    """Sixteen hex digits of what was requested; where results go does not count."""
    return hashlib.sha256(_encoder.encode(changed(config, output=OutputConfig()))).hexdigest()[:16]


def parse_vary(words: Sequence[str]) -> dict[str, list[Any]]:
    """`precision=float32,mixed_bfloat16` -> option and values, each validated.

    Values are separated by commas; those of an option that itself takes commas (--stage-sizes), by semicolons.
    """
    found: dict[str, list[Any]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not text:
            raise ConfigError(f"--vary {word} names no values.", "Write --vary precision=float32,mixed_bfloat16.")
        option = find_option(name, "--vary")
        if option.name in found:
            raise ConfigError(f"--vary names {option.name} twice.", "Give all its values at once.")
        commas = "..." not in str(option.annotation)
        found[option.name] = _values(option, text.split("," if commas else ";"))
    return found


def parse_file(path: Path) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The [base] options and the [vary] lists of a TOML file, validated."""
    content = preset_file.content(path, f"--file {path}")
    base, vary = content.pop("base", {}), content.pop("vary", {})
    if content or not isinstance(base, dict) or not isinstance(vary, dict):
        wrong = ", ".join(content) or "base, vary"
        raise ConfigError(f"--file {path}: {wrong} is not expected there.", "Its tables are [base] and [vary].")
    values: dict[str, list[Any]] = {}
    for name, each in vary.items():
        if not isinstance(each, list):
            raise ConfigError(f"--file {path}: vary.{name} is no list.", f"Write {name} = [{each!r}, ...].")
        option = find_option(name, f"--file {path}")
        values[option.name] = _values(option, each)
    found = {
        (option := find_option(name, f"--file {path}")).name: coerce(option, value) for name, value in base.items()
    }
    return found, values


def _values(option: Option, given: Sequence[Any]) -> list[Any]:
    values = [coerce(option, value) for value in given]
    twice = next((value for number, value in enumerate(values) if value in values[:number]), None)
    if not values or twice is not None:
        what = "no value" if not values else f"{format_value(twice)} twice"
        raise ConfigError(f"{option.name} is to vary, but has {what}.", f"It takes {option.values}.")
    return values


def cross_product(base: Mapping[str, Any], vary: Mapping[str, Sequence[Any]]) -> list[Combination]:
    """The cross product, in an order drawn with the base's --seed."""
    if not vary:
        raise ConfigError("A sweep needs something to vary.", "Add --vary precision=float32,mixed_bfloat16, or --file.")
    both = sorted(set(base) & set(vary))
    if both:
        raise ConfigError(f"{', '.join(both)} is both given and varied.", "Leave one of them out.")
    found = []
    for values in itertools.product(*vary.values()):
        given = options.with_preset_file({**base, **dict(zip(vary, values, strict=True))})
        found.append(
            Combination(dict(zip(vary, values, strict=True)), options.build_unchecked(given), tuple(sorted(given)))
        )
    random.Random(base.get("seed", 0)).shuffle(found)
    return found


def status(record: Record) -> CombinationStatus:
    """What a record's outcome means to a sweep."""
    return {"ok": "measured", "config": "skipped"}.get(record.outcome.kind, "failed")  # type: ignore[return-value]
