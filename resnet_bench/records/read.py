"""Reading what commands save, of any type: records, and results of `ab`, `noise`, `bottleneck`, `tune`, `evaluate`.

Neighbours: `saved.py` has the base with the type tag, `history.py` reads records alone, `report/page/report.py`
makes a report of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from resnet_bench.errors import RecordError
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.bottleneck import BottleneckRecord
from resnet_bench.records.evaluation import EvaluationRecord
from resnet_bench.records.record import Record
from resnet_bench.records.saved import read_bytes, read_header
from resnet_bench.records.tuning import TuningRecord

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
    for path in json_files(paths, bad, FOLDERS):
        try:
            _add(path, load(path), found)
        except RecordError as error:
            bad.append(error)
    return found, bad


def json_files(paths: Iterable[Path], bad: list[RecordError], subfolders: Iterable[str] = ()) -> Iterator[Path]:
    """Files as they are named, and the *.json of folders and of their `subfolders`; each once, by its real path.
    An empty folder is an error."""
    places = ("", *subfolders)
    met: set[Path] = set()
    for path in paths:
        inside = [file for name in places for file in sorted((path / name).glob("*.json"))] if path.is_dir() else [path]
        if not inside:
            bad.append(RecordError(f"{path} holds no records{' or results' * bool(subfolders)} (*.json)."))
        for file in inside:
            if file.resolve() not in met:
                met.add(file.resolve())
                yield file


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
