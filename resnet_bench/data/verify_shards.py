"""Verifying shards on disk: each record's framing, content, image and label, and each file against the manifest.

Every byte is read once. A file is one task of a thread pool (checksums and decoding release Python's lock for
the most part). Works without a manifest too: then no file can be missing. Neighbours: `framing` and `example` know
the bytes, `encoded_image` decodes. Imports no TensorFlow.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import BinaryIO, Literal

from resnet_bench.data import example, framing
from resnet_bench.data.encoded_image import image_problem
from resnet_bench.data.example import ENCODED, LABEL
from resnet_bench.data.manifest import MANIFEST_NAME, Manifest, Shard, read_manifest
from resnet_bench.data.shard_files import NAMES, find_shards
from resnet_bench.errors import DataError
from resnet_bench.records.base import Data

_CHUNK_BYTES = 1 << 20
_ZEROS = bytes(4)

DamageKind = Literal["framing", "checksum", "proto", "feature", "image", "label"]


class Damage(Data, frozen=True, kw_only=True):
    """One record that cannot be used: its file's name, number from 0, offset in bytes, and what is wrong."""

    file: str
    record: int
    offset: int
    kind: DamageKind
    problem: str


class ShardProblem(Data, frozen=True, kw_only=True):
    """A file that is not what the manifest lists: missing, extra, or changed."""

    file: str
    kind: Literal["missing", "extra", "changed", "unreadable"]
    problem: str


