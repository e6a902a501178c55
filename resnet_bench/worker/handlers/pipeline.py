"""`data bench` inside a worker: epochs from disk and from memory, and interleaved rounds of pipeline variants.

All variants are alive at once. Those that are not being timed fill their buffers and then block: a round begins only
when the process uses no CPU any more, after untimed batches that empty the buffers. Neighbours:
`protocol/pipeline.py` has the messages, `step/pipeline_drain.py` runs a pipeline, `timing.py` times it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from resnet_bench.config import DataConfig
from resnet_bench.config.fields import Value
from resnet_bench.data.buffering import buffered
from resnet_bench.records.base import Notice, distinct
from resnet_bench.records.pipeline import EpochRate, MemorySample, PageCache
from resnet_bench.worker.protocol.pipeline import (
    ComparePixels,
    EpochsRun,
    MeasureVariants,
    OpenPipeline,
    PipelineOpened,
    PixelsCompared,
    RunEpochs,
    Variant,
    VariantsMeasured,
)
from resnet_bench.worker.protocol.run import RoundDone
from resnet_bench.worker.timing import LONGER, Bench

if TYPE_CHECKING:
    from resnet_bench.data.pipeline import PipelinePlan
    from resnet_bench.step.pipeline_drain import Drain
    from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession

TURN_S = 0.3
SAMPLE_S = 0.25
BLOCKS = 8
"""At least, of an epoch: memory is sampled after each."""
READ_SHARE = 0.25
"""Of the epochs' time: for reading alone."""
PIXEL_IMAGES = 128
MOST_PIPELINES = 20
"""Live at once, each with its own cache where there is one: the variants of --ablate, after the stages."""
_REST_S, _REST_CPU_S, _RESTLESS_S = 0.01, 0.002, 0.5


@dataclass
class _Lane:
    """A variant's live pipeline and how it is timed: calls per round, untimed calls before it."""

    name: str
    bench: Bench
    pre_turn_calls: int
    calls: int = 1


class _Countdown:
    """Whether another piece of work fits: one as long as the longest so far, and a little more."""

    def __init__(self, budget_s: float) -> None:
        self._last = time.perf_counter()
        self._until = self._last + budget_s
        self._longest_s = 0.0

    def another_fits(self) -> bool:
        """Called before each piece; a piece is what runs between two calls."""
        now = time.perf_counter()
        self._longest_s = max(self._longest_s, now - self._last)
        self._last = now
        return now + LONGER * self._longest_s < self._until


