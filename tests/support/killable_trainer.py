"""A worker that trains a chain of hashes with the real loop and real checkpoints, without TensorFlow.

Every step hashes its images, labels and learning rate into the state, so that a step that is lost, repeated or done out
of order changes the end. Run with `STEP_SLEEP_S` seconds per step.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from resnet_bench.data.datasets import Arrays, Dataset, memory_dataset
from resnet_bench.records.run import Memory
from resnet_bench.step.training.loop import Trainer
from resnet_bench.step.training.schedule import plan_of
from resnet_bench.worker import child, preparation
from resnet_bench.worker import protocol as p
from resnet_bench.worker.handlers.train import TrainingEvents
from tests.support.fake_trainer import FakeTrainer

CLASSES, IMAGES, SIZE = 6, 60, (8, 8)
CHECKPOINT_INTERVAL_S = 0.02
CHAIN = "chain"


def data_set() -> Dataset:
    """Sixty small images for training, twelve for testing."""
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES + 2 * CLASSES, *SIZE, 3), np.uint8)
    labels = (np.arange(len(pixels)) % CLASSES).astype(np.int32)
    train, test = Arrays(pixels[:IMAGES], labels[:IMAGES]), Arrays(pixels[IMAGES:], labels[IMAGES:])
    return memory_dataset("digits", tuple("abcdef"), train, test, SIZE, 3)


class HashChain:
    """A `TrainingStepper` whose state is the hash of all its steps."""

    def __init__(self, sleep_s: float) -> None:
        self._chain, self._sleep_s = np.zeros(32, np.uint8), sleep_s

    def train(self, images: Any, labels: Any, learning_rate: float) -> float:
        """Take the step into the chain; the loss follows from it."""
        time.sleep(self._sleep_s)
        step = images.tobytes() + labels.tobytes() + repr(learning_rate).encode()
        self._chain = np.frombuffer(hashlib.sha256(self._chain.tobytes() + step).digest(), np.uint8)
        return float(self._chain[0]) / 255

    def collect(self, steps: list[Any]) -> tuple[list[float], int]:
        """The losses, and no hits."""
        return steps, 0

    def logits(self, images: Any) -> Any:
        """Of the chain alone."""
        return np.tile(self._chain[:CLASSES].astype(np.float32), (len(images), 1))

    def state(self) -> dict[str, Any]:
        """The chain."""
        return {CHAIN: self._chain}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue it."""
        self._chain = np.asarray(state[CHAIN], np.uint8)

    def weights(self) -> dict[str, Any]:
        """The chain too."""
        return self.state()

    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        """As `restore`."""
        self.restore(weights)


class KillableTrainer(FakeTrainer):
    """Answers `Train` with the real loop."""

    def _train(self, command: p.Train) -> p.Trained:
        config = preparation.start(self, command.config)
        data = data_set()
        plan = replace(plan_of(config, command.training, data), checkpoint_interval_s=CHECKPOINT_INTERVAL_S)
        step = HashChain(float(os.environ.get("STEP_SLEEP_S", "0")))
        trainer = Trainer(step, data, plan, Path(command.folder), TrainingEvents(self.phases.send))
        assert not command.resume or trainer.resume()
        begun = msgspec.structs.replace(self._began(), step=trainer.progress.step, epochs=trainer.progress.epochs)
        self.phases.send(begun)
        ended = trainer.run()
        return p.Trained(result=self._result(command, list(trainer.progress.epochs), ended), memory=Memory())


if __name__ == "__main__":
    child.main(KillableTrainer)
