"""A training as TensorBoard scalars, written while it runs: the loss of each step, and each epoch's figures.

Every process appends a file of its own to the folder, so that a resumed training goes on in the same curves.
Nothing here imports TensorFlow; the `tensorboard` package has the messages and their framing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from resnet_bench.records.training import Epoch


class Scalars:
    """An event file that is created with its first scalar. Use as a context manager.

    Where it cannot be written, `on_failure` is called once, and no more is written: a training must not fail for that.
    """

    def __init__(self, folder: Path, on_failure: Callable[[str], None]) -> None:
        self._on_failure = on_failure
        self._failed = False
        self._path = folder / f"events.out.tfevents.{int(time.time())}.{os.getpid()}.resnet-bench"
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with self._told():
                self._file.close()

    def steps(self, last: int, losses: Sequence[float]) -> None:
        """The losses of consecutive steps, the last of them number `last`."""
        with self._told():
            for step, loss in enumerate(losses, start=last - len(losses) + 1):
                self._write(step, {"step/loss": loss})

    def epoch(self, epoch: Epoch) -> None:
        """The figures of an epoch."""
        values = {
            "epoch/loss": epoch.loss,
            "epoch/accuracy": epoch.accuracy,
            "epoch/test_loss": epoch.test_loss,
            "epoch/test_accuracy": epoch.test_accuracy,
            "epoch/learning_rate": epoch.learning_rate,
            "epoch/images_per_s": epoch.images_per_s,
        }
        with self._told():
            self._write(epoch.epoch, {tag: value for tag, value in values.items() if value is not None})

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Write what is done inside, or tell once why that is impossible."""
        try:
            yield
        except OSError as error:
            if not self._failed:
                self._failed = True
                self._on_failure(f"TensorBoard scalars are not written to {self._path}: {error.strerror or error}.")

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        import numpy as np
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.scalar.metadata import create_summary_metadata
        from tensorboard.util.tensor_util import make_tensor_proto

        if self._failed:
            return
        if self._writer is None:
            self._open()
        shown = [
            Summary.Value(
                tag=tag,
                tensor=make_tensor_proto(np.float32(value)),
                metadata=create_summary_metadata(display_name="", description=""),
            )
            for tag, value in values.items()
        ]
        event = Event(wall_time=time.time(), step=step, summary=Summary(value=shown))
        self._writer.write(event.SerializeToString())

    def _open(self) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("wb", buffering=0)
        self._writer = RecordWriter(self._file)
        self._writer.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
