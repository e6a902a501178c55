"""Images: `open_input` turns a resolved configuration into an `Input` for a step.

`sources/` says where images come from, `data_paths`, `class_folders` and `shard_files` find files, `encoded_image`
answers whether an image can be read, `pipeline` and `decode` are the tf.data side, `service` and `service_process`
its processes elsewhere, `datasets/` the parts that training and evaluation read, `diagnose` explains failures,
`manifest` identifies a data set, `write_shards` and `verify_shards` are `data make` and `data check`. Importing this
package imports no TensorFlow; `open_input` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_bench.config import Config
from resnet_bench.data.cache_folder import default_cache_dir
from resnet_bench.errors import BenchError
from resnet_bench.records.base import Notice
from resnet_bench.records.run import DataFacts

if TYPE_CHECKING:
    from resnet_bench.data.pipeline import PipelinePlan
    from resnet_bench.data.sources import SourceFiles
    from resnet_bench.runtime import Threads

__all__ = ["Input", "default_cache_dir", "open_files", "open_input"]


@dataclass(frozen=True)
class Input:
    """What a step reads, and its facts.

    dataset: an endless tf.data.Dataset of (images uint8 [batch, height, width, channels], labels int32
    [batch]), prefetch last; None for synthetic data. Use one iterator at a time.
    resident: for synthetic data the one batch, on the device; else None.
    skipped: records left out so far because they cannot be used. Complete after the first pass; images
    still in flight are not counted yet.
    explain: the record behind an exception that iterating raised, as a `DataError`; None where the data is
    not at fault. Takes up to one pass over the data.
    notices: how it differs from what was requested.
    happened: notices about the processes of a tf.data service since the last call.
    helpers_cpu_s: processor seconds so far of other processes on this machine that work for it.
    """

    facts: DataFacts
    dataset: Any | None
    resident: tuple[Any, Any] | None
    skipped: Callable[[], int]
    explain: Callable[[BaseException], BenchError | None]
    notices: tuple[Notice, ...] = ()
    happened: Callable[[], tuple[Notice, ...]] = lambda: ()
    helpers_cpu_s: Callable[[], float] = lambda: 0.0


def open_input(config: Config, threads: Threads, cache_dir: Path, device: str) -> Input:
    """The input of a resolved configuration.

    device: where synthetic data is put, such as "/GPU:0". Blocks while the embedded photographs are
    written for the first time, and with `--on-bad-record skip` while shards are checked. Raises `DataError`.
    """
    if not config.data.has_pipeline:
        return _resident(config, device)
    from resnet_bench.data import diagnose, pipeline

    source = open_files(config, threads.data, cache_dir)
    plan = pipeline.plan_of(config, source)
    if config.data.data_service is not None:
        return _served(plan, config.data.data_service)
    skipped = diagnose.prepare_to_skip(plan) if plan.counter is not None else lambda: 0
    return Input(
        facts=source.facts,
        dataset=pipeline.build(plan),
        resident=None,
        skipped=skipped,
        explain=lambda failure: diagnose.explain(failure, plan),
        notices=plan.notices,
    )


def _served(plan: PipelinePlan, data_service: str) -> Input:
    """The input made by a tf.data service, once it answers; raises `DataError` in bounded time."""
    from resnet_bench.data import diagnose, pipeline, service

    source = plan.source
    found = service.open_service(data_service, len(source.segments or source.files))
    plan = replace(plan, service=found)
    if not data_service.startswith(service.LOCAL):
        try:
            service.first_batch(lambda: pipeline.build(plan), data_service)
        except Exception as error:
            raise diagnose.explain(error, plan) or service.failed(data_service, error) from error
    return Input(
        facts=source.facts,
        dataset=pipeline.build(plan),
        resident=None,
        skipped=lambda: 0,
        explain=lambda failure: diagnose.explain(failure, plan),
        notices=plan.notices,
        happened=found.happened,
        helpers_cpu_s=found.cpu_s,
    )


def open_files(config: Config, threads: int, cache_dir: Path) -> SourceFiles:
    """The files that `--source` and `--data` name, checked as far as that is quick. Raises `DataError`."""
    from resnet_bench.data.sources import find_source

    return find_source(config.data.source).open_files(config, threads, cache_dir)


def _resident(config: Config, device: str) -> Input:
    from resnet_bench.data.sources import find_source

    name = config.data.source
    return Input(
        facts=DataFacts(source=name),
        dataset=None,
        resident=find_source(name).open_resident(config, device),
        skipped=lambda: 0,
        explain=lambda _: None,
    )
