"""Real trainings of a tiny network in real workers: killed and resumed, they equal one that was left alone."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from resnet_bench.experiments.progress import TrainObserver
from resnet_bench.experiments.train import TrainRun
from resnet_bench.experiments.train_request import request_of
from resnet_bench.records.record import Record
from resnet_bench.records.training import Epoch
from resnet_bench.worker import protocol as p

pytest.importorskip("tensorflow")
TINY: dict[str, Any] = {
    "stage_sizes": (1, 1),
    "width": 8,
    "image_size": (16, 16),
    "device": "cpu",
    "threads": 2,
    "epochs": 2,
    "learning_rate": 0.003,
    "augment": ("shift",),
    "schedule": "cosine",
    "checkpoint_interval": 0.0,
    "keep": "best",
}


class Watching(TrainObserver):
    """Keeps the loss of each step, and kills the worker with SIGKILL at its first report beyond a step."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.losses: dict[int, float] = {}
        self.epochs: list[Epoch] = []
        self.session: Any = None
        self._kill_at = kill_at

    def steps(self, event: p.StepsDone) -> None:
        for step, loss in enumerate(event.losses, start=event.step - len(event.losses) + 1):
            self.losses[step] = loss
        if self._kill_at is not None and event.step >= self._kill_at:
            os.kill(self.session._worker.pid, signal.SIGKILL)

    def epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def phase(self, name: str) -> None:
        """Look away."""

    def resolved(self, *_: Any) -> None:
        """Look away."""

    def began(self, event: p.TrainingBegan) -> None:
        """Look away."""

    def tested(self, event: p.Tested) -> None:
        """Look away."""


def trained(folder: Path, watching: Watching, *, resume: bool = False, **options: Any) -> Record:
    asked = request_of({**TINY, "folder": str(folder), **options})
    session = watching.session = TrainRun(asked, watching, resume=resume)
    return session.run()


def figures(record: Record) -> list[tuple[float | None, ...]]:
    assert record.training is not None
    epochs = record.training.epochs
    return [(each.loss, each.accuracy, each.test_loss, each.test_accuracy, each.learning_rate) for each in epochs]


def test_a_killed_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole = Watching()
    alone = trained(tmp_path / "whole", whole)
    assert alone.outcome.kind == "ok", alone.outcome
    assert sorted(whole.losses) == list(range(1, 55))
    killed = Watching(kill_at=30)
    assert trained(tmp_path / "cut", killed).outcome.kind == "killed"
    resumed = Watching()
    record = trained(tmp_path / "cut", resumed, resume=True)
    assert record.outcome.kind == "ok", record.outcome
    assert record.training is not None
    assert record.training.resumed_from_step in (20, 27, 47)
    assert min(resumed.losses) == record.training.resumed_from_step + 1
    assert {**killed.losses, **resumed.losses} == whole.losses
    assert figures(record) == figures(alone)
    assert record.training.batch_norm_momentum == 0.9
    _check_model(tmp_path, alone)


def _check_model(folder: Path, record: Record) -> None:
    """Both saved models have the same weights, names and accuracy."""
    import numpy as np

    from resnet_bench.model import weights
    from resnet_bench.model.model_card import read_card

    paths = [folder / name / "model.keras" for name in ("whole", "cut")]
    models = [weights.load(path) for path in paths]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        assert np.array_equal(one, other)
    card = read_card(paths[0])
    assert card is not None
    assert card.class_names == ("0", "1", "2", "3", "4", "5")
    assert record.data is not None
    assert card.trained_on == record.data
    assert card.crop == "whole"


def test_two_replicas_count_images_once_and_go_on_after_a_kill(tmp_path: Path) -> None:
    mirrored: dict[str, Any] = {"strategy": "mirrored", "logical_devices": 2}
    killed = Watching(kill_at=21)
    assert trained(tmp_path, killed, **mirrored).outcome.kind == "killed"
    resumed = Watching()
    record = trained(tmp_path, resumed, resume=True, **mirrored)
    assert record.outcome.kind == "ok", record.outcome
    assert record.training is not None
    step = record.training.resumed_from_step
    assert step is not None
    assert 0 < step <= 27, "checkpoints end a block of 20 steps or of half a second, whichever comes first"
    assert min(resumed.losses) == step + 1
    assert sorted({**killed.losses, **resumed.losses}) == list(range(1, 55))
    assert record.environment is not None
    assert record.environment.tensorflow is not None
    assert record.environment.tensorflow.replicas == 2
    assert record.samples is not None
    assert {one.images for one in record.samples.processes[0].rounds} == {27 * 32}
    assert record.training.model_path is not None
    assert Path(record.training.model_path).exists()
