"""The loop with a step that is made up: what it counts, when it ends, and that nothing is lost on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.config import Config, TrainingConfig, check_training
from resnet_bench.data.datasets import Arrays, Augmentation, Dataset, MemoryPart
from resnet_bench.errors import BenchError, ConfigError, DataError, RecordError
from resnet_bench.records.run import DataFacts
from resnet_bench.records.training import Epoch
from resnet_bench.step.training.checkpoint import CHECKPOINT, load, save
from resnet_bench.step.training.loop import Trainer
from resnet_bench.step.training.progress import TrainingPlan, TrainingProgress, ending
from resnet_bench.step.training.schedule import augmentation_of, batch_norm_momentum, learning_rate

BATCH, IMAGES, CLASSES = 4, 22, 3


class KilledError(Exception):
    """The process ends here."""


class FakeStep:
    """One number in training: it moves with everything that a step sees, so nothing can be left out unnoticed."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.weight, self.slot, self.calls, self.dies_at = 1.0, 0.0, 0, dies_at
        self.rates: list[float] = []

    def train(self, images: Any, labels: Any, learning_rate: float) -> tuple[float, int]:
        self.calls += 1
        if self.calls == self.dies_at:
            raise KilledError
        self.rates.append(learning_rate)
        seen = float(images.astype(np.float64).mean() * (labels @ np.arange(1, len(labels) + 1)))
        self.slot = 0.9 * self.slot + seen
        self.weight -= learning_rate * math.sin(self.slot)
        return abs(self.weight), int(labels[0] == 0)

    def collect(self, steps: list[tuple[float, int]]) -> tuple[list[float], int]:
        return [loss for loss, _ in steps], sum(hits for _, hits in steps)

    def logits(self, images: Any) -> Any:
        values = np.zeros((len(images), CLASSES), np.float32)
        values[:, 0] = self.weight
        return values

    def state(self) -> dict[str, Any]:
        return {"weight": np.array(self.weight), "slot": np.array(self.slot)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.weight, self.slot = float(state["weight"]), float(state["slot"])

    def weights(self) -> dict[str, Any]:
        return {"weight": np.array(self.weight)}

    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        self.weight = float(weights["weight"])


class Noted:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}
        self.epochs: list[Epoch] = []
        self.answered: list[tuple[int, int]] = []

    def steps(self, done: TrainingProgress, losses: list[float], wall_s: float) -> None:
        assert wall_s >= 0
        for step, loss in enumerate(losses, start=done.step - len(losses) + 1):
            self.losses[step] = loss

    def tested(self, images: int, of: int) -> None:
        self.answered.append((images, of))

    def epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)


def data_set(seed: int = 0) -> Dataset:
    random = np.random.default_rng(seed)

    def part(count: int) -> MemoryPart:
        labels = (np.arange(count) % CLASSES).astype(np.int32)
        return MemoryPart(Arrays(random.integers(0, 256, (count, 8, 8, 1), np.uint8), labels))

    return Dataset(("a", "b", "c"), part(IMAGES), part(7), DataFacts(source="digits", manifest_hash=str(seed)))


def plan(**changes: Any) -> TrainingPlan:
    given = {"batch_size": BATCH, "steps_per_epoch": 5, "epochs": 3, "seed": 7, "data_hash": "0", **changes}
    given.setdefault("augmentation", Augmentation(shift=True))
    given.setdefault("rate", lambda step: 0.1 / (1 + step))
    return TrainingPlan(**given)


def trainer(folder: Path, step: FakeStep, listener: Noted, **changes: Any) -> Trainer:
    ticks = iter(range(10**6))
    changes.setdefault("checkpoint_interval_s", 0.0)
    stop = changes.pop("stop", lambda: False)
    return Trainer(step, data_set(), plan(**changes), folder, listener, stop, clock=lambda: float(next(ticks)))


def test_an_uninterrupted_training_counts_steps_images_and_epochs(tmp_path: Path) -> None:
    step, noted = FakeStep(), Noted()
    one = trainer(tmp_path, step, noted)
    assert one.run() == "epochs"
    assert one.progress.step == step.calls == len(noted.losses) == 15
    assert [epoch.epoch for epoch in noted.epochs] == [1, 2, 3]
    assert noted.epochs[0].loss == pytest.approx(sum(noted.losses[step] for step in range(1, 6)) / 5)
    assert noted.epochs[0].learning_rate == 0.1 / 5
    assert noted.epochs[1].test_accuracy == 3 / 7
    assert noted.answered[:2] == [(4, 7), (7, 7)]
    assert step.rates == [0.1 / (1 + number) for number in range(15)]
    assert one.progress.epochs == tuple(noted.epochs)
    assert one.restore_best() == 3


