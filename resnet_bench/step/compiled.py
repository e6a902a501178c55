"""The compiled step: one Python call hands over `steps_per_call` steps of a body.

Owns tracing, the dummy call and the dispatch loop. With one step per call, the body itself is the compiled
function, and Python takes each batch from the iterator. With several, a compiled loop takes them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from resnet_bench.config import Config, resolved_value
from resnet_bench.step.base import (
    Explain,
    Inside,
    Snapshot,
    StepOutcome,
    batch_specs,
    dummy_batch,
    endless,
    on_device,
    source_on,
    translated,
)
from resnet_bench.step.step_functions import Body

if TYPE_CHECKING:
    from resnet_bench.data import Input
    from resnet_bench.runtime import Runtime

HUGE = 3e38
"""Just below float32's largest: what no finite loss or logit exceeds."""


class CompiledStep:
    """A `Step` that calls a tf.function of our own (train, infer, eval)."""

    own_thread = False

    def __init__(self, config: Config, rt: Runtime, body: Body) -> None:
        self.steps_per_call = config.step.steps_per_call
        self.images_per_call = resolved_value(config.step.batch_size) * self.steps_per_call
        self.traces = 0
        self._config, self._rt, self._body = config, rt, body
        self._resident = not config.data.has_pipeline
        self._explain: Explain | None = None
        self._snapshot = Snapshot(body.state)
        self._call: Any = None
        self._batch: tuple[Any, Any] | None = None
        self._iterator: Any = None
        self._last: Any = None
        self._calls = 0

    @property
    def steps_run(self) -> int:
        """Steps since `attach`: as the body counts them on the device, else those of the calls that returned."""
        return self._calls * self.steps_per_call if self._body.count is None else self._body.count()

    def trace(self) -> None:
        """Trace the step; nothing runs."""
        with self._guarded():
            step = tf.function(self._run, jit_compile=self._rt.jit, autograph=False)
            specs = batch_specs(self._config, self._rt.device)
            if self.steps_per_call == 1:
                self._call = step.get_concrete_function(*specs)
                return
            loop = repeat if self._resident else take
            looped = tf.function(
                lambda *source: loop(step, self.steps_per_call, self._body.output_shape, *source), autograph=False
            )
            source = specs if self._resident else (tf.data.IteratorSpec(specs),)
            self._call = looped.get_concrete_function(*source)

    def first_call(self) -> None:
        """Run one call on a dummy batch and wait for it; compiles under XLA."""
        with self._guarded():
            self._read(dummy_batch(self._config, self._rt.device), None)
        self.dispatch(1)
        self.wait()

    def attach(self, inp: Input) -> None:
        """Undo the dummy call's changes, and read from `inp` from now on. Starts the pipeline."""
        self._explain = inp.explain
        with self._guarded():
            self._snapshot.restore()
            self._last, self._calls = None, 0
            self._read(*source_on(self._rt.device, inp))

    def dispatch(self, calls: int) -> None:
        """Hand over `calls` calls; waits for input, not for the device."""
        call, iterator, last = self._call, self._iterator, self._last
        with self._guarded():
            if self._batch is not None:
                images, labels = self._batch
                for _ in range(calls):
                    last = call(images, labels)
            elif self.steps_per_call == 1:
                for _ in range(calls):
                    last = call(*next(iterator))
            else:
                for _ in range(calls):
                    last = call(iterator)
        self._last = last
        self._calls += calls

    def wait(self) -> None:
        """Block until the device has done all that was handed over."""
        with self._guarded():
            self._rt.wait()

    def finish(self) -> StepOutcome:
        """The result of the steps since `attach`. Blocks."""
        self.wait()
        if self._last is None:
            return StepOutcome()
        with self._guarded():
            return self._body.report(self._last, self._calls * self.steps_per_call)

    def inside(self) -> Inside:
        """The compiled function's graph, the iterator of a pipeline, and where the last output lies."""
        graph = None if self._call is None else self._call.graph
        return Inside(graph, self._iterator, None if self._last is None else self._last.device)

    def close(self) -> None:
        """Let go of the input; its pipeline stops."""
        self._iterator = self._batch = None

    def _run(self, images: Any, labels: Any) -> Any:
        self.traces += 1
        return self._body.run(images, labels)

    def _read(self, batch: Any, dataset: Any) -> None:
        self._batch = self._iterator = None
        if batch is not None and (self._resident or self.steps_per_call == 1):
            self._batch = batch
            return
        if dataset is None:
            dataset = on_device(endless(batch), self._rt.device)
        self._iterator = iter(dataset)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        with translated(self._config, self._explain), tf.device(self._rt.device):
            yield


def repeat(step: Callable[[Any, Any], Any], steps: int, shape: tuple[int, ...], images: Any, labels: Any) -> Any:
    """Run `step` that many times on one batch, one after the other; returns the last output.

    Each round's images depend on the round before (a pixel is raised where its output was infinite), so
    that no compiler may compute one for all.
    """

    def once(index: Any, pixels: Any, last: Any) -> tuple[Any, Any, Any]:
        overflow = tf.cast(tf.reduce_max(last) > HUGE, tf.uint8)
        pixels = pixels + overflow
        return index + 1, pixels, step(pixels, labels)

    state = (tf.constant(0), images, tf.zeros(shape, tf.float32))
    return tf.while_loop(lambda index, *_: index < steps, once, state, parallel_iterations=1)[-1]


def take(step: Callable[[Any, Any], Any], steps: int, shape: tuple[int, ...], iterator: Any) -> Any:
    """Run `step` on that many batches of the iterator; returns the last output."""

    def once(index: Any, last: Any) -> tuple[Any, Any]:
        del last
        return index + 1, step(*iterator.get_next())

    state = (tf.constant(0), tf.zeros(shape, tf.float32))
    return tf.while_loop(lambda index, _: index < steps, once, state, parallel_iterations=1)[-1]
