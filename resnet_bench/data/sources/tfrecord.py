"""ImageNet-style TFRecord shards: finding them, counting and describing what they hold.

Neighbours: `framing` and `example` know the bytes, `read_shards` is TensorFlow's side, which reads around damage.
Imports no TensorFlow, except to survey shards for `--on-bad-record skip`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec

from resnet_bench.config import Config
from resnet_bench.data import example, framing
from resnet_bench.data.data_paths import cannot_read
from resnet_bench.data.datasets import Dataset
from resnet_bench.data.datasets.files import FilePart, View, joined
from resnet_bench.data.manifest import SAMPLED_IMAGES, identity, image_means, spread
from resnet_bench.data.shard_files import NAMES, ShardFiles, find_shards
from resnet_bench.data.sources.base import REPAIR, REPAIR_OR_SKIP, DatasetRequest, DataSource, Segment, SourceFiles
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.records.base import Notice
from resnet_bench.records.run import DataFacts

_COUNTED_BYTES = 4 * 1024**3
_SAMPLED_FILES = 16


class TFRecordSource(DataSource):
    """Shards that a glob, a file or a folder names."""

    name = "tfrecord"

    def open_files(self, config: Config, threads: int, cache_dir: Path) -> SourceFiles:
        """The shards; with `--on-bad-record skip` their readable records alone."""
        del cache_dir
        assert config.data.data is not None, "checked before"
        return open_shards(config.data.data, config.data.on_bad_record, threads)

    def open_dataset(self, request: DatasetRequest) -> Dataset:
        """The test part is another glob, or there is none. Counts all records."""
        classes = request.classes
        assert request.data is not None, "checked before"
        if classes is None:
            raise ConfigError(
                "TFRecords do not say how many classes they have.", "Give --classes, like --classes 1000."
            )
        view = View.of(request, "tfrecord")
        train = FilePart(_counted(request.data), view, classes)
        test = None if request.test_data is None else FilePart(_counted(request.test_data), view, classes)
        facts = train.source.facts if test is None else joined(train.source.facts, test.source.facts)
        names = tuple(str(number) for number in range(classes))
        notices = (*train.source.notices, *(test.source.notices if test is not None else ()))
        return Dataset(class_names=names, train=train, test=test, facts=facts, notices=notices)


SOURCE = TFRecordSource()


def open_shards(data: str, on_bad_record: Literal["error", "skip"], threads: int) -> SourceFiles:
    """The shards that a glob names, sorted by path.

    With "skip" every shard is read once to find the records that cannot be read: that takes as long as
    reading the files. Raises `DataError` where nothing matches, or a file is missing, empty or unreadable.
    """
    found = list_shards(data)
    if on_bad_record == "error":
        _refuse_stumps(found.files)
    source = files_of(found.files, facts_of("tfrecord", found.files), on_bad_record, threads, REPAIR_OR_SKIP)
    notices = (Notice.make("files_left_out", data=data, what=found.left_out),) if found.left_out else ()
    return replace(source, notices=notices)


def files_of(
    files: Sequence[Path], facts: DataFacts, on_bad_record: Literal["error", "skip"], threads: int, remedy: str
) -> SourceFiles:
    """`SourceFiles` over shards whose facts are known; with "skip", of their readable records alone."""
    paths = tuple(str(path) for path in files)
    source = SourceFiles(kind="records", files=paths, facts=facts, remedy=remedy, segments=tuple(map(Segment, paths)))
    if on_bad_record == "error":
        return replace(source, records=facts.images)
    from resnet_bench.data import read_shards

    return read_shards.readable(source, threads)


def list_shards(data: str) -> ShardFiles:
    """The shards that `data` names: a glob, a file, or a folder. Raises `DataError` where there is nothing to read."""
    found = find_shards(data)
    files = found.files
    if not files:
        raise DataError(f"--data {data} holds no shards.", NAMES)
    try:
        sizes = [path.stat().st_size for path in files]
    except OSError as error:
        raise cannot_read(files[0], error, REPAIR_OR_SKIP) from error
    if not any(sizes):
        raise DataError(f"--data {data}: {files[0]} holds no record, and neither does any other match.", REPAIR_OR_SKIP)
    return found


def _refuse_stumps(files: Sequence[Path]) -> None:
    """Refuse files shorter than a record's header, which TensorFlow takes for empty ones."""
    for path in files:
        size = path.stat().st_size
        if 0 < size < framing.HEADER_BYTES:
            raise DataError(f"{path} has {size} bytes, fewer than the header of a record.", REPAIR_OR_SKIP)


def facts_of(source: str, files: Sequence[Path]) -> DataFacts:
    """Identity and size of shards; images are counted (by their headers) up to 4 GiB, else None."""
    try:
        sizes = [path.stat().st_size for path in files]
        manifest_hash = identity([path.name for path in files], files, sizes)
        images = _count(files) if sum(sizes) <= _COUNTED_BYTES else None
        mean_pixels, bytes_per_pixel = image_means(_sampled_images(files))
    except OSError as error:
        raise cannot_read(files[0], error, REPAIR_OR_SKIP) from error
    return DataFacts(
        source=source,
        manifest_hash=manifest_hash,
        images=images,
        files=len(files),
        bytes=sum(sizes),
        mean_pixels=mean_pixels,
        mean_bytes_per_pixel=bytes_per_pixel,
    )


def _count(files: Sequence[Path]) -> int | None:
    try:
        return sum(1 for path in files for _ in framing.walk(path))
    except framing.DamageError:
        return None


def _sampled_images(files: Sequence[Path]) -> Iterator[bytes]:
    """The first images of up to 16 shards; damaged records are left out: reading the data reports them."""
    chosen = spread(len(files), _SAMPLED_FILES)
    for index in chosen:
        try:
            for where in framing.walk(files[index]):
                if where.index >= SAMPLED_IMAGES // len(chosen):
                    break
                encoded = encoded_image(_raw_payload(files[index], where))
                if encoded is not None:
                    yield encoded
        except framing.DamageError:
            continue


def _raw_payload(path: Path, where: framing.Frame) -> bytes:
    with path.open("rb") as file:
        file.seek(where.offset + framing.HEADER_BYTES)
        return file.read(where.length)


def encoded_image(record: bytes) -> bytes | None:
    """The encoded image of a serialized Example; None if there is none."""
    try:
        values = example.decode(record).get(example.ENCODED, [])
    except example.WireError:
        return None
    return values[0] if len(values) == 1 and isinstance(values[0], bytes) else None


def _counted(data: str) -> SourceFiles:
    """Shards for training, all their records counted."""
    source = replace(open_shards(data, "error", 1), remedy=REPAIR)
    if source.records is not None:
        return source
    records = 0
    for path in source.files:
        try:
            records += sum(1 for _ in framing.walk(Path(path)))
        except framing.DamageError as damage:
            raise DataError(f"{path}, record {damage.index}: {damage.reason}.", damage.remedy or REPAIR) from damage
    return replace(source, records=records, facts=msgspec.structs.replace(source.facts, images=records))
