"""A worker around somebody else's input pipeline: the real protocol, probe and timed block; only the batches differ.

A peer is a `Loader`: it makes endless batches and shows what its decoding gives for a fixed window. What that
differs from the reference by, and its settings, come back as a notice with its preparation. `WORKERS` in the
environment is its number of workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from benchmarks.peers.images import COMPARED, Span, difference, spans_of
from resnet_bench.config import Config, resolved_value
from resnet_bench.config.fields import Value
from resnet_bench.records.base import Notice
from resnet_bench.records.environment import CpuEnvironment, Environment
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import DataFacts, Memory, ModelFacts, StepResult
from resnet_bench.runtime.cpu import affinity
from resnet_bench.runtime.telemetry import Probe
from resnet_bench.worker import child
from resnet_bench.worker.backends.base import Backend, Ended, Started
from resnet_bench.worker.phases import Phases
from resnet_bench.worker.timing import Bench

WORKERS = int(os.environ.get("WORKERS", "1"))


class Loader(Protocol):
    """Somebody's input pipeline."""

    settings: dict[str, Value]

    def batches(self, spans: list[Span], batch: int, size: int, seed: int) -> Iterator[Any]:
        """Endless batches of random-resized-crops, flipped at random: uint8 [batch, size, size, 3]."""

    def centre(self, spans: list[Span], size: int) -> Any:
        """The centre windows of these images, decoded and resized as the batches are: uint8 [N, size, size, 3]."""


class _Take:
    """A step that takes batches and looks at one pixel of each."""

    steps_per_call = 1
    own_thread = False

    def __init__(self, batches: Iterator[Any], batch: int) -> None:
        self.images_per_call = batch
        self._batches = batches
        self.seen = self.steps_run = 0

    def dispatch(self, calls: int) -> None:
        """Take that many batches."""
        for _ in range(calls):
            images = next(self._batches)
            assert images.shape[0] == self.images_per_call, "a short batch would be counted as a whole one"
            self.seen += int(images[-1, -1, -1, -1])
            self.steps_run += 1

    def wait(self) -> None:
        """Nothing is left to wait for."""


class LoaderBackend(Backend):
    """A backend without a network, around a loader."""

    def __init__(self, phases: Phases, loader: Loader) -> None:
        super().__init__(phases)
        self._loader = loader
        self._spans: list[Span] = []
        self._step: _Take | None = None

    def prepare_environment(self, requested: Config) -> tuple[Notice, ...]:
        """Nothing to set."""
        del requested
        return ()

    def start(self, requested: Config) -> Started:
        """On this machine's processors; nothing is resolved."""
        cpus = len(affinity())
        environment = Environment(python="", package_version="", device="cpu", cpu=CpuEnvironment(cpus=cpus))
        return Started(requested, self._machine(), environment)

    def _machine(self) -> Machine:
        return Machine(device_kind="cpu", device="cpu", cpus=len(affinity()))

    def open_input(self) -> None:
        """Find the images in the shards."""
        assert self.config is not None
        assert self.config.data.data is not None
        self._spans = spans_of(self.config.data.data)

    def build(self) -> ModelFacts | None:
        """No network."""
        assert self.config is not None
        size, batch = resolved_value(self.config.model.image_size)[0], resolved_value(self.config.step.batch_size)
        self._step = _Take(self._loader.batches(self._spans, batch, size, self.config.runtime.seed), batch)
        return None

    def first_call(self) -> None:
        """The first batch, which starts the loader's workers."""
        assert self._step is not None
        self._step.dispatch(1)

    def attach(self) -> Bench:
        """It has been running since."""
        assert self._step is not None
        return Bench(self._step, Probe(self._machine()))

    def data_facts(self) -> DataFacts:
        """Shards of so many images."""
        return DataFacts(source="tfrecord", images=len(self._spans))

    def prepared_notices(self) -> tuple[Notice, ...]:
        """The loader's settings, and how far its pixels are from the reference."""
        assert self.config is not None
        size, compared = resolved_value(self.config.model.image_size)[0], self._spans[:COMPARED]
        away = difference(self._loader.centre(compared, size), [span.read() for span in compared], size)
        facts = {**self._loader.settings, "mean_absolute_difference": away, "images_compared": len(compared)}
        return (Notice(kind="peer", facts=facts),)

    def finish(self) -> Ended:
        """No result."""
        return Ended(StepResult(), Memory())


def serve(loader: Callable[[], Loader]) -> None:
    """Be a worker around a loader."""
    child.main(lambda phases: LoaderBackend(phases, loader()))
