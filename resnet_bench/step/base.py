"""What every step looks like to the worker, and what it says at its end.

Owns the `Step` protocol, `StepOutcome`, the shapes of a batch, the dummy batch, and the translation of
TensorFlow's failures into ours. Its siblings build on it; `worker/timing.py` and `profile/` see nothing else
of this package.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import tensorflow as tf

from resnet_bench.config import Config, resolved_value
from resnet_bench.errors import BenchError, DataError, OutOfMemoryError
from resnet_bench.records.base import Data

if TYPE_CHECKING:
    from resnet_bench.data import Input

Explain = Callable[[BaseException], BenchError | None]


class StepOutcome(Data, frozen=True, kw_only=True):
    """The result of the steps since `attach`. `None` where a mode has no such thing.

    `loss` is the last step's (train) or the mean over all images (eval); `finite` says whether the last
    loss or the last logits were; `skipped` counts the updates that loss scaling left out.
    """

    loss: float | None = None
    finite: bool | None = None
    iterations: int | None = None
    skipped: int | None = None
    images: int | None = None
    top1: int | None = None
    top5: int | None = None


@dataclasses.dataclass(frozen=True)
class Inside:
    """What evidence may look at between steps: the traced function's graph (a FuncGraph), the running iterator and
    the device of the last output, each None where the step has none or keeps it to itself."""

    graph: Any = None
    iterator: Any = None
    output_device: str | None = None


class Step(Protocol):
    """One way of doing a step. Called in the order of its methods; `dispatch` and `wait` repeatedly.

    `steps_run` counts the steps that have run since `attach`: the updates that the optimizer made where it counts all,
    else the steps of the calls that returned. `traces` counts how often Python traced the step (more than one is a
    retrace). `own_thread` says that steps run in another thread than the caller's, so that `dispatch` returns before
    they started.
    """

    images_per_call: int
    steps_per_call: int
    own_thread: bool

    @property
    def traces(self) -> int:
        """How often Python traced the step."""

    @property
    def steps_run(self) -> int:
        """How many steps have run since `attach`; call it after `wait`."""

    def trace(self) -> None:
        """Trace the step; nothing runs."""

    def first_call(self) -> None:
        """Run one call on a dummy batch and wait for it; compiles under XLA."""

    def attach(self, inp: Input) -> None:
        """Forget what the dummy call changed, and read from `inp` from now on."""

    def dispatch(self, calls: int) -> None:
        """Hand over `calls` calls; waits for input, not for the device."""

    def wait(self) -> None:
        """Block until the device has done all that was handed over."""

    def finish(self) -> StepOutcome:
        """The result of the steps since `attach`. Blocks."""

    def inside(self) -> Inside:
        """What can be inspected; changes nothing."""

    def close(self) -> None:
        """Let go of the input and of any thread."""


def is_gpu(device: str) -> bool:
    """Whether TensorFlow's name of a device, such as "/GPU:0", is a GPU's."""
    return "GPU" in device.upper()


def batch_specs(config: Config, device: str) -> tuple[Any, Any]:
    """TensorSpecs of a batch on `device`: images uint8 [B, H, W, C], labels [B].

    Labels are int32, but int64 on a GPU: TensorFlow keeps a function's int32 arguments in host memory, so
    that each call would wait for the device to hand them back.
    """
    batch = resolved_value(config.step.batch_size)
    height, width = resolved_value(config.model.image_size)
    images = tf.TensorSpec((batch, height, width, config.model.channels), tf.uint8, name="images")
    return images, tf.TensorSpec((batch,), tf.int64 if is_gpu(device) else tf.int32, name="labels")


def dummy_batch(config: Config, device: str) -> tuple[Any, Any]:
    """A random batch on `device` as `batch_specs` says; the seed decides it."""
    images, labels = batch_specs(config, device)
    random = np.random.default_rng(config.runtime.seed)
    with tf.device(device):
        return (
            tf.constant(random.integers(0, 256, images.shape, np.uint8)),
            tf.constant(random.integers(0, config.model.classes, labels.shape), labels.dtype),
        )


def source_on(device: str, inp: Input) -> tuple[Any, Any]:
    """(resident batch, None) or (None, data set) of an input, as `batch_specs` says, ahead on the device."""
    if inp.dataset is not None:
        return None, on_device(inp.dataset, device)
    images, labels = inp.resident or (None, None)
    with tf.device(device):
        return (images, tf.cast(labels, tf.int64) if is_gpu(device) else labels), None


def on_device(dataset: Any, device: str) -> Any:
    """The data set with its batches copied to `device` ahead of their use; the CPU needs no copy."""
    if not is_gpu(device):
        return dataset
    dataset = dataset.map(lambda images, labels: (images, tf.cast(labels, tf.int64)))
    return dataset.apply(tf.data.experimental.prefetch_to_device(device, buffer_size=2))


def endless(batch: tuple[Any, Any]) -> Any:
    """A data set that repeats one batch."""
    return tf.data.Dataset.from_tensors(batch).repeat()


@contextlib.contextmanager
def translated(config: Config, explain: Explain | None = None) -> Iterator[None]:
    """Turn running out of memory or of input, and what `explain` knows of the input, into a `BenchError`."""
    try:
        yield
    except BenchError:
        raise
    except tf.errors.ResourceExhaustedError as problem:
        batch = resolved_value(config.step.batch_size)
        height, width = resolved_value(config.model.image_size)
        raise OutOfMemoryError(
            f"--batch-size {batch} at {height}x{width} pixels (--mode {config.step.mode}, "
            f"--precision {config.step.precision}) does not fit in the device's memory.",
            f"Try --batch-size {batch // 2}, or a smaller --image-size."
            if batch > 1
            else "Try a smaller --image-size.",
        ) from problem
    except Exception as problem:
        known = explain(problem) if explain is not None else None
        if known is None and isinstance(problem, StopIteration | tf.errors.OutOfRangeError):
            known = input_ended()
        if known is None:
            raise
        raise known from problem


def input_ended() -> DataError:
    """The error of an input that has no more batches; the input of a benchmark repeats without end."""
    return DataError(
        "The input ended before the requested steps had run.", "Check that --data holds at least one batch of images."
    )


class Snapshot:
    """The values of some variables, kept on the host so that a dummy step can be undone.

    `restore` may be called once; it lets the values go.
    """

    def __init__(self, variables: list[Any]) -> None:
        self._kept = [(variable, variable.numpy()) for variable in variables]

    def restore(self) -> None:
        """Write the values back."""
        for variable, value in self._kept:
            variable.assign(value)
        self._kept = []
