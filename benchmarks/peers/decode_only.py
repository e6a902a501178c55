"""Decode-and-crop alone: our pipeline up to its decode stage, one image at a time, nothing after it.

Reads, parses, draws the crop window and decodes it; no resize, flip, batch or prefetch. The bound that
`--mode input` is measured against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resnet_bench.config import resolved_value
from resnet_bench.records.base import Notice
from resnet_bench.records.run import DataFacts, Memory, ModelFacts, StepResult
from resnet_bench.runtime.telemetry import Probe
from resnet_bench.worker import child
from resnet_bench.worker.backends.base import Ended
from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession
from resnet_bench.worker.timing import Bench


class DecodeOnly(TensorFlowSession):
    """A backend whose step takes decoded crops one by one in a compiled loop."""

    def open_input(self) -> None:
        """With the loop."""

    def build(self) -> ModelFacts | None:
        """No network; the pipeline up to its decode stage."""
        from resnet_bench.data import default_cache_dir, open_files, pipeline

        config = self.config
        assert config is not None
        plan = pipeline.plan_of(config, open_files(config, self.runtime.threads.data, default_cache_dir()))
        self.step = _Loop(pipeline.build(plan, until="decode"), resolved_value(config.step.batch_size))
        return None

    def trace(self) -> None:
        """In the first call."""

    def first_call(self) -> None:
        """A batch's worth of images."""
        self.step.dispatch(1)
        self.step.wait()

    def attach(self) -> Bench:
        """The loop runs on."""
        return Bench(self.step, Probe(self.runtime.machine))

    def data_facts(self) -> DataFacts:
        """Shards."""
        return DataFacts(source="tfrecord")

    def prepared_notices(self) -> tuple[Notice, ...]:
        """None."""
        return ()

    def finish(self) -> Ended:
        """No result."""
        return Ended(StepResult(), Memory())


class _Loop:
    """`batch` images per call."""

    steps_per_call = 1
    own_thread = False

    def __init__(self, dataset: Any, batch: int) -> None:
        import tensorflow as tf

        self.images_per_call = batch
        self.steps_run = 0
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
        self.steps_run += calls

    def wait(self) -> None:
        """Read the total on the host."""
        self._total.numpy()


if __name__ == "__main__":
    child.main(DecodeOnly)