class CheckReport(Data, frozen=True, kw_only=True):
    """What was read and what is wrong with it. `labels` is the allowed range of stored labels; None if the number of
    classes is unknown."""

    path: str
    manifest: bool
    files: int
    records: int
    bytes: int
    labels: tuple[int, int] | None
    damaged: tuple[Damage, ...] = ()
    shards: tuple[ShardProblem, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damaged and not self.shards


def check(
    path: str,
    threads: int,
    classes: int | None = None,
    label_offset: int = -1,
    on_file: Callable[[int, int, int], None] = lambda _done, _of, _bytes: None,
) -> CheckReport:
    """Read and verify all that `path` names: a folder of shards, a shard, or a glob. Blocks.

    classes: stored labels plus `label_offset` must be in 0..classes - 1; None takes the manifest's, and without a
    manifest only negative classes are out of range. `on_file(files done, of, bytes read)`. Raises `DataError` if there
    is nothing to check.
    """
    root, files = _files(path)
    manifest = read_manifest(root) if root is not None else None
    listed = {shard.name: shard for shard in manifest.shards} if manifest is not None else {}
    bounds = _bounds(manifest, classes, label_offset)
    reports: dict[Path, _FileReport] = {}
    with ThreadPoolExecutor(threads) as pool:
        begun = {pool.submit(_check_file, file, listed.get(file.name), bounds): file for file in files}
        try:
            for done, future in enumerate(as_completed(begun), 1):
                reports[begun[future]] = future.result()
                on_file(done, len(files), sum(one.bytes for one in reports.values()))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    ordered = [reports[file] for file in files]
    return CheckReport(
        path=path,
        manifest=manifest is not None,
        files=len(files),
        records=sum(one.records for one in ordered),
        bytes=sum(one.bytes for one in ordered),
        labels=(bounds[0], bounds[1]) if bounds[1] is not None else None,
        damaged=tuple(damage for one in ordered for damage in one.damaged),
        shards=(*_strangers(manifest, files), *(problem for one in ordered for problem in one.problems)),
    )


def _files(path: str) -> tuple[Path | None, list[Path]]:
    """The folder whose manifest applies (None for a part of it), and the shards to read."""
    found = find_shards(path, "")
    if not found.files and not (found.folder is not None and (found.folder / MANIFEST_NAME).exists()):
        raise DataError(f"{path} holds no shards.", NAMES)
    return found.folder, list(found.files)


def _bounds(manifest: Manifest | None, classes: int | None, label_offset: int) -> tuple[int, int | None]:
    """The lowest and highest stored label allowed; no highest if the number of classes is unknown."""
    if classes is None and manifest is not None:
        classes = manifest.classes
    return -label_offset, None if classes is None else classes - 1 - label_offset


def _strangers(manifest: Manifest | None, files: list[Path]) -> Iterator[ShardProblem]:
    if manifest is None:
        return
    there, listed = {file.name for file in files}, {shard.name for shard in manifest.shards}
    for shard in manifest.shards:
        if shard.name not in there:
            words = f"{MANIFEST_NAME} lists it with {shard.images} images"
            yield ShardProblem(file=shard.name, kind="missing", problem=words)
    for name in sorted(there - listed):
        yield ShardProblem(file=name, kind="extra", problem=f"{MANIFEST_NAME} does not list it")


class _FileReport:
    """What was found in one file."""

    def __init__(self) -> None:
        self.records = self.bytes = 0
        self.damaged: list[Damage] = []
        self.problems: list[ShardProblem] = []


def _check_file(path: Path, listed: Shard | None, bounds: tuple[int, int | None]) -> _FileReport:
    report = _FileReport()
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for record, offset, payload, found in _records(file, path.stat().st_size, digest.update):
                report.records += 1
                problem = found or _content_problem(payload, bounds)
                if problem is not None:
                    report.damaged.append(_damage(path, record, offset, *problem))
            report.bytes = file.tell()
    except OSError as error:
        words = f"cannot be read ({error.strerror})"
        report.problems.append(ShardProblem(file=path.name, kind="unreadable", problem=words))
        return report
    if listed is not None and (words := _difference(listed, report, digest.hexdigest())):
        report.problems.append(ShardProblem(file=path.name, kind="changed", problem=words))
    return report


def _records(
    file: BinaryIO, size: int, see: Callable[[bytes], None]
) -> Iterator[tuple[int, int, bytes, tuple[DamageKind, str] | None]]:
    """(number, offset, payload, what is wrong with its framing) of each record; `see` gets every byte in order.

    After a corrupt length the next intact header is searched for, which TensorFlow's reader does not do. Numbering
    continues from there: the bytes between count as one record.
    """
    index = offset = 0
    while offset < size:
        header = file.read(framing.HEADER_BYTES)
        try:
            frame = framing.frame_of(header, index, offset, size)
        except framing.DamageError as damage:
            found = _next_header(file, offset, size, see)
            words = "nothing readable follows" if found is None else f"the next readable record is at byte {found:,}"
            yield index, offset, b"", ("framing", f"{damage.reason}; {words}")
            if found is None:
                return
            index, offset = index + 1, found
            continue
        payload, footer = file.read(frame.length), file.read(framing.FOOTER_BYTES)
        for part in (header, payload, footer):
            see(part)
        good = struct.unpack("<I", footer)[0] == framing.masked_crc32c(payload)
        yield index, offset, payload, None if good else ("checksum", "its data is corrupt (checksum)")
        index, offset = index + 1, frame.end


def _next_header(file: BinaryIO, offset: int, size: int, see: Callable[[bytes], None]) -> int | None:
    """Where the next intact header after `offset` begins, the file positioned there; None at the end of the file.

    `see` gets the bytes between. A record is shorter than 4 GiB, so the upper half of its length is zero.
    """
    file.seek(offset)
    data, base = b"", offset
    while chunk := file.read(_CHUNK_BYTES):
        data += chunk
        zeros = data.find(_ZEROS, 4)
        while zeros >= 0 and zeros + 8 <= len(data):
            start = zeros - 4
            if base + start > offset and _is_header(data[start : start + framing.HEADER_BYTES], base + start, size):
                see(data[:start])
                file.seek(base + start)
                return base + start
            zeros = data.find(_ZEROS, zeros + 1)
        kept = data[-framing.HEADER_BYTES :]
        see(data[: -len(kept)])
        base, data = base + len(data) - len(kept), kept
    see(data)
    return None


def _is_header(header: bytes, offset: int, size: int) -> bool:
    try:
        framing.frame_of(header, 0, offset, size)
    except framing.DamageError:
        return False
    return True


def _content_problem(payload: bytes, bounds: tuple[int, int | None]) -> tuple[DamageKind, str] | None:
    try:
        features = example.decode(payload)
    except example.WireError as error:
        return "proto", f"it is not a tf.train.Example ({error})"
    for name, kind in ((ENCODED, bytes), (LABEL, int)):
        values = features.get(name)
        if values is None:
            return "feature", f"feature {name} is missing ({example.example_words(features)})"
        if len(values) != 1 or not isinstance(values[0], kind):
            return "feature", f"feature {name} does not hold one value of {'bytes' if kind is bytes else 'int64'}"
    return _label_problem(int(features[LABEL][0]), bounds) or _image_problem(features[ENCODED][0])


def _label_problem(label: int, bounds: tuple[int, int | None]) -> tuple[DamageKind, str] | None:
    low, high = bounds
    if label >= low and (high is None or label <= high):
        return None
    return "label", f"label {label} is outside {low}..{high}" if high is not None else f"label {label} is below {low}"


def _image_problem(encoded: bytes | int) -> tuple[DamageKind, str] | None:
    """Why the image cannot be read."""
    assert isinstance(encoded, bytes)
    problem = image_problem(encoded)
    return None if problem is None else ("image", f"its image ({len(encoded)} bytes) cannot be read: {problem}")


def _damage(path: Path, record: int, offset: int, kind: DamageKind, problem: str) -> Damage:
    return Damage(file=path.name, record=record, offset=offset, kind=kind, problem=problem)


def _difference(listed: Shard, report: _FileReport, sha256: str) -> str:
    """How a file differs from what the manifest lists; empty if it does not."""
    if report.bytes != listed.bytes:
        return f"{report.bytes} bytes, {MANIFEST_NAME} lists {listed.bytes}"
    if sha256 != listed.sha256:
        return f"its SHA-256 begins {sha256[:12]}, {MANIFEST_NAME} lists {listed.sha256[:12]}"
    return ""