@pytest.mark.parametrize("dies_at", range(1, 16))
def test_a_training_that_is_killed_at_any_step_goes_on_as_if_nothing_had_happened(tmp_path: Path, dies_at: int) -> None:
    whole, wanted = Noted(), FakeStep()
    trainer(tmp_path / "whole", wanted, whole).run()
    resumed = Noted()
    with pytest.raises(KilledError):
        trainer(tmp_path / "cut", FakeStep(dies_at), resumed).run()
    last = FakeStep()
    again = trainer(tmp_path / "cut", last, resumed)
    assert again.resume() is (dies_at > 1)
    assert again.run() == "epochs"
    assert resumed.losses == whole.losses
    assert (last.weight, last.slot) == (wanted.weight, wanted.slot)
    figures = [(epoch.loss, epoch.accuracy, epoch.test_loss, epoch.test_accuracy) for epoch in again.progress.epochs]
    assert figures == [(epoch.loss, epoch.accuracy, epoch.test_loss, epoch.test_accuracy) for epoch in whole.epochs]


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    save(path, {"weight": np.array(1.0)}, TrainingProgress(step=4))
    half = tmp_path / f".{CHECKPOINT}.abc.part"
    half.write_bytes(path.read_bytes()[:100])
    assert load(path)[1].step == 4
    trainer(tmp_path, FakeStep(), Noted()).run()
    assert not half.exists()


@pytest.mark.parametrize("damage", [lambda data: data[:-40], lambda _: b"", lambda _: b"no archive"])
def test_a_damaged_checkpoint_is_named_and_not_half_used(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / CHECKPOINT
    save(path, {"weight": np.arange(1000.0)}, TrainingProgress(step=4))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=rf"{path}.*cannot be read"):
        trainer(tmp_path, FakeStep(), Noted()).resume()


def test_a_flipped_bit_in_a_checkpoint_is_found(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    save(path, {"weight": np.arange(1000.0)}, TrainingProgress())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="cannot be read"):
        load(path)


def test_a_folder_that_cannot_be_written_to_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=CHECKPOINT):
        save(tmp_path / "file" / CHECKPOINT, {}, TrainingProgress())


def test_other_data_than_the_checkpoint_s_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path, FakeStep(), Noted()).run()
    with pytest.raises(DataError, match="The data is not what"):
        trainer(tmp_path, FakeStep(), Noted(), data_hash="1").resume()


def test_an_interrupt_ends_after_the_step_in_progress_with_a_checkpoint(tmp_path: Path) -> None:
    step, noted = FakeStep(), Noted()
    assert (
        trainer(tmp_path, step, noted, checkpoint_interval_s=1e9, stop=lambda: step.calls >= 7).run() == "interrupted"
    )
    assert load(tmp_path / CHECKPOINT)[1].step == 7


def test_a_time_limit_ends_with_a_checkpoint_and_more_epochs_go_on(tmp_path: Path) -> None:
    one = trainer(tmp_path, FakeStep(), Noted(), max_time_s=5.0)
    assert one.run() == "budget"
    again = trainer(tmp_path, FakeStep(), Noted(), epochs=4)
    assert again.resume()
    assert again.run() == "epochs"
    assert again.progress.step == 20
    assert again.progress.elapsed_s > one.progress.elapsed_s


def test_a_loss_that_is_not_finite_ends_the_training_and_spares_the_checkpoint(tmp_path: Path) -> None:
    class Diverging(FakeStep):
        def collect(self, steps: list[tuple[float, int]]) -> tuple[list[float], int]:
            losses, hits = super().collect(steps)
            return ([math.nan] if self.calls == 3 else losses), hits

    with pytest.raises(
        BenchError, match=r"loss became infinite or NaN \(nan\) in step 3, at a learning rate of .*--learning-rate"
    ):
        trainer(tmp_path, Diverging(), Noted()).run()
    assert load(tmp_path / CHECKPOINT)[1].step == 2


