"""Which record stopped the pipeline, and why: the files are read again after a failure.

The pipeline itself carries no bookkeeping. When it fails, the files are read in sorted order, at full speed, up to the
first record that fails, and that one is examined. Neighbours: `pipeline` builds the same steps, `read_shards` parses.
Imports TensorFlow: workers only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import tensorflow as tf

from resnet_bench.config import resolved_value
from resnet_bench.data import decode, framing, pipeline, read_shards
from resnet_bench.data.data_paths import path_bytes
from resnet_bench.data.encoded_image import image_problem
from resnet_bench.data.example import ENCODED, FEATURES_WORDS, LABEL, example_words
from resnet_bench.data.pipeline import PipelinePlan
from resnet_bench.errors import DataError

_DATA_FAILURES = (
    tf.errors.InvalidArgumentError,
    tf.errors.DataLossError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.FailedPreconditionError,
    tf.errors.OutOfRangeError,
    tf.errors.UnknownError,
    UnicodeDecodeError,  # TensorFlow's message quotes bytes of the record, and Python takes them for UTF-8
)


def explain(failure: BaseException, plan: PipelinePlan) -> DataError | None:
    """The record behind a failed step, named by file and number; None if the data is not at fault.

    Reads and fully decodes records until the first bad one, so it takes up to one pass over the data.
    """
    if not isinstance(failure, _DATA_FAILURES):
        return None
    return first_bad(plan)


def first_bad(plan: PipelinePlan) -> DataError | None:
    """The first bad record in sorted order of files; None if every record is good."""
    last = (0, -1)
    for good in _good(plan):
        last = good
    if last == (len(plan.source.files), 0):
        return None
    file, record = last
    if plan.source.kind == "records" and (found := _examine_record(plan, file, record + 1)) is not None:
        return found
    later = range(file if record < 0 else file + 1, len(plan.source.files))
    for number in later:
        found = _examine_record(plan, number, 0) if plan.source.kind == "records" else _examine_image(plan, number)
        if found is not None:
            return found
    return None


def _good(plan: PipelinePlan) -> Iterator[tuple[int, int]]:
    """(file, record) of each good record up to the first bad one; then (files, 0) where none was bad."""
    source = plan.source
    numbers = tf.data.Dataset.range(len(source.files))
    paths = tf.data.Dataset.from_tensor_slices(path_bytes(source.files))
    if source.kind == "records":
        dataset = tf.data.Dataset.zip((numbers, paths)).flat_map(_numbered_records)
    else:
        labels = tf.data.Dataset.from_tensor_slices(np.asarray(source.labels, np.int64))
        dataset = tf.data.Dataset.zip((numbers, numbers.map(tf.zeros_like), tf.data.Dataset.zip((paths, labels))))
    calls = resolved_value(plan.data.num_parallel_calls)
    check = tf.autograph.experimental.do_not_convert(lambda file, record, raw: _checked(file, record, raw, plan))
    dataset = dataset.map(check, num_parallel_calls=calls)
    try:
        for file, record in dataset.as_numpy_iterator():
            yield int(file), int(record)
    except _DATA_FAILURES:
        return
    yield len(source.files), 0


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
def _numbered_records(number: Any, path: Any) -> Any:
    return tf.data.TFRecordDataset(path).enumerate().map(lambda record, raw: (number, record, raw))


def _checked(file: Any, record: Any, raw: Any, plan: PipelinePlan) -> tuple[Any, Any]:
    encoded, label = read_shards.parse(raw) if plan.source.kind == "records" else (tf.io.read_file(raw[0]), raw[1])
    label = pipeline.network_label(label, plan)
    in_range = tf.debugging.Assert((label >= 0) & (label < plan.classes), ["label"])
    pixels = tf.size(decode.decode_whole(encoded, plan.channels))
    with tf.control_dependencies([in_range, pixels]):
        return tf.identity(file), tf.identity(record)


def _examine_record(plan: PipelinePlan, file: int, record: int) -> DataError | None:
    """What is wrong with one record of a shard; None if it is good or the file ends before it."""
    path = Path(plan.source.files[file])
    where = f"{path}, record {record}"
    try:
        frame = next((frame for frame in framing.walk(path) if frame.index == record), None)
        if frame is None:
            return None
        example = tf.train.Example.FromString(framing.payload(path, frame))
    except framing.DamageError as damage:
        return DataError(f"{path}, record {damage.index}: {damage.reason}.", damage.remedy or plan.source.remedy)
    except OSError as error:
        return DataError(f"{path}: cannot be read ({error.strerror}).", plan.source.remedy)
    except Exception:  # the protobuf runtime in use decides which class its DecodeError has
        return DataError(f"{where}: it is not a tf.train.Example.", plan.source.remedy)
    problem = _schema_problem(example)
    if problem:
        return DataError(
            f"{where}: {problem}.",
            f"{FEATURES_WORDS} {plan.source.remedy}",
        )
    feature = example.features.feature
    return _examine_content(plan, where, feature[ENCODED].bytes_list.value[0], feature[LABEL].int64_list.value[0])


def _schema_problem(example: Any) -> str:
    feature = example.features.feature
    for name, kind in ((ENCODED, "bytes_list"), (LABEL, "int64_list")):
        if name not in feature:
            return f"feature {name} is missing ({example_words(feature)})"
        values = len(getattr(feature[name], kind).value)
        if values != 1:
            return f"feature {name} holds {values} values of {kind.removesuffix('_list')}, not one"
    return ""


def _examine_image(plan: PipelinePlan, file: int) -> DataError | None:
    path = Path(plan.source.files[file])
    try:
        encoded = path.read_bytes()
    except OSError as error:
        return DataError(f"{path}: cannot be read ({error.strerror}).", plan.source.remedy)
    return _examine_content(plan, str(path), encoded, (plan.source.labels or ())[file])


def _examine_content(plan: PipelinePlan, where: str, encoded: bytes, stored: int) -> DataError | None:
    label = int(pipeline.network_label(tf.constant(stored, tf.int64), plan))
    if not 0 <= label < plan.classes:
        offset = resolved_value(plan.data.label_offset)
        return DataError(
            f"{where}: label {stored} with --label-offset {offset} is {label}, outside 0..{plan.classes - 1}.",
            f"Pass --classes, or --label-offset, to fit the data. {plan.source.remedy}",
        )
    problem = image_problem(encoded)
    if problem is None:
        try:
            decode.decode_whole(tf.constant(encoded), plan.channels)
        except tf.errors.OpError as error:
            problem = f"TensorFlow cannot decode it ({decode.reason_of(error)})"
    if problem is None:
        return None
    return DataError(f"{where}: its image ({len(encoded)} bytes) cannot be read: {problem}.", plan.source.remedy)


def prepare_to_skip(plan: PipelinePlan) -> Callable[[], int]:
    """A function that says how many records were skipped so far, for `--on-bad-record skip`.

    Refuses data without one good record, in which the pipeline would search for ever: blocks until it has found one.
    With `--cache images` it blocks for a whole pass and counts there, because later passes come from the cache.
    """
    unreadable, counter = plan.source.unreadable, plan.counter
    assert counter is not None, "only --on-bad-record skip leaves records out"
    uncached = replace(plan, data=msgspec.structs.replace(plan.data, cache="none"))
    once = pipeline.build(uncached, until="augment", repeat=False)
    if plan.data.cache == "images":
        good = sum(1 for _ in once)
        bad = unreadable + counter.records - good
        if good:
            return lambda: bad
    elif any(True for _ in once.take(1)):
        return lambda: unreadable + counter.skipped()
    found = first_bad(plan)
    raise DataError(
        f"None of the {counter.records} records in {len(plan.source.files)} files can be used."
        + (f" The first: {found.message}" if found else ""),
        "Check --data, --classes and --label-offset.",
    )
