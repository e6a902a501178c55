"""Reading what commands save, of any type: records, and results of `ab`, `noise`, `bottleneck`, `tune`, `evaluate`.

Neighbours: `saved.py` has the base with the type tag, `history.py` reads records alone, `report/page/report.py`
makes a report of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, assert_never, get_args

from resnet_bench.errors import RecordError
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.bottleneck import BottleneckRecord
from resnet_bench.records.evaluation import EvaluationRecord
from resnet_bench.records.record import Record
from resnet_bench.records.saved import ForeignFileError, read_bytes, read_header
from resnet_bench.records.tuning import TuningRecord

T = TypeVar("T")

Result = AbRecord | BottleneckRecord | TuningRecord | EvaluationRecord
"""What is saved in a folder of its own beside the records."""

RecordOrResult = Record | Result

TYPES: dict[str, type[RecordOrResult]] = {each.type_tag(): each for each in get_args(RecordOrResult)}
"""By the tag in the file."""

FOLDERS = tuple(each.subfolder for each in get_args(Result))
"""Where in --output the results are; those of `noise` and `sweep --confirm` are in that of `ab`."""


@dataclass
class SavedResults:
    """Results that files held, each with its path, in the order in which they were read."""

    bottlenecks: list[tuple[Path, BottleneckRecord]] = field(default_factory=list)
    ab: list[tuple[Path, AbRecord]] = field(default_factory=list)
    tunings: list[tuple[Path, TuningRecord]] = field(default_factory=list)
    evaluations: list[tuple[Path, EvaluationRecord]] = field(default_factory=list)

    @property
    def all(self) -> list[tuple[Path, Result]]:
        """Each of them, type by type."""
        return [*self.bottlenecks, *self.ab, *self.tunings, *self.evaluations]


@dataclass
class SavedFiles:
    """What files held, each with its path, in the order in which they were read."""

    records: list[tuple[Path, Record]] = field(default_factory=list)
    results: SavedResults = field(default_factory=SavedResults)


def load(path: Path | str) -> RecordOrResult:
    """Read one file of any type; `RecordError` names it and says what is wrong with it."""
    path = Path(path)
    content = read_bytes(path)
    header = read_header(content, path)
    if header.tag not in TYPES:
        raise RecordError(
            f"{path} has the type {header.tag!r}, which cannot be read here; known types are {', '.join(TYPES)}.",
            "If a newer resnet-bench wrote it, read it with that.",
        )
    return TYPES[header.tag].from_json(content, path)


def read(paths: Iterable[Path]) -> tuple[SavedFiles, list[RecordError]]:
    """What files and folders hold (*.json in them and in their `FOLDERS`), and an error for each file that cannot
    be read. A file that is named twice counts once."""
    found = SavedFiles()
    bad: list[RecordError] = []
    for path, saved in read_each(paths, bad, load, FOLDERS):
        _add(path, saved, found)
    return found, bad


def read_each(
    paths: Iterable[Path], bad: list[RecordError], read_one: Callable[[Path], T], subfolders: Iterable[str] = ()
) -> Iterator[tuple[Path, T]]:
    """What `read_one` makes of files as they are named, and of the *.json of folders and of their `subfolders`.

    Each file is read once, by its real path. What is not readable goes to `bad`, which costs that file only, and so
    does a folder without any record. JSON of other known kinds in a folder is left out without a word.
    """
    places = ("", *subfolders)
    met: set[Path] = set()
    for path in paths:
        if not path.is_dir():
            yield from _read_files([path], met, bad, read_one)
            continue
        inside = [file for name in places for file in sorted((path / name).glob("*.json"))]
        foreign: list[RecordError] = []
        yield from _read_files(inside, met, bad, read_one, foreign)
        if len(foreign) == len(inside):
            bad.append(RecordError(f"{path} holds no records{' or results' * bool(subfolders)} (*.json)."))


def _read_files(
    files: Iterable[Path],
    met: set[Path],
    bad: list[RecordError],
    read_one: Callable[[Path], T],
    foreign: list[RecordError] | None = None,
) -> Iterator[tuple[Path, T]]:
    """Those of the files that can be read and were not `met` before; `foreign` takes other kinds of JSON, else `bad`
    does."""
    for file in files:
        real = file.resolve()
        if real in met:
            continue
        met.add(real)
        try:
            if foreign is not None and not (file.is_file() or file.is_dir()):
                raise RecordError(f"{file} cannot be read: it is not a regular file.")
            found = read_one(file)
        except ForeignFileError as error:
            (bad if foreign is None else foreign).append(error)
        except RecordError as error:
            bad.append(error)
        else:
            yield file, found


def _add(path: Path, saved: RecordOrResult, found: SavedFiles) -> None:
    match saved:
        case Record():
            found.records.append((path, saved))
        case BottleneckRecord():
            found.results.bottlenecks.append((path, saved))
        case AbRecord():
            found.results.ab.append((path, saved))
        case TuningRecord():
            found.results.tunings.append((path, saved))
        case EvaluationRecord():
            found.results.evaluations.append((path, saved))
        case _:
            assert_never(saved)
