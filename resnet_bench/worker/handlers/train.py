"""Train a network inside the worker: set everything up, run the training loop, save the result.

Neighbours: `backends/tensorflow.py` hands the command on, `step/training/` has the loop and the step.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_bench.config import Config, TrainingConfig, resolved_value
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.records.model_card import WeightsFacts
from resnet_bench.records.run import ColdStart, Memory
from resnet_bench.records.training import Epoch, TrainingResult
from resnet_bench.step.training.loop import Trainer
from resnet_bench.step.training.progress import Ending, TrainingPlan, TrainingProgress, best, time_to
from resnet_bench.step.training.schedule import batch_norm_momentum, plan_of
from resnet_bench.worker import protocol as p

if TYPE_CHECKING:
    from resnet_bench.data.datasets import Dataset
    from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession

MODEL = "model.keras"
TESTED_INTERVAL_S = 1.0


class TrainingEvents:
    """A `training.Listener` that tells the parent."""

    def __init__(self, send: Callable[[p.Message], None]) -> None:
        self._send = send
        self._last = 0.0

    def steps(self, done: TrainingProgress, losses: list[float], wall_s: float) -> None:
        """Send the losses and accuracy of some steps."""
        images = done.images // done.batch * len(losses)
        self._send(
            p.StepsDone(
                step=done.step,
                epoch=done.epoch,
                batch=done.batch,
                losses=tuple(losses),
                accuracy=done.hits / done.images,
                images_per_s=images / wall_s,
            )
        )

    def tested(self, images: int, of: int) -> None:
        """Send how far a test is, once a second at most."""
        now = time.monotonic()
        if now - self._last >= TESTED_INTERVAL_S:
            self._last = now
            self._send(p.Tested(images=images, of=of))

    def epoch(self, epoch: Epoch) -> None:
        """Send an epoch."""
        self._send(p.EpochDone(epoch=epoch))


def train(session: TensorFlowSession, command: p.Train) -> p.Trained:
    """All of a training; imports TensorFlow, and blocks until the model is saved."""
    from resnet_bench.runtime.telemetry import device_memory, process_age_s

    training, folder = command.training, Path(command.folder)
    process_s = process_age_s()
    session.start_tensorflow(command.config, training)
    config = session.config
    assert config is not None
    with session.phases.enter("data"), session.phases.listing():
        data = _open(config, training)
    plan = _plan(config, training, data)
    momentum = training.batch_norm_momentum
    momentum = batch_norm_momentum(plan.steps_per_epoch) if momentum == "auto" else momentum
    begins = not command.resume
    with session.phases.enter("build"):
        weights = _build(session, config, training, momentum, begins)
    step = _prepare(session, config)
    interrupted = _listen_for_interrupts()
    trainer = Trainer(step, data, plan, folder, TrainingEvents(session.phases.send), lambda: bool(interrupted))
    if command.resume and not trainer.resume():
        raise ConfigError(f"--folder {folder} has no checkpoint to resume from.", "Leave out --resume.")
    begun_at = trainer.progress.step
    session.phases.send(_began(session, data, plan, trainer, process_s, weights))
    with session.phases.enter("train"):
        ended = trainer.run()
    with session.phases.enter("save"):
        kept = trainer.restore_best()
        path = _save(session, config, training, data, folder) if trainer.progress.step else None
    peak, reserved = device_memory(session.runtime)
    return p.Trained(
        result=_result(trainer.progress, plan, data, ended, momentum, kept, path, None if begins else begun_at),
        memory=Memory(host_peak_bytes=session.phases.peaks, device_peak_bytes=peak, device_reserved_bytes=reserved),
        skipped=step.skipped(trainer.progress.step),
    )


def _open(config: Config, training: TrainingConfig) -> Dataset:
    from resnet_bench.data.sources import open_dataset

    data = open_dataset(
        training.source,
        config.data.data,
        test_data=training.test_data,
        test_share=training.test_share,
        split_seed=training.split_seed,
        image_size=resolved_value(config.model.image_size),
        channels=config.model.channels,
        classes=config.model.classes,
        reading=config.data,
    )
    for flag, given in (
        ("--target-accuracy", training.target_accuracy),
        ("--early-stopping", training.early_stopping or None),
        ("--keep best", training.keep == "best" or None),
    ):
        if given is not None and data.test is None:
            raise ConfigError(f"{flag} needs test images, and this data set has none.", "Name some with --test-data.")
    return data


def _plan(config: Config, training: TrainingConfig, data: Dataset) -> TrainingPlan:
    batch_size = resolved_value(config.step.batch_size)
    if data.train.count < batch_size:
        raise DataError(
            f"The train part has {data.train.count} images, fewer than --batch-size {batch_size}.",
            f"Use --batch-size {data.train.count} or less.",
        )
    return plan_of(config, training, data)


def _build(
    session: TensorFlowSession, config: Config, training: TrainingConfig, momentum: float, begins: bool
) -> WeightsFacts | None:
    """The network; where the training begins here, with the weights that it starts from."""
    from resnet_bench import model as models
    from resnet_bench.model import pretrained
    from resnet_bench.model.resnet import NORMS

    models.check_data_format(config, session.runtime)
    session.model = model = models.build(config, session.runtime)
    for layer in model.layers:
        if isinstance(layer, NORMS):
            layer.momentum = momentum
    started = None
    if training.weights is not None and begins:
        started = pretrained.start_from(
            model, training.weights, new_head=training.new_head, fold_biases=training.fold_biases
        )
    pretrained.freeze_stages(model, training.freeze_stages)
    return started


def _prepare(session: TensorFlowSession, config: Config) -> Any:
    from resnet_bench.step.training.step import TrainingStep

    step = TrainingStep(config, session.runtime, session.model)
    with session.phases.enter("trace"):
        step.trace()
    with session.phases.enter("first step"):
        step.first_call()
    return step


def _listen_for_interrupts() -> list[int]:
    """A list that SIGINT puts something into, in place of ending the process."""
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    return came


def _began(
    session: TensorFlowSession,
    data: Dataset,
    plan: TrainingPlan,
    trainer: Trainer,
    process_s: float | None,
    weights: WeightsFacts | None,
) -> p.TrainingBegan:
    from resnet_bench import model as models

    config, seconds = session.config, session.phases.seconds
    assert config is not None
    session.input = data.train  # Explains exceptions that the data is to blame for.
    return p.TrainingBegan(
        model=models.facts(session.model, config),
        data=data.facts,
        class_names=data.class_names,
        train_images=data.train.count,
        test_images=data.test.count if data.test is not None else None,
        steps_per_epoch=plan.steps_per_epoch,
        cold_start=ColdStart(
            process_s=process_s,
            import_s=seconds.get("import"),
            start_s=seconds.get("start"),
            data_s=seconds.get("data"),
            build_s=seconds.get("build"),
            trace_s=seconds.get("trace"),
            first_step_s=seconds.get("first step"),
        ),
        step=trainer.progress.step,
        epochs=trainer.progress.epochs,
        weights=weights,
        notices=data.notices,
    )


def _save(session: TensorFlowSession, config: Config, training: TrainingConfig, data: Dataset, folder: Path) -> str:
    from resnet_bench.model import model_card, weights

    path = folder / MODEL
    about = model_card.card_of(
        session.model, config, class_names=data.class_names, crop=data.train.crop, trained_on=data.facts
    )
    (weights.save_portable if training.portable else weights.save)(session.model, path, about)
    return str(path)


def _result(
    progress: TrainingProgress,
    plan: TrainingPlan,
    data: Dataset,
    ended: Ending,
    momentum: float,
    kept: int,
    path: str | None,
    resumed_from: int | None,
) -> TrainingResult:
    top = best(progress.epochs)
    return TrainingResult(
        epochs=progress.epochs,
        steps=progress.step,
        best_accuracy=top.test_accuracy if top is not None else None,
        best_epoch=top.epoch if top is not None else None,
        target_accuracy=plan.target_accuracy,
        time_to_accuracy_s=time_to(plan.target_accuracy, progress.epochs),
        ended=ended,
        resumed_from_step=resumed_from,
        model_path=path,
        steps_per_epoch=plan.steps_per_epoch,
        train_images=data.train.count,
        test_images=data.test.count if data.test is not None else None,
        kept_epoch=kept,
        batch_norm_momentum=momentum,
    )
