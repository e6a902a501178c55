"""What commands save, told apart by content: records, and the results of `bottleneck`, `ab`, `noise` and `tune`.

Neighbours: `record.py`, `matches/bottleneck.py`, `matches/contest.py` and `tuning/tuned.py` have the types,
`history.py` reads records alone, `report/collection.py` makes a report of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from resnet_bench.errors import RecordError
from resnet_bench.records import ab, bottleneck, record, tuning
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.bottleneck import BottleneckRecord
from resnet_bench.records.record import Record
from resnet_bench.records.tuning import TuningRecord

FOLDERS = ("bottleneck", "ab", "tune")
"""Where in --output the commands put what is no record; `noise` and `sweep --confirm` use that of `ab`."""


@dataclass
class SavedResults:
    """What files held that is no record, each with its path, in the order in which they were met."""

    bottlenecks: list[tuple[Path, BottleneckRecord]] = field(default_factory=list)
    contests: list[tuple[Path, AbRecord]] = field(default_factory=list)
    tunings: list[tuple[Path, TuningRecord]] = field(default_factory=list)

    @property
    def all(self) -> list[tuple[Path, BottleneckRecord | AbRecord | TuningRecord]]:
        """Each of them, kind by kind."""
        return [*self.bottlenecks, *self.contests, *self.tunings]


@dataclass
class SavedFiles:
    """What files held, each with its path, in the order in which they were met."""

    records: list[tuple[Path, Record]] = field(default_factory=list)
    results: SavedResults = field(default_factory=SavedResults)


class _Shape(msgspec.Struct):
    """The fields by which the kinds of file are told apart."""

    schema_version: int = 1
    repetitions: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    precision_target: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    challenges: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    models: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def read(paths: Iterable[Path]) -> tuple[SavedFiles, list[RecordError]]:
    """What files and folders hold (*.json in them and in their `FOLDERS`), and an error for each file that is
    none of it. A file that is met twice counts once."""
    found = SavedFiles()
    bad: list[RecordError] = []
    met: set[Path] = set()
    for path in _expand(paths, bad):
        if path.resolve() in met:
            continue
        met.add(path.resolve())
        try:
            _add(path, found)
        except RecordError as error:
            bad.append(error)
    return found, bad


def _expand(paths: Iterable[Path], bad: list[RecordError]) -> Iterator[Path]:
    for path in paths:
        places = [path, *(path / name for name in FOLDERS)]
        inside = [file for place in places for file in sorted(place.glob("*.json"))] if path.is_dir() else [path]
        if not inside:
            bad.append(RecordError(f"{path} holds no records or results (*.json)."))
        yield from inside


def _add(path: Path, found: SavedFiles) -> None:
    """Read one file into the list of its kind."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        shape = msgspec.json.decode(content, type=_Shape)
    except msgspec.MsgspecError:
        shape = _Shape()  # `record.load` says what is wrong with it.
    if shape.models is not msgspec.UNSET:
        raise RecordError(
            f"{path} is a result of bench-cli evaluate, which is not read here.",
            "Name records, or results of bottleneck, ab, noise or tune.",
        )
    try:
        if shape.repetitions is not msgspec.UNSET:
            _check_version(path, shape, bottleneck.SCHEMA_VERSION)
            found.results.bottlenecks.append((path, msgspec.json.decode(content, type=BottleneckRecord)))
        elif shape.challenges is not msgspec.UNSET:
            _check_version(path, shape, tuning.SCHEMA_VERSION)
            found.results.tunings.append((path, msgspec.json.decode(content, type=TuningRecord)))
        elif shape.precision_target is not msgspec.UNSET:
            _check_version(path, shape, ab.SCHEMA_VERSION)
            found.results.contests.append((path, msgspec.json.decode(content, type=AbRecord)))
        else:
            found.records.append((path, record.load(path)))
    except msgspec.MsgspecError as error:
        raise RecordError(f"{path} is no valid result: {error}.", "It may be cut off.") from error


def _check_version(path: Path, shape: _Shape, known: int) -> None:
    if shape.schema_version > known:
        raise RecordError(
            f"{path} has schema version {shape.schema_version}; this version reads up to {known}.",
            "Read it with a newer resnet-bench.",
        )
