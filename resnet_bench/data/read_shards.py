"""TensorFlow's side of TFRecord shards: parsing a record, and reading on around damage.

`sources/tfrecord.py` finds the shards, `pipeline` reads them, `framing` knows the bytes, `diagnose` names the record
that stopped a run. Imports TensorFlow: workers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from resnet_bench.data import framing
from resnet_bench.data.data_paths import path_bytes
from resnet_bench.data.example import ENCODED, LABEL
from resnet_bench.data.sources.base import REPAIR_OR_SKIP, Segment, SourceFiles
from resnet_bench.errors import DataError

_READ_BUFFER_BYTES = 256 * 1024


def records_from(path: Any, offset: Any) -> Any:
    """A dataset of the serialized records of one file, from a byte offset on (both may be tensors).

    For damaged files; intact ones are read by `tf.data.TFRecordDataset`. The operation is wrapped in a
    function because TensorFlow 2.21 loses its offset when it serializes a pipeline that contains it directly.
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


def readable(source: SourceFiles, threads: int) -> SourceFiles:
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
            f"{source.files[0]}: no record can be read, nor in any other of the {len(source.files)} files.",
            REPAIR_OR_SKIP,
        )
    return replace(source, segments=tuple(segments), unreadable=unreadable, records=records)


def _survey(files: Sequence[str], threads: int) -> tuple[Any, Any]:
    """Per file: records and bytes that TensorFlow reads before the first damage."""

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def sizes_of(index: Any, path: Any) -> Any:
        records = tf.data.TFRecordDataset(path).ignore_errors()
        return records.map(lambda record: (index, tf.strings.length(record)))

    dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(files)), path_bytes(files)))
    dataset = dataset.interleave(sizes_of, cycle_length=threads, num_parallel_calls=threads, block_length=16)
    counts = np.zeros(len(files), np.int64)
    sizes = np.zeros(len(files), np.int64)
    for index, length in dataset.batch(1024).as_numpy_iterator():
        np.add.at(counts, index, 1)
        np.add.at(sizes, index, length + framing.OVERHEAD_BYTES)
    return counts, sizes


def _salvage(path: str) -> tuple[list[Segment], int]:
    """The readable stretches of a damaged file, and the number of unreadable records between and after them."""
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
