"""Decode-and-crop alone: our pipeline up to its decode stage, one image at a time, nothing after it.

Reads, parses, draws the crop window and decodes it; no resize, flip, batch or prefetch. The bound that
`--mode input` is measured against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resnet_bench.config import resolved_value
from resnet_bench.runtime.telemetry import Probe
from resnet_bench.worker import child
from resnet_bench.worker import protocol as p
from resnet_bench.worker.commands import Phases
from resnet_bench.worker.timing import Bench


class DecodeOnly(Phases):
    """A worker whose step takes decoded crops one by one in a compiled loop."""

    def _open_loop(self) -> None:
        from resnet_bench.data import default_cache_dir, open_files, pipeline

        config, runtime = self.config, self.runtime
        assert config is not None
        with self.in_phase("data"):
            source = open_files(config, runtime.threads.data, default_cache_dir())
            plan = pipeline.plan_of(config, source)
            self.bench = Bench(
                _Loop(pipeline.build(plan, until="decode"), resolved_value(config.step.batch_size)), self._probe()
            )

    def _probe(self) -> Probe:
        return Probe(self.runtime.machine)

    def _prepare(self, command: p.Prepare) -> p.Prepared:
        from resnet_bench.records.run import ColdStart, DataFacts

        self.start_tensorflow(command.config)
        self._open_loop()
        return p.Prepared(cold_start=ColdStart(), model=None, data=DataFacts(source="tfrecord"))

    def _warm_up(self, command: p.WarmUp) -> p.Timed:
        return self._series("warmup", command.steps, 1)


class _Loop:
    """`batch` images per call."""

    steps_per_call = 1
    own_thread = False

    def __init__(self, dataset: Any, batch: int) -> None:
        import tensorflow as tf

        self.images_per_call = batch
        self._iterator = iter(dataset)
        self._total: Any = None

        def once(index: Any, total: Any) -> tuple[Any, Any]:
            image = self._iterator.get_next()["image"]
            return index + 1, total + tf.cast(image[-1, -1, -1], tf.int64)

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]
        def take(count: Any) -> Any:
            state = (tf.constant(0), tf.constant(0, tf.int64))
            return tf.while_loop(lambda index, _: index < count, once, state, parallel_iterations=1)[1]

        self._take: Callable[[Any], Any] = take

    def dispatch(self, calls: int) -> None:
        """Take that many batches' worth of images."""
        import tensorflow as tf

        self._total = self._take(tf.constant(calls * self.images_per_call))

    def wait(self) -> None:
        """Read the total on the host."""
        self._total.numpy()


if __name__ == "__main__":
    child.main(DecodeOnly)
