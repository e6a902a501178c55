"""Many configurations, one record each: the cross product of some options over a common base.

A configuration is known by the hash of what was requested, so a sweep that was killed goes on from the
records in its folder: there is no other state. What one configuration does, a failure included, never ends
the others. Neighbours: `session.py` runs a configuration, `claims.py` keeps two sweeps apart, `columns.py`
names what varied.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec
from msgspec.structs import replace as changed

from resnet_bench.config import Config, OutputConfig, check, options, preset_file
from resnet_bench.config.option import Option, coerce, find_option, format_value
from resnet_bench.errors import ConfigError, RecordError
from resnet_bench.experiments import run
from resnet_bench.experiments.sweep_lock import Owner, SweepLock
from resnet_bench.records.record import Record
from resnet_bench.runtime.environment import machine_id

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
    """What became of a configuration; `path` and `record` are None while it waits or somebody else has it.

    `fresh`: this sweep measured it itself.
    """

    cell: Combination
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


def cells(base: Mapping[str, Any], vary: Mapping[str, Sequence[Any]]) -> list[Combination]:
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


class SweepObserver(run.RunObserver, Protocol):
    """Who wants to know how far a sweep is."""

    def configuration(self, number: int, of: int, words: str, left_s: float | None) -> None:
        """Configuration `number` (from 0) of `of` starts; about `left_s` remain (None: unknown)."""

    def finished(self, result: CombinationResult) -> None:
        """A configuration is over."""

    def unreadable(self, error: RecordError) -> None:
        """A file in the folder is no record; it does not count."""


@dataclass
class Sweep:
    """A sweep in progress. `results` is right at any moment; `interrupted` and `out_of_time` say why it ended.

    With `resume`, records that were in the folder before count; without, those that appear from now on
    (another sweep's). An interrupted record never does, nor one of another machine.
    """

    cells: Sequence[Combination]
    folder: Path
    save: Callable[[Record], Path]
    watcher: SweepObserver
    resume: bool = False
    until: float | None = None
    results: dict[str, CombinationResult] = field(default_factory=dict)
    interrupted: bool = False
    out_of_time: bool = False

    def __post_init__(self) -> None:
        self.results = {cell.identity: CombinationResult(cell) for cell in self.cells}
        self._seen: set[Path] = set() if self.resume else set(self.folder.glob("*.json"))
        self._claims = SweepLock(self.folder)
        self._spent: list[float] = []

    def run(self) -> None:
        """Measure what is not there yet; blocks until all is done, the time is over or Ctrl-C."""
        try:
            # What another sweep is measuring is looked at once more at the end.
            for attempt in range(2):
                self._look()
                for name in [name for name, result in self.results.items() if result.status in ("waiting", "claimed")]:
                    self._look()
                    if self.results[name].status not in ("waiting", "claimed"):
                        continue
                    if self.until is not None and time.monotonic() >= self.until:
                        self.out_of_time = True
                        return
                    self._one(name, last=attempt == 1)
                    if self.interrupted:
                        return
        except KeyboardInterrupt:
            self.interrupted = True

    def _one(self, name: str, last: bool) -> None:
        owner: Owner | None = self._claims.take(name)
        if owner is not None:
            self._end(replace(self.results[name], status="claimed"), tell=last)
            return
        try:
            self._look()  # It may have been finished between the last look and the claim.
            if self.results[name].status not in ("waiting", "claimed"):
                return
            self._measure(self.results[name].cell)
        finally:
            self._claims.release(name)

    def _measure(self, cell: Combination) -> None:
        left = [each.cell for each in self.results.values() if each.status in ("waiting", "claimed")]
        done = len(self.results) - len(left)
        self.watcher.configuration(done, len(self.results), cell.words, self._left_s(sum(map(_can_run, left))))
        start = time.monotonic()
        try:
            check(cell.config)
            record = run.run(cell.config, cell.given, self.watcher, keep=True)
            self._spent.append(time.monotonic() - start)
        except ConfigError as error:
            record = run.refused(cell.config, cell.given, error)
        path = self.save(record)
        self._seen.add(path)
        self.interrupted = record.outcome.kind == "interrupted"
        if not self.interrupted:
            self._end(CombinationResult(cell, status(record), path, record, fresh=True))

    def _left_s(self, configurations: int) -> float | None:
        return sum(self._spent) / len(self._spent) * configurations if self._spent else None

    def _look(self) -> None:
        """Take note of records that have appeared in the folder."""
        for path in sorted(set(self.folder.glob("*.json")) - self._seen):
            self._seen.add(path)
            try:
                record = Record.load(path)
            except RecordError as error:
                self.watcher.unreadable(error)
                continue
            result = self.results.get(identity(record.config.requested))
            if result is not None and result.record is None and _counts(record):
                self._end(CombinationResult(result.cell, status(record), path, record))

    def _end(self, result: CombinationResult, tell: bool = True) -> None:
        self.results[result.cell.identity] = result
        if tell:
            self.watcher.finished(result)


def _can_run(cell: Combination) -> bool:
    try:
        check(cell.config)
    except ConfigError:
        return False
    return True


def status(record: Record) -> CombinationStatus:
    """What a record's outcome means to a sweep."""
    return {"ok": "measured", "config": "skipped"}.get(record.outcome.kind, "failed")  # type: ignore[return-value]


def _counts(record: Record) -> bool:
    here = record.environment is None or record.environment.machine_id in (None, machine_id())
    return here and record.outcome.kind != "interrupted"


def ranked(results: Sequence[CombinationResult]) -> list[CombinationResult]:
    """Fastest first, then those without a throughput in the order that they have."""
    return sorted(results, key=lambda r: -r.record.summary.images_per_s.value if r.record and r.record.summary else 0.0)
