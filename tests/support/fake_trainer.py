"""A worker that speaks the real protocol, but only pretends to train: three steps per epoch, in no time.

`SCENARIO` says what happens: "ok", "kill:<epoch>" dies there, "wait:<epoch>" trains on from there until it is
interrupted, "diverge:<epoch>" fails there.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resnet_bench.errors import BenchError
from resnet_bench.records.run import ColdStart, DataFacts, Memory
from resnet_bench.records.training import Epoch, TrainingResult
from resnet_bench.step.training.checkpoint import CHECKPOINT
from resnet_bench.worker import child, preparation
from resnet_bench.worker import protocol as p
from resnet_bench.worker.backends.base import Handler
from tests.support.fake_worker import MODEL, FakeBackend

STEPS = 3


def epoch_of(number: int) -> Epoch:
    """Epoch `number` (from 1); its test accuracy rises to 0.9 and falls again."""
    return Epoch(
        epoch=number,
        loss=1 / number,
        accuracy=1 - 0.5 / number,
        test_loss=1.5 / number,
        test_accuracy=0.9 - 0.1 * abs(number - 3),
        learning_rate=0.00015,
        images_per_s=50.0,
        elapsed_s=10.0 * number,
    )


class FakeTrainer(FakeBackend):
    """Answers `Train`."""

    def handlers(self) -> Mapping[type, Handler]:
        """What `train` asks."""
        return {p.Train: self._train}

    def _train(self, command: p.Train) -> p.Trained:
        what, where, send = self.what, self.where, self.phases.send
        came: list[int] = []
        if what == "wait":
            signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
        preparation.start(self, command.config)
        send(self._began())
        epochs: list[Epoch] = []
        for number in range(1, command.training.epochs + 1):
            if what == "kill" and number == int(where):
                self._end("kill")
            if what == "diverge" and number == int(where):
                raise BenchError("The loss of step 4 is nan: training diverged.", "Lower --learning-rate.")
            self._steps_of(number)
            if what == "wait" and number == int(where):
                while not came:
                    time.sleep(0.01)
                return p.Trained(result=self._result(command, epochs, "interrupted"), memory=Memory())
            epochs.append(epoch_of(number))
            (Path(command.folder) / CHECKPOINT).touch()
            self.phases.send(p.EpochDone(epoch=epochs[-1]))
        return p.Trained(result=self._result(command, epochs, "epochs"), memory=Memory())

    def _began(self) -> p.TrainingBegan:
        return p.TrainingBegan(
            model=MODEL,
            data=DataFacts(source="digits", images=1083),
            class_names=("0", "1"),
            train_images=100,
            test_images=20,
            steps_per_epoch=STEPS,
            cold_start=ColdStart(import_s=1.0),
        )

    def _steps_of(self, number: int) -> None:
        losses = tuple(float(number * 10 + step) for step in range(STEPS))
        self.phases.send(
            p.StepsDone(
                step=number * STEPS, epoch=number - 1, batch=STEPS, losses=losses, accuracy=0.5, images_per_s=50.0
            )
        )
        self.phases.send(p.Tested(images=10, of=20))

    def _result(self, command: p.Train, epochs: list[Epoch], ended: Any) -> TrainingResult:
        return TrainingResult(
            epochs=tuple(epochs),
            steps=STEPS * len(epochs),
            best_accuracy=0.9,
            best_epoch=3,
            target_accuracy=command.training.target_accuracy,
            ended=ended,
            model_path="training/model.keras",
            kept_epoch=len(epochs),
        )


if __name__ == "__main__":
    child.main(FakeTrainer)
