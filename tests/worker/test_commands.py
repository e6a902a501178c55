"""The commands that all backends share: they time any step alike, and say what a backend does not have."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.peers.loader import LoaderBackend
from resnet_bench.config import Config, DataConfig, ModelConfig, StepConfig
from resnet_bench.config.fields import Value
from resnet_bench.errors import BenchError, ConfigError, DataError, OutOfMemoryError
from resnet_bench.worker import protocol as p
from resnet_bench.worker.commands import Commands
from resnet_bench.worker.phases import Phases
from tests.support.data_files import encoded, example, write_shard
from tests.support.fake_worker import FakeBackend


class Counting(FakeBackend):
    """Keeps what its step was asked for."""

    def attach(self) -> Any:
        """See `Backend`."""
        bench = super().attach()
        self.asked: list[int] = []
        real = bench.step.dispatch

        def dispatch(calls: int) -> None:
            self.asked.append(calls)
            real(calls)

        bench.step.dispatch = dispatch  # type: ignore[method-assign]
        return bench


class Loader:
    """Black images."""

    def __init__(self) -> None:
        self.settings: dict[str, Value] = {"peer": "black"}
        self.taken = 0

    def batches(self, spans: list[Any], batch: int, size: int, seed: int) -> Iterator[Any]:
        """See `Loader`."""
        del spans, seed
        while True:
            self.taken += 1
            yield np.zeros((batch, size, size, 3), np.uint8)

    def centre(self, spans: list[Any], size: int) -> Any:
        """See `Loader`."""
        return np.zeros((len(spans), size, size, 3), np.uint8)


def prepared(sent: list[p.Message], backend: type[FakeBackend] = FakeBackend) -> tuple[Commands, FakeBackend]:
    made: list[FakeBackend] = []

    def new_backend(phases: Phases) -> FakeBackend:
        made.append(backend(phases, {}))
        return made[0]

    commands = Commands(sent.append, new_backend)
    commands.carry_out(p.Prepare(config=Config(), log_path=""))
    return commands, made[0]


def test_calls_before_a_round_are_made_untimed_and_counted_as_warm_up() -> None:
    commands, backend = prepared([], Counting)
    assert isinstance(backend, Counting)
    commands.carry_out(p.Measure(rounds=2, steps=5, pre_turn_calls=3))
    assert backend.asked == [3, 5, 3, 5]
    finished = commands.carry_out(p.Finish())
    assert isinstance(finished, p.Finished)
    assert (finished.counts.timed, finished.counts.warmup, finished.counts.first) == (10, 6, 1)


@pytest.mark.tensorflow  # to make the images
def test_a_peers_loader_is_emptied_before_its_round_like_our_own(tmp_path: Path) -> None:
    write_shard(tmp_path / "train-0", [example(encoded(seed=0), 1)])
    loader = Loader()
    commands = Commands(lambda _message: None, lambda phases: LoaderBackend(phases, loader))
    config = Config(
        data=DataConfig(source="tfrecord", data=f"{tmp_path}/train-*"),
        model=ModelConfig(image_size=(8, 8)),
        step=StepConfig(mode="input", batch_size=2),
    )
    commands.carry_out(p.Prepare(config=config, log_path=""))
    assert loader.taken == 1
    commands.carry_out(p.Measure(rounds=1, steps=2, pre_turn_calls=4))
    assert loader.taken == 1 + 4 + 2


def test_each_phase_is_announced_and_its_seconds_make_the_cold_start() -> None:
    sent: list[p.Message] = []
    commands, _ = prepared(sent)
    assert [one.phase for one in sent if isinstance(one, p.PhaseStarted)] == [
        *("import", "start", "data", "build", "trace", "first step", "data")
    ]
    assert commands.phases.seconds["build"] == 2.0


def test_a_command_that_a_backend_does_not_have_is_refused() -> None:
    commands, _ = prepared([])
    with pytest.raises(ConfigError, match="Build is not available in this runtime"):
        commands.carry_out(p.Build(config=Config(), path=None, portable=False))


def test_exceptions_are_put_into_words() -> None:
    commands, _ = prepared([])
    assert isinstance(commands.translate(RuntimeError("CUDA: out of memory")), OutOfMemoryError)
    other = commands.translate(ValueError("first line\nsecond"))
    assert type(other) is BenchError
    assert other.message == "ValueError in phase data: first line"


def test_a_long_search_for_a_bad_record_is_no_silence() -> None:
    """A set of a million images takes longer to read than --timeout."""
    sent: list[p.Message] = []

    class Searching(FakeBackend):
        def explain(self, failure: BaseException) -> BenchError | None:
            del failure
            end = time.monotonic() + 60
            while not sent and time.monotonic() < end:
                time.sleep(0.001)
            return DataError("/d/train-7, record 12: the image cannot be decoded.")

    commands, _ = prepared(sent, Searching)
    sent.clear()
    often = functools.partial(commands.phases.kept_alive, every_s=0.01)
    commands.phases.kept_alive = often  # type: ignore[method-assign]
    assert commands.translate(ValueError()).message == "/d/train-7, record 12: the image cannot be decoded."
    assert set(sent) == {p.PhaseStarted(phase="diagnosis")}
    assert commands.phases.name == "data"


def test_a_name_that_tensorflow_cannot_take_is_named() -> None:
    commands, _ = prepared([])
    with pytest.raises(UnicodeEncodeError) as caught:
        "/d/bild_\udce9.jpg".encode()
    error = commands.translate(caught.value)
    assert type(error) is DataError
    assert str(error).startswith("/d/bild_\\xe9.jpg is not valid UTF-8, which TensorFlow needs. Rename")


def test_the_backend_is_the_one_that_the_configuration_names(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_backend(runtime: str, phases: Phases) -> FakeBackend:
        opened.append(runtime)
        return FakeBackend(phases, {})

    monkeypatch.setattr("resnet_bench.worker.commands.open_backend", open_backend)
    Commands(lambda _message: None).carry_out(p.Prepare(config=Config(), log_path=""))
    Commands(lambda _message: None).carry_out(p.Finish())
    assert opened == ["tensorflow", "tensorflow"]
