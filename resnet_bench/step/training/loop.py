"""The loop: epochs of steps, evaluation after each, checkpoints in between. Knows neither TensorFlow nor files
of data.

Steps are dispatched without waiting and collected in blocks; only collected steps count as done, so a
checkpoint always holds the variables and the progress of the same moment.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from msgspec.structs import replace

from resnet_bench.data.datasets import Dataset, DatasetPart, padded
from resnet_bench.errors import BenchError, DataError
from resnet_bench.records.training import Epoch
from resnet_bench.step.training import checkpoint
from resnet_bench.step.training.progress import Ending, TrainingPlan, TrainingProgress, best, ending

BLOCK_STEPS = 20
BLOCK_S = 0.5
"""A block ends after that many steps or seconds, whichever comes first: one wait for the device each."""


class TrainingStepper(Protocol):
    """One network in training. Images are uint8 [B, H, W, C] and labels int32 [B], B always the same."""

    def train(self, images: Any, labels: Any, learning_rate: float) -> Any:
        """Dispatch one step; what it returns goes to `collect`. Does not wait for the device."""

    def collect(self, steps: list[Any]) -> tuple[list[float], int]:
        """The losses of these steps in order, and their hits together. Blocks."""

    def logits(self, images: Any) -> Any:
        """Inference: float32 [B, classes]. Blocks."""

    def state(self) -> dict[str, Any]:
        """Every variable of network and optimizer by name. Blocks."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set every variable; `DataError` where they do not match."""

    def weights(self) -> dict[str, Any]:
        """The network's variables alone, by name."""

    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        """Set the network's variables."""


class TrainingListener(Protocol):
    """Receives the events of a training."""

    def steps(self, done: TrainingProgress, losses: list[float], wall_s: float) -> None:
        """Some steps are done; `done` counts them already."""

    def tested(self, images: int, of: int) -> None:
        """Some images of the test part are answered."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is over and tested."""


class Trainer:
    """A training from its start, or from its checkpoint, to its end.

    `folder` keeps the checkpoint. `stop` is called between steps. `progress` is true at any moment.
    """

    def __init__(
        self,
        step: TrainingStepper,
        data: Dataset,
        plan: TrainingPlan,
        folder: Path,
        listener: TrainingListener,
        stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.progress = TrainingProgress(data_hash=plan.data_hash)
        self._step, self._data, self._plan = step, data, plan
        self._folder, self._listener, self._stop, self._clock = folder, listener, stop, clock
        self._started = self._saved = clock()
        self._before_s = 0.0

    def resume(self) -> bool:
        """Continue from the checkpoint in the folder; False where there is none."""
        path = self._folder / checkpoint.CHECKPOINT
        if not path.exists():
            return False
        state, progress = checkpoint.load(path)
        if progress.data_hash != self._plan.data_hash:
            raise DataError(
                f"The data is not what {path} was trained on: its content or its split has changed.",
                "Restore the data, or start again with another --folder.",
            )
        self.progress = progress
        self._step.restore(state)
        self._before_s = self.progress.elapsed_s
        return True

    def run(self) -> Ending:
        """Train until something ends it. Whatever it was, the checkpoint is up to date then."""
        self._started = self._saved = self._clock()
        checkpoint.sweep(self._folder)
        while (why := ending(self._plan, self.progress)) is None:
            stopped = self._epoch()
            if stopped is not None:
                self._save()
                return ending(self._plan, self.progress) or stopped
        return why

    def restore_best(self) -> int:
        """Give the network the best weights where they are kept; the number of the epoch that they belong to."""
        top, path = best(self.progress.epochs), self._folder / checkpoint.BEST
        if not self._plan.keep_best or top is None or top.epoch == self.progress.epoch:
            return self.progress.epoch
        weights, kept = checkpoint.load(path)
        self._step.restore_weights(weights)
        return kept.epoch

    def _elapsed_s(self) -> float:
        return self._before_s + self._clock() - self._started

    def _epoch(self) -> Literal["interrupted", "budget"] | None:
        """The rest of the epoch in progress; why it was left before its end."""
        plan, start = self._plan, self.progress
        batches = self._data.train.epoch(start.epoch, plan.batch_size, plan.seed, plan.augmentation, start.batch)
        pending: list[Any] = []
        begun = self._clock()
        for images, labels in batches:
            rate = plan.rate(self.progress.step + len(pending))
            pending.append(self._step.train(images, labels, rate))
            if len(pending) < BLOCK_STEPS and self._clock() - begun < BLOCK_S:
                continue
            self._settle(pending, begun)
            why = self._why_stop()
            if why is not None:
                return why
            if self._clock() - self._saved >= plan.checkpoint_interval_s:
                self._save()
            pending, begun = [], self._clock()
        if pending:
            self._settle(pending, begun)
        self._finish_epoch()
        return self._why_stop()

    def _settle(self, pending: list[Any], begun: float) -> None:
        losses, hits = self._step.collect(pending)
        wall_s = self._clock() - begun
        for number, loss in enumerate(losses, start=self.progress.step + 1):
            if not math.isfinite(loss):
                rate = self._plan.rate(number - 1)
                raise BenchError(
                    f"The loss became infinite or NaN ({loss}) in step {number}, at a learning rate of {rate:.3g}: "
                    "training diverged.",
                    "Lower --learning-rate, add --warmup-epochs, or use --precision float32.",
                )
        images = len(losses) * self._plan.batch_size
        self.progress = self.progress.advanced(losses, hits, images, wall_s)
        self._listener.steps(self.progress, losses, wall_s)

    def _finish_epoch(self) -> None:
        test, on_tested = self._data.test, self._listener.tested
        tested = None if test is None else evaluate(self._step, test, self._plan.batch_size, on_tested)
        rate = self._plan.rate(self.progress.step - 1)
        before = best(self.progress.epochs)
        self.progress = self.progress.finished(tested, rate, self._elapsed_s())
        latest = self.progress.epochs[-1]
        if self._plan.keep_best and best(self.progress.epochs) != before:
            checkpoint.save(self._folder / checkpoint.BEST, self._step.weights(), self.progress)
        self._listener.epoch(latest)
        self._save()

    def _save(self) -> None:
        self.progress = replace(self.progress, elapsed_s=self._elapsed_s())
        checkpoint.save(self._folder / checkpoint.CHECKPOINT, self._step.state(), self.progress)
        self._saved = self._clock()

    def _why_stop(self) -> Literal["interrupted", "budget"] | None:
        if self._stop():
            return "interrupted"
        limit = self._plan.max_time_s
        return "budget" if limit is not None and self._clock() - self._started >= limit else None


def evaluate(
    step: TrainingStepper, part: DatasetPart, batch_size: int, tell: Callable[[int, int], None]
) -> tuple[float, float]:
    """(mean cross-entropy, accuracy) over a whole part, in float64; ties go to the lower class. Blocks.

    `tell` is called after each batch with the images that are answered, and all there are.
    """
    loss, hits, images = 0.0, 0, 0
    for some, labels in part.in_order(batch_size):
        batch, truth, count = padded(some, labels, batch_size)
        logits = np.asarray(step.logits(batch), np.float64)[:count]
        truth = truth[:count]
        top = logits.max(axis=1)
        total = top + np.log(np.exp(logits - top[:, np.newaxis]).sum(axis=1))
        loss += float((total - logits[np.arange(count), truth]).sum())
        hits += int((logits.argmax(axis=1) == truth).sum())
        images += count
        tell(images, part.count)
    return loss / images, hits / images
