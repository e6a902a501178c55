"""What a report holds to be saved from it: the files that it was made of, and the table of the records.

Pure. Neighbour: `report.py` puts them into the document.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from resnet_bench.records.read import SavedResults
from resnet_bench.records.record import Record
from resnet_bench.report.export import csv
from resnet_bench.report.page.document import Download

SavedRecord = tuple[Path, Record]

MOST_SINGLE_FILES = 5
"""More records than this are downloaded as one archive: packed, they take a tenth."""


def files(records: Sequence[SavedRecord], results: SavedResults) -> Iterator[Download]:
    """The records themselves, one by one or packed, and their table; then the other results."""
    yield from _packed([(path, compact(record)) for path, record in records], "record")
    if records:
        yield Download("records.csv", "A row per record (CSV)", "text/csv", csv.csv_bytes(records))
    yield from _packed([(path, _compact(msgspec.json.encode(result))) for path, result in results.all], "result")


def _packed(found: Sequence[tuple[Path, bytes]], kind: str) -> Iterator[Download]:
    if len(found) > MOST_SINGLE_FILES:
        yield Download(f"{kind}s.zip", f"All {len(found)} {kind}s (ZIP of JSON files)", "application/zip", _zip(found))
        return
    for path, content in found:
        yield Download(path.name, f"{kind.capitalize()} {path.name} (JSON)", "application/json", content)


def _zip(found: Sequence[tuple[Path, bytes]]) -> bytes:
    """Files of the same name get their number before it."""
    buffer = io.BytesIO()
    names = Counter(path.name for path, _ in found)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (path, content) in enumerate(found, 1):
            name = path.name if names[path.name] == 1 else f"{number}-{path.name}"
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def compact(record: Record) -> bytes:
    """The record as JSON without spaces, as `bench-cli show` reads it."""
    return _compact(record.to_json())


def _compact(content: bytes) -> bytes:
    return msgspec.json.format(content, indent=-1)
