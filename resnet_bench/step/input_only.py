"""The pipeline alone: batches are taken by a compiled loop, so that Python is not what is measured.

Owns `InputStep`. Under a GPU each batch crosses to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from resnet_bench.config import Config, resolved_value
from resnet_bench.step.base import (
    Explain,
    Inside,
    StepOutcome,
    batch_specs,
    dummy_batch,
    endless,
    on_device,
    translated,
)

if TYPE_CHECKING:
    from resnet_bench.data import Input
    from resnet_bench.runtime import Runtime


class InputStep:
    """A `Step` that takes batches and computes nothing on them. One call takes `steps_per_call` batches."""

    own_thread = False

    def __init__(self, config: Config, rt: Runtime) -> None:
        self.steps_per_call = config.step.steps_per_call
        self.images_per_call = resolved_value(config.step.batch_size) * self.steps_per_call
        self.traces = 0
        self._config, self._rt = config, rt
        self._explain: Explain | None = None
        self._take: Any = None
        self._iterator: Any = None
        self._sums: list[Any] = []
        self._images = self.steps_run = 0

    def trace(self) -> None:
        """Trace the loop; nothing runs."""
        with self._guarded():
            source = tf.data.IteratorSpec(batch_specs(self._config, self._rt.device))
            count = tf.TensorSpec((), tf.int32)
            self._take = tf.function(self._loop, autograph=False).get_concrete_function(source, count)

    def first_call(self) -> None:
        """Take one call's batches from a dummy data set and wait."""
        with self._guarded():
            batch = dummy_batch(self._config, self._rt.device)
            self._iterator = iter(on_device(endless(batch), self._rt.device))
        self.dispatch(1)
        self.wait()

    def attach(self, inp: Input) -> None:
        """Read from `inp` from now on. Starts the pipeline."""
        self._explain = inp.explain
        with self._guarded():
            self._iterator = iter(on_device(inp.dataset, self._rt.device))
        self._images = self.steps_run = 0

    def dispatch(self, calls: int) -> None:
        """Take `calls` x `steps_per_call` batches in one compiled loop; waits for the input."""
        with self._guarded():
            self._sums = [self._take(self._iterator, tf.constant(calls * self.steps_per_call))]
        self._images += calls * self.images_per_call
        self.steps_run += calls * self.steps_per_call

    def wait(self) -> None:
        """Block until the last batch has crossed to the device."""
        with self._guarded():
            for total in self._sums:
                total.numpy()
            self._rt.wait()

    def finish(self) -> StepOutcome:
        """How many images came since `attach`. Blocks."""
        self.wait()
        return StepOutcome(images=self._images)

    def inside(self) -> Inside:
        """The loop's graph and the iterator it takes from."""
        return Inside(None if self._take is None else self._take.graph, self._iterator)

    def close(self) -> None:
        """Let go of the input; its pipeline stops."""
        self._iterator = None

    def _loop(self, iterator: Any, count: Any) -> Any:
        self.traces += 1

        def once(index: Any, total: Any) -> tuple[Any, Any]:
            images, labels = iterator.get_next()
            # One pixel and the labels: enough to need the batch, too little to cost anything.
            seen = tf.cast(images[-1, -1, -1, -1], tf.int64) + tf.cast(tf.reduce_sum(labels), tf.int64)
            return index + 1, total + seen

        state = (tf.constant(0), tf.constant(0, tf.int64))
        return tf.while_loop(lambda index, _: index < count, once, state, parallel_iterations=1)[1]

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        with translated(self._config, self._explain), tf.device(self._rt.device):
            yield
