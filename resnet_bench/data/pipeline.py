"""The tf.data pipeline as a list of named stages, and every tf.data option.

`build(plan, until)` makes the pipeline up to any stage, so that a stage can be timed by what it adds. The
stages from parse to augment run in one parallel map: passing elements between maps costs more than it gains.
Reads `sources.SourceFiles`; `decode` does the pixels, `diagnose` explains failures. Imports TensorFlow:
workers only.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import tensorflow as tf

from resnet_bench.config import Config, DataConfig, resolved_value
from resnet_bench.data import caching, decode, read_shards
from resnet_bench.data.data_paths import path_bytes
from resnet_bench.data.service import Service, distribute
from resnet_bench.data.skip_counter import SkipCounter
from resnet_bench.data.sources.base import SourceFiles
from resnet_bench.records.base import Notice
from resnet_bench.records.pipeline import STAGES, StageName
from resnet_bench.runtime.system import available_bytes

Element = dict[str, Any]
Step = Callable[[Element], Element]
T = TypeVar("T")
# Without AutoGraph, which would rewrite these functions to look for Python control flow; they have none.
_as_written: Callable[[Any], Any] = tf.autograph.experimental.do_not_convert


@dataclass(frozen=True)
class PipelinePlan:
    """Everything that decides what a pipeline does. `data` is resolved.

    training: random crops, flips and order; without, the evaluation pipeline in file order.
    counter: counts bad records for `--on-bad-record skip`; None if they are errors.
    service: the tf.data service that runs the pipeline up to its batches; None for this process.
    skip: records to leave out at the start of the order, before they are decoded; the others do not change.
    notices: how the plan differs from what was requested.
    """

    source: SourceFiles
    data: DataConfig
    training: bool
    image_size: tuple[int, int]
    channels: Literal[1, 3]
    classes: int
    batch_size: int
    seed: int
    counter: SkipCounter | None = None
    service: Service | None = None
    skip: int = 0
    notices: tuple[Notice, ...] = ()


def plan_of(config: Config, source: SourceFiles, pipelines: int = 1) -> PipelinePlan:
    """The plan of a resolved configuration over a source; without the cache if `pipelines` of them at once would
    exceed its budget."""
    skip = config.data.on_bad_record == "skip"
    plan = PipelinePlan(
        source=source,
        data=config.data,
        training=config.step.mode in ("train", "input"),
        image_size=resolved_value(config.model.image_size),
        channels=config.model.channels,
        classes=config.model.classes,
        batch_size=resolved_value(config.step.batch_size),
        seed=config.runtime.seed,
        counter=SkipCounter(source.records or 0) if skip else None,
    )
    height, width = plan.image_size
    fitted, notices = caching.fitted(config.data, source, height * width * plan.channels, available_bytes(), pipelines)
    return replace(plan, data=fitted, notices=(*source.notices, *notices))


def build(plan: PipelinePlan, until: StageName = "prefetch", repeat: bool = True) -> Any:
    """The pipeline up to and including stage `until`.

    Before "batch" the elements are dicts; from "batch" on they are (images uint8 [batch, height, width,
    channels], labels int32 [batch]). repeat=False reads the data once.
    """
    stages = STAGES[: STAGES.index(until) + 1]
    dataset = _read(plan, repeat)
    steps = [step for name, step in _element_steps(plan) if name in stages]
    if steps:
        dataset = _map(dataset, steps, plan)
    if plan.data.cache == "images":
        dataset = dataset.cache()
        dataset = dataset.repeat() if repeat else dataset
    if "batch" in stages:
        dataset = _batch(dataset, plan)
    depth = resolved_value(plan.data.prefetch_buffer_size)
    if "prefetch" in stages and plan.service is not None:
        dataset = distribute(dataset.with_options(options(plan.data)), plan.service)
    if "prefetch" in stages and depth:
        dataset = dataset.prefetch(depth)
    return dataset.with_options(options(plan.data))


def _read(plan: PipelinePlan, repeat: bool) -> Any:
    """Records (or image files) in order: interleaved, cached, shuffled, repeated, numbered."""
    data, source = plan.data, plan.source
    dataset = _read_records(plan) if source.kind == "records" else _read_images(plan)
    if data.cache == "records":
        dataset = dataset.cache()
    buffer = resolved_value(data.shuffle_buffer_size)
    if plan.training and buffer:
        dataset = dataset.shuffle(buffer, seed=plan.seed)
    if repeat and data.cache != "images":
        dataset = dataset.repeat()
    parts = {"raw": dataset}
    if plan.training:
        parts["noise"] = tf.data.Dataset.random(seed=plan.seed)
    if plan.counter is not None:
        parts["index"] = tf.data.Dataset.counter().map(_as_written(plan.counter.start))
    together = tf.data.Dataset.zip(parts)
    return together.skip(plan.skip) if plan.skip else together


def _read_records(plan: PipelinePlan) -> Any:
    data, segments = plan.data, _in_order(plan.source.segments, plan)
    cycle = min(resolved_value(data.cycle_length), len(segments))
    intact = all(segment.offset == 0 for segment in segments)

    @_as_written
    def records(path: Any, offset: Any, count: Any) -> Any:
        found = tf.data.TFRecordDataset(path) if intact else read_shards.records_from(path, offset)
        return found.take(count)

    columns = (
        path_bytes(segment.path for segment in segments),
        tf.constant([segment.offset for segment in segments], tf.int64),
        tf.constant([segment.records for segment in segments], tf.int64),
    )
    files = tf.data.Dataset.from_tensor_slices(columns)
    if plan.training and plan.service is None and len(segments) > 1:
        files = files.shuffle(len(segments), seed=plan.seed)
    return files.interleave(
        records, cycle_length=cycle, block_length=data.block_length, num_parallel_calls=cycle if cycle > 1 else None
    )


def _in_order(files: tuple[T, ...], plan: PipelinePlan) -> tuple[T, ...]:
    """The files in reading order. With a service they are shuffled here, once: with a shuffle buffer inside the
    pipeline one worker would take them all."""
    if plan.service is None or not plan.training:
        return files
    return tuple(random.Random(plan.seed).sample(files, len(files)))


def _read_images(plan: PipelinePlan) -> Any:
    data, source = plan.data, plan.source
    files, labels = zip(*_in_order(tuple(zip(source.files, source.labels or (), strict=True)), plan), strict=True)
    names = tf.data.Dataset.from_tensor_slices((path_bytes(files), tf.constant(labels, tf.int64)))
    if plan.training and plan.service is None:
        names = names.shuffle(len(source.files), seed=plan.seed)
    # with "skip" a file that is deleted while the pipeline runs must not end it
    read = names.map(
        _as_written(lambda path, label: (tf.io.read_file(path), label)),
        num_parallel_calls=resolved_value(data.cycle_length),
    )
    return read if plan.counter is None else read.ignore_errors()


def _element_steps(plan: PipelinePlan) -> list[tuple[StageName, Step]]:
    """What is done to one element, stage by stage, in order."""
    steps: list[tuple[StageName, Step]] = [
        ("parse", lambda element: _parse(element, plan)),
        ("decode", lambda element: _decode(element, plan)),
        ("crop_resize", lambda element: {**element, "image": decode.resize(element["image"], plan.image_size)}),
    ]
    if plan.training and plan.data.flip and not plan.data.vectorized_augment:
        steps.append(("augment", lambda element: {**element, "image": decode.flip(element["image"], element["noise"])}))
    return steps


def _parse(element: Element, plan: PipelinePlan) -> Element:
    raw = element.pop("raw")
    encoded, label = read_shards.parse(raw) if plan.source.kind == "records" else raw
    label = network_label(label, plan)
    if plan.counter is not None:
        with tf.control_dependencies([_assert_in_range(label, plan.classes)]):
            label = tf.identity(label)
    return {**element, "encoded": encoded, "label": label}


def network_label(stored: Any, plan: PipelinePlan) -> Any:
    """The class for the network, int32: the stored label plus the offset, modulo the classes if the source says so."""
    label = stored + resolved_value(plan.data.label_offset)
    if plan.source.label_modulo is not None:
        label %= plan.source.label_modulo
    return tf.cast(label, tf.int32)


def _decode(element: Element, plan: PipelinePlan) -> Element:
    data = plan.data
    decoder = decode.Decoder(plan.channels, data.decode, data.dct_method, data.fancy_upscaling)

    def window(shape: Any) -> Any:
        if plan.training:
            return decode.random_window(shape, element["noise"], plan.seed, data.crop_area_min)
        return decode.centre_window(shape, plan.image_size)

    image = decode.decode_window(element.pop("encoded"), window, decoder)
    return {**element, "image": image}


def _map(dataset: Any, steps: list[Step], plan: PipelinePlan) -> Any:
    @_as_written
    def element_of(element: Element) -> Element:
        element = dict(element)
        for step in steps:
            element = step(element)
        return element

    calls = resolved_value(plan.data.num_parallel_calls)
    mapped = dataset.map(element_of, num_parallel_calls=calls if calls > 1 else None)
    return mapped if plan.counter is None else mapped.ignore_errors()


def _batch(dataset: Any, plan: PipelinePlan) -> Any:
    """Batches, their bad records counted ("skip") or their labels checked: once per batch costs almost nothing."""
    dataset = dataset.batch(plan.batch_size, drop_remainder=True)
    if plan.counter is not None and plan.data.cache != "images":
        dataset = dataset.map(_as_written(plan.counter.count))
    if plan.training and plan.data.flip and plan.data.vectorized_augment:
        flipped = lambda batch: {**batch, "image": decode.flip_batch(batch["image"], batch["noise"])}  # noqa: E731
        dataset = dataset.map(_as_written(flipped), num_parallel_calls=resolved_value(plan.data.num_parallel_calls))
    return dataset.map(_as_written(lambda batch: _pair(batch, plan)))


def _pair(batch: Element, plan: PipelinePlan) -> tuple[Any, Any]:
    with tf.control_dependencies([_assert_in_range(batch["label"], plan.classes)]):
        return batch["image"], tf.identity(batch["label"])


def _assert_in_range(labels: Any, classes: int) -> Any:
    valid = tf.reduce_all((labels >= 0) & (labels < classes))
    return tf.debugging.Assert(valid, ["a label is outside 0 ..", classes - 1])


def options(data: DataConfig) -> Any:
    """tf.data's options for a resolved `DataConfig`; each field keeps tf.data's own name."""
    chosen = tf.data.Options()
    chosen.deterministic = data.data_deterministic
    chosen.threading.private_threadpool_size = resolved_value(data.private_threadpool_size)
    if data.max_intra_op_parallelism:
        chosen.threading.max_intra_op_parallelism = data.max_intra_op_parallelism
    chosen.autotune.enabled = data.autotune
    if data.autotune:
        chosen.autotune.cpu_budget = resolved_value(data.cpu_budget)
        if data.ram_budget:
            chosen.autotune.ram_budget = data.ram_budget
    rewrites = chosen.experimental_optimization
    rewrites.inject_prefetch = data.inject_prefetch
    rewrites.map_parallelization = data.map_parallelization
    rewrites.map_and_batch_fusion = data.map_and_batch_fusion
    rewrites.parallel_batch = data.parallel_batch
    return chosen