def epochs(*accuracies: float | None) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(
            epoch=number,
            loss=1.0,
            accuracy=0.5,
            test_accuracy=accuracy,
            learning_rate=0.1,
            images_per_s=1.0,
            elapsed_s=10.0 * number,
        )
        for number, accuracy in enumerate(accuracies, start=1)
    )


@pytest.mark.parametrize(
    ("accuracies", "rules", "expected"),
    [
        ((0.5, 0.6), {}, None),
        ((0.5, 0.6, 0.7), {}, "epochs"),
        ((0.5, 0.97), {"target_accuracy": 0.97}, "target"),
        ((0.97, 0.5), {"target_accuracy": 0.97}, "target"),
        ((0.5, 0.6), {"target_accuracy": 0.97}, None),
        ((0.6, 0.5), {"early_stopping": 2}, None),
        ((0.6, 0.5, 0.6), {"early_stopping": 2, "epochs": 9}, "early_stopping"),
        ((0.6, 0.5, 0.7), {"early_stopping": 2, "epochs": 9}, None),
        ((None, None), {"early_stopping": 1}, None),
    ],
)
def test_when_a_training_ends(
    accuracies: tuple[float | None, ...], rules: dict[str, Any], expected: str | None
) -> None:
    done = epochs(*accuracies)
    assert ending(plan(**rules), TrainingProgress(epoch=len(done), epochs=done)) == expected


def test_the_best_weights_are_kept_and_given_back(tmp_path: Path) -> None:
    class Worsening(FakeStep):
        """Right about class 0 only while its weight is above 0, as in its first epoch."""

        def train(self, images: Any, labels: Any, learning_rate: float) -> tuple[float, int]:
            del images, labels, learning_rate
            self.calls += 1
            self.weight = 6.0 - self.calls
            return 1.0, 0

    step = Worsening()
    one = trainer(tmp_path, step, Noted(), keep_best=True)
    one.run()
    assert step.weight == -9
    assert one.restore_best() == 1
    assert step.weight == 1


def rate(step: int, **changes: Any) -> float:
    return learning_rate(step, 10, 1.0, TrainingConfig(**{"epochs": 6, **changes}))


def test_schedules() -> None:
    assert {rate(step) for step in range(60)} == {1.0}
    assert [rate(step, warmup_epochs=0.5) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    cosine = [rate(step, schedule="cosine") for step in (0, 30, 60)]
    assert cosine == pytest.approx([1.0, 0.5, 0.0])
    assert rate(20, schedule="cosine", warmup_epochs=2.0) == 1.0
    stepped = [rate(step, schedule="step") for step in (0, 19, 20, 40)]
    assert stepped == pytest.approx([1.0, 1.0, 0.1, 0.01])
    assert rate(29, schedule="step", decay_epochs=3.0) == 1.0


@given(st.integers(1, 10_000))
def test_batch_norm_averages_over_a_quarter_of_an_epoch_within_bounds(steps: int) -> None:
    momentum = batch_norm_momentum(steps)
    assert 0.9 <= momentum <= 0.99
    if 40 <= steps <= 400:
        assert 1 / (1 - momentum) == pytest.approx(steps / 4)


def test_augmentation_follows_the_data_set_unless_it_is_named() -> None:
    assert augmentation_of(TrainingConfig(), "digits", 0.1) == Augmentation(crop_area_min=0.1)
    assert augmentation_of(TrainingConfig(), "folder", 0.1) == Augmentation(crop=True, flip=True, crop_area_min=0.1)
    assert augmentation_of(TrainingConfig(augment=("none",)), "folder", 0.1) == Augmentation(crop_area_min=0.1)


@pytest.mark.parametrize(
    ("training", "says"),
    [
        (TrainingConfig(augment=("none", "flip")), "--augment none,flip"),
        (TrainingConfig(epochs=2, warmup_epochs=2), "--warmup-epochs 2 must be less than --epochs 2"),
        (TrainingConfig(decay_epochs=2), "--schedule step"),
        (TrainingConfig(new_head=True), "--new-head .* --weights"),
        (TrainingConfig(freeze_stages=5), "--freeze-stages 5 .* 4 stages"),
    ],
)
def test_what_contradicts_itself_is_refused(training: TrainingConfig, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_training(Config(), training)
    check_training(Config(), TrainingConfig())
