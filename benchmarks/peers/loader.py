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
from resnet_bench.errors import BenchError
from resnet_bench.records.base import Notice
from resnet_bench.records.environment import CpuEnvironment, Environment
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import ColdStart, DataFacts, Memory, StepCounts
from resnet_bench.runtime.cpu import affinity
from resnet_bench.runtime.telemetry import Probe
from resnet_bench.worker import child
from resnet_bench.worker import protocol as p
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
        self.seen = 0

    def dispatch(self, calls: int) -> None:
        """Take that many batches."""
        for _ in range(calls):
            images = next(self._batches)
            assert images.shape[0] == self.images_per_call, "a short batch would be counted as a whole one"
            self.seen += int(images[-1, -1, -1, -1])

    def wait(self) -> None:
        """Nothing is left to wait for."""


class Peer:
    """The worker's side of the protocol."""

    def __init__(self, send: Callable[[p.Message], None], loader: Loader) -> None:
        self.phase = "start"
        self._send, self._loader = send, loader
        self._bench: Bench | None = None

    def carry_out(self, command: object) -> p.Replies:
        """Answer what a match asks."""
        if isinstance(command, p.Prepare):
            return self._prepare(command.config)
        if isinstance(command, p.WarmUp | p.Measure):
            assert self._bench is not None
            rounds, steps, pre_turn_calls = (
                (command.steps, 1, 0)
                if isinstance(command, p.WarmUp)
                else (command.rounds, command.steps, command.pre_turn_calls)
            )
            for one in self._bench.rounds(rounds, steps, pre_turn_calls=pre_turn_calls):
                self._send(p.RoundDone(round=one))
            return p.Timed()
        return p.Finished(memory=Memory(), counts=StepCounts())

    def _prepare(self, config: Config) -> p.Prepared:
        size, batch = resolved_value(config.model.image_size)[0], resolved_value(config.step.batch_size)
        assert config.data.data is not None
        cpus = len(affinity())
        machine = Machine(device_kind="cpu", device="cpu", cpus=cpus)
        environment = Environment(python="", package_version="", device="cpu", cpu=CpuEnvironment(cpus=cpus))
        self._send(p.Resolved(config=config, machine=machine, environment=environment, notices=()))
        spans = spans_of(config.data.data)
        compared = spans[:COMPARED]
        away = difference(self._loader.centre(compared, size), [span.read() for span in compared], size)
        step = _Take(self._loader.batches(spans, batch, size, config.runtime.seed), batch)
        step.dispatch(1)
        self._bench = Bench(step, Probe(machine))
        facts = {**self._loader.settings, "mean_absolute_difference": away, "images_compared": len(compared)}
        return p.Prepared(
            cold_start=ColdStart(),
            model=None,
            data=DataFacts(source="tfrecord", images=len(spans)),
            notices=(Notice(kind="peer", facts=facts),),
        )

    def translate(self, error: BaseException) -> BenchError:
        """Pass it on."""
        return BenchError(f"{type(error).__name__}: {error}")


def serve(loader: Callable[[], Loader]) -> None:
    """Be a worker around a loader."""
    child.main(lambda send: Peer(send, loader()))
