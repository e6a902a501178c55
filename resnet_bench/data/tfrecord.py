"""ImageNet-style TFRecord shards: finding them, their schema, and reading on around damage.

Makes a `Source` for `pipeline`. `framing` knows the bytes, `diagnose` names the record that stopped a
run. Imports TensorFlow: workers only.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from resnet_bench.data import framing
from resnet_bench.data.manifest import SAMPLED_IMAGES, identity, image_means, spread
from resnet_bench.data.source import Segment, Source
from resnet_bench.errors import DataError
from resnet_bench.records.run import DataFacts

ENCODED = "image/encoded"
LABEL = "image/class/label"
REMEDY = "Repair or replace the file, or pass --on-bad-record skip."
_COUNTED_BYTES = 4 * 1024**3
_SAMPLED_FILES = 16
_READ_BUFFER_BYTES = 256 * 1024


def open_shards(data: str, on_bad_record: Literal["error", "skip"], threads: int) -> Source:
    """The shards that a glob names, sorted by path.

    With "skip" every shard is read once to find the records that cannot be read: that takes as long as
    reading the files. Raises `DataError` where nothing matches, or a file is missing, empty or unreadable.
    """
    files = list_shards(data)
    return source_of(files, facts_of("tfrecord", files), on_bad_record, threads, REMEDY)


def source_of(
    files: Sequence[Path], facts: DataFacts, on_bad_record: Literal["error", "skip"], threads: int, remedy: str
) -> Source:
    """A `Source` over shards whose facts are known; with "skip", of their readable records alone."""
    paths = tuple(str(path) for path in files)
    source = Source(kind="records", files=paths, facts=facts, remedy=remedy, segments=tuple(map(Segment, paths)))
    return readable(source, threads) if on_bad_record == "skip" else replace(source, records=facts.images)


def list_shards(data: str) -> list[Path]:
    """The files that `data` names: a glob, a file, or a folder whose files are all shards."""
    root = Path(data).expanduser()
    if root.is_dir():
        found = [path for path in root.iterdir() if not path.name.startswith(".") and path.suffix != ".json"]
    else:
        found = [Path(name) for name in glob.glob(str(root), recursive=True)]  # noqa: PTH207 (Path.glob takes no absolute pattern)
        found = found or [root] if root.exists() else found
    files = sorted(path for path in found if path.is_file())
    if not files:
        raise DataError(
            f"--data {data} matches no file.", "Name TFRecord shards with a glob in quotes, like 'imagenet/train-*'."
        )
    try:
        empty = all(path.stat().st_size == 0 for path in files)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}).", REMEDY) from error
    if empty:
        raise DataError(f"--data {data}: {files[0]} holds no record, and neither does any other match.", REMEDY)
    return files


def facts_of(source: str, files: Sequence[Path]) -> DataFacts:
    """Identity and size of shards; images are counted (by their headers) up to 4 GiB, else None."""
    try:
        sizes = [path.stat().st_size for path in files]
        manifest_hash = identity([path.name for path in files], files, sizes)
        images = _count(files) if sum(sizes) <= _COUNTED_BYTES else None
        mean_pixels, bytes_per_pixel = image_means(_sampled_images(files))
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}).", REMEDY) from error
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
    """The first images of up to 16 shards; what is damaged is left out, for it is not the sample's to report."""
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
    """The encoded image of a serialized Example; None where there is none."""
    example = tf.train.Example()
    try:
        example.ParseFromString(record)
    except Exception:  # the protobuf runtime in use decides which class its DecodeError has
        return None
    values = example.features.feature[ENCODED].bytes_list.value
    return values[0] if len(values) == 1 else None


def records_from(path: Any, offset: Any) -> Any:
    """A dataset of the serialized records of one file, from a byte offset on (both may be tensors).

    For damaged files; whole ones are read by `tf.data.TFRecordDataset`. The operation is wrapped in a
    function because TensorFlow 2.21 loses its offset when it serializes a pipeline that holds it directly.
    """

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def records(path: Any, offset: Any) -> Any:
        variant = tf.raw_ops.TFRecordDatasetV2(
            filenames=[path], compression_type="", buffer_size=_READ_BUFFER_BYTES, byte_offsets=[offset]
        )
        return tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.string))

    return tf.data.Dataset.from_tensors((path, tf.cast(offset, tf.int64))).flat_map(records)


def parse(record: Any) -> tuple[Any, Any]:
    """Image bytes (string scalar) and stored label (int64 scalar) of a serialized Example (string scalar)."""
    schema = {ENCODED: tf.io.FixedLenFeature([], tf.string), LABEL: tf.io.FixedLenFeature([], tf.int64)}
    features = tf.io.parse_single_example(record, schema)
    return features[ENCODED], features[LABEL]


def readable(source: Source, threads: int) -> Source:
    """The source reduced to the records whose framing and checksums hold; reads every file once.

    A record with corrupt data is left out alone. After a corrupt length or a cut the next record cannot
    be found, so the rest of that file is left out and counts as one unreadable record.
    """
    counts, sizes = _survey(source.files, threads)
    segments: list[Segment] = []
    unreadable = 0
    for index, path in enumerate(source.files):
        if sizes[index] == Path(path).stat().st_size:
            segments.append(Segment(path, 0, int(counts[index])))
            continue
        found, bad = _salvage(path)
        segments.extend(found)
        unreadable += bad
    segments = [segment for segment in segments if segment.records]
    records = sum(segment.records for segment in segments)
    if not records:
        raise DataError(
            f"{source.files[0]}: no record can be read, nor in any other of the {len(source.files)} files.", REMEDY
        )
    return replace(source, segments=tuple(segments), unreadable=unreadable, records=records)


def _survey(files: Sequence[str], threads: int) -> tuple[Any, Any]:
    """Per file: records and bytes that TensorFlow's reader gets through before the first damage."""

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def sizes_of(index: Any, path: Any) -> Any:
        records = tf.data.TFRecordDataset(path).ignore_errors()
        return records.map(lambda record: (index, tf.strings.length(record)))

    dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(files)), list(files)))
    dataset = dataset.interleave(sizes_of, cycle_length=threads, num_parallel_calls=threads, block_length=16)
    counts = np.zeros(len(files), np.int64)
    sizes = np.zeros(len(files), np.int64)
    for index, length in dataset.batch(1024).as_numpy_iterator():
        np.add.at(counts, index, 1)
        np.add.at(sizes, index, length + framing.OVERHEAD_BYTES)
    return counts, sizes


def _salvage(path: str) -> tuple[list[Segment], int]:
    """The readable stretches of a damaged file, and how many records lie between or after them."""
    segments: list[Segment] = []
    unreadable, offset = 0, 0
    size = Path(path).stat().st_size
    while offset < size:
        good = _readable_from(path, offset)
        segments.append(Segment(path, offset, good))
        position, end = 0, offset
        try:
            for where in framing.walk(Path(path), offset):
                position, end = where.index, where.end
                if position == good:
                    break
            else:
                return segments, unreadable
        except framing.DamageError:
            return segments, unreadable + 1
        unreadable += 1
        offset = end
    return segments, unreadable


def _readable_from(path: str, offset: int) -> int:
    records = records_from(path, offset).ignore_errors()
    return sum(len(batch) for batch in records.map(tf.strings.length).batch(1024).as_numpy_iterator())