class PipelineHandler:
    """The pipeline under test of one worker."""

    def __init__(self, session: TensorFlowSession) -> None:
        self._session = session
        self._plan: Any = None

    def open(self, command: OpenPipeline) -> PipelineOpened:
        """Start TensorFlow, resolve the configuration, find the data."""
        session = self._session
        session.start_tensorflow(command.config)  # before anything else imports TensorFlow
        from resnet_bench.data import Input, default_cache_dir, diagnose, open_files, pipeline

        assert session.config is not None
        with session.phases.enter("data"), session.phases.listing():
            source = open_files(session.config, session.runtime.threads.data, default_cache_dir())
            plan = self._plan = pipeline.plan_of(session.config, source, MOST_PIPELINES)
            skipped = diagnose.prepare_to_skip(plan) if plan.counter is not None else lambda: 0
            explain = lambda failure: diagnose.explain(failure, plan)  # noqa: E731
            session.input = Input(facts=source.facts, dataset=None, resident=None, skipped=skipped, explain=explain)
        return PipelineOpened(data=source.facts, notices=plan.notices)

    def epochs(self, command: RunEpochs) -> EpochsRun:
        """From disk, then again; blocks for at most about `budget_s`."""
        with self._session.phases.enter("epochs"):
            read_s = command.budget_s * READ_SHARE
            reading = _Epochs(self._drain("read"), self._plan, "read")
            reading.run(1, time.perf_counter() + read_s)
            whole = _Epochs(self._drain("prefetch"), self._plan, "prefetch")
            whole.run(command.epochs, time.perf_counter() + command.budget_s - read_s)
        return EpochsRun(
            epochs=(*reading.done, *whole.done),
            memory=tuple(whole.memory),
            notices=distinct((*reading.notices, *whole.notices)),
        )

    def measure(self, command: MeasureVariants) -> VariantsMeasured:
        """Time all variants interleaved until the time is up; the last pass may lack some."""
        clock = _Countdown(command.budget_s)
        with self._session.phases.enter("interleaved"):
            lanes: list[_Lane] = []
            for variant in command.variants:
                if not clock.another_fits():
                    return VariantsMeasured(rounds=0)
                lanes.append(self._lane(variant))
            for turn in range(command.rounds):
                for lane in lanes if turn % 2 == 0 else reversed(lanes):
                    if not clock.another_fits():
                        return VariantsMeasured(rounds=turn)
                    _rest()
                    one = lane.bench.round(lane.calls, lane.pre_turn_calls)
                    self._session.phases.send(RoundDone(round=one, variant=lane.name))
        return VariantsMeasured(rounds=command.rounds)

    def compare_pixels(self, command: ComparePixels) -> PixelsCompared:
        """How far the variants' images lie from the reference's; all take the first batches of one order."""
        with self._session.phases.enter("pixels"):
            wanted = self._first_batches(command.reference)
            found = {
                variant.name: _mean_absolute(self._first_batches(variant.data or self._plan.data), wanted)
                for variant in command.variants
            }
        return PixelsCompared(mean_absolute=found, images=sum(len(batch) for batch in wanted))

    def _first_batches(self, data: DataConfig) -> list[Any]:
        """The images of the first batches; with the same seeds they are the same ones whatever the decoder."""
        from resnet_bench.data import pipeline

        settings = msgspec.structs.replace(data, data_deterministic=True, cache="none")
        plan = replace(self._plan, data=settings, counter=None)
        batches = -(-PIXEL_IMAGES // plan.batch_size)
        dataset = pipeline.build(plan, until="batch").take(batches)
        return [images for images, _ in dataset.as_numpy_iterator()]

    def _drain(self, until: str, plan: PipelinePlan | None = None) -> Callable[[], Drain]:
        from resnet_bench.step.pipeline_drain import Drain

        return lambda: Drain(plan or self._plan, until, self._session.runtime)

    def _lane(self, variant: Variant) -> _Lane:
        """A variant's pipeline, started, warmed up, and its round sized by a pilot."""
        from resnet_bench.data.skip_counter import SkipCounter
        from resnet_bench.runtime.telemetry import Probe

        plan = self._plan if variant.data is None else replace(self._plan, data=variant.data)
        if plan.counter is not None:  # each pipeline counts for itself
            plan = replace(plan, counter=SkipCounter(plan.counter.records))
        _rest()
        drain = self._drain(variant.until, plan)()
        lane = _Lane(
            variant.name, Bench(drain, Probe(self._session.runtime.machine)), _pre_turn_calls(plan, variant.until)
        )
        if plan.data.cache != "none" and (images := plan.source.records or plan.source.facts.images):
            drain.dispatch(-(-images // plan.batch_size))  # fill the cache
        pilot = lane.bench.round(2, lane.pre_turn_calls + 1)
        lane.calls = max(1, min(4096, round(TURN_S * 2 / pilot.wall_s)))
        return lane


def _mean_absolute(found: list[Any], wanted: list[Any]) -> float:
    """The mean absolute difference of uint8 images, in levels."""
    import numpy as np

    differences = [
        np.abs(one.astype(np.int16) - other.astype(np.int16)).mean() for one, other in zip(found, wanted, strict=True)
    ]
    return float(np.mean(differences))


def _pre_turn_calls(plan: PipelinePlan, until: str) -> int:
    """Batches that may lie ready while a pipeline waits for its round, and one more."""
    batched, prefetched = until in ("batch", "prefetch", "copy"), until in ("prefetch", "copy")
    return 1 + buffered(plan.data, plan.batch_size, on_gpu=until == "copy", batched=batched, prefetched=prefetched)


def _rest() -> None:
    """Return once this process uses no processor any more: the pipelines that wait have filled their buffers."""
    end = time.perf_counter() + _RESTLESS_S
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(_REST_S)
        if time.process_time() - before < _REST_CPU_S:
            return


class _Epochs:
    """Passes over the data with one live pipeline, from a page cache that was emptied first."""

    def __init__(self, start: Callable[[], Drain], plan: PipelinePlan, until: str) -> None:
        self._start, self._until = start, until
        self._files = plan.source.files
        self._batch = plan.batch_size
        self._images = plan.source.records or plan.source.facts.images
        stored = plan.source.facts.bytes
        self._image_bytes = stored / self._images if stored and self._images else None
        self.done: list[EpochRate] = []
        self.memory: list[MemorySample] = []
        self.notices: list[Notice] = []
        self._total = 0

    def run(self, epochs: int, until: float) -> None:
        """Run them; one that is not over at `until` (on `perf_counter`) is the last."""
        from resnet_bench.runtime import page_cache

        page_cache.evict(self._files)
        share = page_cache.resident_share(self._files)
        if share is None:
            self.notices.append(Notice.make("page_cache_unknown"))
        elif share > page_cache.COLD_SHARE:
            self.notices.append(Notice.make("page_cache_not_evicted", share=share))
        drain: Drain | None = None
        for epoch in range(1, epochs + 1):
            begun = time.perf_counter()
            drain = drain or self._start()
            self._pass(epoch, drain, begun, until, share)
            if not self.done[-1].complete:
                facts: dict[str, Value] = {
                    "epoch": epoch,
                    "images": self.done[-1].images,
                    "of": self._images,
                    "until": self._until,
                }
                self.notices.append(Notice.make("epoch_cut", **facts))
                return
            share = page_cache.resident_share(self._files)

    def _pass(self, epoch: int, drain: Drain, begun: float, until: float, share: float | None) -> None:
        """One epoch, in blocks of about a quarter of a second; its start belongs to it."""
        batches = None if self._images is None else max(1, self._images // self._batch)
        taken, calls, first_batch_s, cpu_s = 0, 1, None, time.process_time()
        most = 1 << 16 if batches is None else max(1, batches // BLOCKS)
        while batches is None or taken < batches:
            calls = min(calls, most if batches is None else min(most, batches - taken))
            block = time.perf_counter()
            drain.dispatch(calls)
            drain.wait()
            now = time.perf_counter()
            taken += calls
            first_batch_s = now - begun if first_batch_s is None else first_batch_s
            self._sample(calls)
            calls = max(1, min(calls * 2, round(calls * SAMPLE_S / max(now - block, 1e-6))))
            if now > until:
                break
        wall_s = time.perf_counter() - begun
        self.done.append(
            EpochRate(
                epoch=epoch,
                page_cache=_page_cache(share),
                images=taken * self._batch,
                wall_s=wall_s,
                images_per_s=taken * self._batch / wall_s,
                bytes_per_s=None if self._image_bytes is None else taken * self._batch * self._image_bytes / wall_s,
                cpu_s_per_image=(time.process_time() - cpu_s) / (taken * self._batch),
                resident_share=share,
                until=self._until,
                first_batch_s=first_batch_s if epoch == 1 else None,
                complete=batches is not None and taken >= batches,
            )
        )

    def _sample(self, calls: int) -> None:
        import psutil

        self._total += calls * self._batch
        self.memory.append(MemorySample(images=self._total, resident_bytes=psutil.Process().memory_info().rss))


def _page_cache(share: float | None) -> PageCache:
    from resnet_bench.runtime.page_cache import COLD_SHARE, WARM_SHARE

    if share is None or COLD_SHARE < share < WARM_SHARE:
        return "unknown"
    return "cold" if share <= COLD_SHARE else "warm"
