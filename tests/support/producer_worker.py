"""A worker whose pipeline is a thread that makes one batch per `PERIOD_S` of its running time, up to `DEPTH` ahead.

The thread counts ticks of `PERIOD_S / TICKS`, so that at most one tick passes while the process is stopped,
as with work of the processor. With TICKS=1 a whole batch does, as with a read that the system finishes
meanwhile. No TensorFlow; the worker, its messages and the timed block are the real ones.
"""

from __future__ import annotations

import os
import queue
import threading
import time

from resnet_bench.config import Config
from resnet_bench.records.base import Notice
from resnet_bench.records.run import DataFacts, Memory, ModelFacts, StepResult
from resnet_bench.runtime.resolve import resolve
from resnet_bench.runtime.telemetry import Probe
from resnet_bench.worker import child
from resnet_bench.worker.backends.base import Backend, Ended, Started
from resnet_bench.worker.timing import Bench
from tests.support.fake_worker import ENVIRONMENT, MACHINE

PERIOD_S, TICKS, DEPTH = (float(os.environ["PERIOD_S"]), int(os.environ["TICKS"]), int(os.environ["DEPTH"]))


class Taker:
    """A step that takes a batch from the buffer and computes nothing."""

    images_per_call = 1
    steps_per_call = 1
    own_thread = False

    def __init__(self) -> None:
        self.steps_run = 0
        self._buffer: queue.Queue[int] = queue.Queue(maxsize=max(1, DEPTH))
        threading.Thread(target=self._produce, daemon=True).start()

    def _produce(self) -> None:
        while True:
            for _ in range(TICKS):
                time.sleep(PERIOD_S / TICKS)
            self._buffer.put(1)

    def dispatch(self, calls: int) -> None:
        """Take that many batches."""
        for _ in range(calls):
            self._buffer.get()
        self.steps_run += calls

    def wait(self) -> None:
        """All is done."""


class Producer(Backend):
    """The real worker around a fake pipeline."""

    def prepare_environment(self, requested: Config) -> tuple[Notice, ...]:
        """Nothing to set."""
        del requested
        return ()

    def start(self, requested: Config) -> Started:
        """On a machine that is made up."""
        config, notices = resolve(requested, MACHINE)
        return Started(config, MACHINE, ENVIRONMENT, notices)

    def build(self) -> ModelFacts | None:
        """No network."""
        return None

    def first_call(self) -> None:
        """Nothing to compile."""

    def attach(self) -> Bench:
        """Start the pipeline, and wait until its buffer is full."""
        step = Taker()
        time.sleep(PERIOD_S * (DEPTH + 2))
        return Bench(step, Probe(MACHINE))

    def data_facts(self) -> DataFacts:
        """None to speak of."""
        return DataFacts(source="photos")

    def finish(self) -> Ended:
        """No result."""
        return Ended(StepResult(), Memory())


if __name__ == "__main__":
    child.main(Producer)
