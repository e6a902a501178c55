"""Taking elements of any stage of the pipeline in a compiled loop, so that Python is not what is measured.

Owns `Drain`, which `worker/handlers/pipeline.py` times. `input_only.py` is its sibling for whole batches inside a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from resnet_bench.data import pipeline
from resnet_bench.records.pipeline import STAGES
from resnet_bench.step.base import on_device

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime

COPY = "copy"
"""The stage after the pipeline's own: its batches cross to the device."""


class Drain:
    """A stepper over the pipeline up to a stage. One call takes as many images as a batch holds.

    plan: what the pipeline does. until: a name of `records.pipeline.STAGES`, or `COPY`. Starts reading when it is made.
    Before "batch" the elements are single images: tf.data's own `shard` passes over all but the last of each
    batch in C++, so that an image costs no step of the loop; every one of them is produced.
    """

    steps_per_call = 1
    own_thread = False

    def __init__(self, plan: pipeline.PipelinePlan, until: str, rt: Runtime) -> None:
        self.images_per_call = plan.batch_size
        self.steps_run = 0
        self._rt = rt
        device = rt.device if until == COPY else "/CPU:0"
        last = STAGES[-1] if until == COPY else until
        dataset = pipeline.build(plan, until=last)  # type: ignore[arg-type]
        if STAGES.index(last) < STAGES.index("batch"):
            dataset = dataset.shard(plan.batch_size, plan.batch_size - 1)
        self._device = device
        with tf.device(device):
            self._iterator = iter(on_device(dataset, device))
        self._take = tf.function(self._loop, autograph=False)
        self._seen: Any = None

    def dispatch(self, calls: int) -> None:
        """Take that many batches' worth of images; waits for the pipeline."""
        with tf.device(self._device):
            self._seen = self._take(tf.constant(calls))
        self.steps_run += calls

    def wait(self) -> None:
        """Block until the last batch is where it goes."""
        if self._seen is not None:
            self._seen.numpy()
        self._rt.wait()

    def _loop(self, count: Any) -> Any:
        def once(index: Any, total: Any) -> tuple[Any, Any]:
            return index + 1, total + _touched(self._iterator.get_next())

        state = (tf.constant(0), tf.constant(0, tf.int64))
        return tf.while_loop(lambda index, _: index < count, once, state, parallel_iterations=1)[1]


def _touched(element: Any) -> Any:
    """A number that needs the element: one pixel of a batch, else the size of its first part."""
    first = tf.nest.flatten(element)[0]
    if first.dtype == tf.uint8 and first.shape.rank == 4:
        return tf.cast(first[-1, -1, -1, -1], tf.int64)
    return tf.size(first, tf.int64)
