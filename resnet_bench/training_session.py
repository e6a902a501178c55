"""The parent's side of a training: what is asked for, one worker from start to end, one record.

What was asked for is kept in the training's folder, so that `--resume` needs no other option. Neighbours:
`worker/training.py` does the work, `cli/train.py` parses and prints.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

import resnet_bench
from resnet_bench.config import Config, TrainingConfig, check_training, settled
from resnet_bench.data.sets import IMAGE_SIZE, kind_of, sizes_of
from resnet_bench.errors import BenchError, ConfigError, DataError
from resnet_bench.options import build
from resnet_bench.record import Configuration, Record, write_atomically
from resnet_bench.results import (
    Data,
    Epoch,
    Notice,
    Outcome,
    ProcessSamples,
    Round,
    Samples,
    StepCounts,
    TrainingResult,
    Verdict,
)
from resnet_bench.stats import summarize
from resnet_bench.training import CHECKPOINT
from resnet_bench.trial import Findings
from resnet_bench.values import Option, option_of, options
from resnet_bench.worker import protocol as p
from resnet_bench.worker.handle import Worker, outcome_of

DEFAULTS: dict[str, Any] = {
    "optimizer": "adam",
    "batch_size": 32,
    "classes": 6,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
}
"""What differs from a benchmark's defaults: those of the from-scratch projects. --learning-rate auto is 0.00015
for Adam."""

REQUEST = "training.json"
A_YEAR_S = 365 * 86400.0
CLOSING_S = 600.0
"""What the last test and saving may take beyond --max-time."""


class Request(Data, frozen=True, kw_only=True):
    """What a training was asked for; `given` are the values named on its command lines."""

    config: Config
    training: TrainingConfig
    given: dict[str, Any]


class Observer(Protocol):
    """Who wants to know how far a training is."""

    def phase(self, name: str) -> None:
        """A phase begins."""

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """The device is known."""

    def began(self, event: p.TrainingBegan) -> None:
        """The first step follows."""

    def steps(self, event: p.StepsDone) -> None:
        """Some steps are done."""

    def tested(self, event: p.Tested) -> None:
        """Some test images are answered."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is over."""


def own_options() -> tuple[Option, ...]:
    """The options of `TrainingConfig`."""
    return tuple(option_of("training", field) for field in msgspec.structs.fields(TrainingConfig))


def request_of(given: Mapping[str, Any]) -> Request:
    """What these option values, of a benchmark and of a training, ask for; cross-checked.

    Settles the classes and the image size that the data set has where they are not given, and paths. Raises
    `ConfigError`, and `DataError` for data that is not there.
    """
    names = {option.name for option in own_options()}
    own = {name: value for name, value in given.items() if name in names}
    own |= {"test_data": _absolute(own.get("test_data")), "weights": _weights(own.get("weights"))}
    training = TrainingConfig(**own)
    data = _absolute(given.get("data"))
    kind = kind_of(training.dataset, data)
    values = {name: value for name, value in given.items() if name not in names and name != "data"}
    streamed = {"source": kind, "data": data} if kind in ("folder", "tfrecord") else {}
    config, _ = build({**DEFAULTS, **values, **streamed})
    config = replace(config, data=replace(config.data, data=data))
    classes, size = sizes_of(kind, data)
    if "classes" not in given:
        if classes is None:
            raise ConfigError(f"--dataset {kind} does not say how many classes it has.", "Give --classes.")
        config = replace(config, model=replace(config.model, classes=classes))
    if config.model.image_size == "auto":
        config = replace(config, model=replace(config.model, image_size=size or IMAGE_SIZE))
    training = replace(training, dataset=kind)
    check_training(config, training)
    return Request(config=config, training=training, given=dict(given))


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).expanduser().absolute())


def _weights(source: str | None) -> str | None:
    return source if source == "imagenet" else _absolute(source)


def continued(folder: Path, given: Mapping[str, Any]) -> Request:
    """What the training in `folder` was asked for, with the values of `given` in place of its own.

    Raises `ConfigError` for a value that would make it another training, `DataError` where the folder's file
    cannot be read.
    """
    path = folder / REQUEST
    try:
        before = msgspec.json.decode(path.read_bytes(), type=Request)
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(f"{path} cannot be read: {error}.", "Begin anew with another --folder.") from error
    stored = dict(before.given)
    request = request_of({**_typed(stored), **given})
    for name in given:
        old, new = _value(before, name), _value(request, name)
        if old != new and not _may_change(name, before.training):
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(
                f"{flag} {given[name]} would make another training of {folder}, which was begun with {old}.",
                f"Leave {flag} out, or begin anew with another --folder.",
            )
    return request


def _typed(stored: dict[str, Any]) -> dict[str, Any]:
    """Values as JSON has them, with the types of their options."""
    known = {option.name: option for option in (*options(), *own_options())}
    return {name: msgspec.convert(value, known[name].annotation) for name, value in stored.items()}


def _value(request: Request, name: str) -> Any:
    for section in (request.training, *(getattr(request.config, field) for field in request.config.__struct_fields__)):
        if hasattr(section, "__struct_fields__") and name in section.__struct_fields__:
            return getattr(section, name)
    return getattr(request.config, name)


def _may_change(name: str, training: TrainingConfig) -> bool:
    """Whether an option leaves what is computed alone. The number of epochs decides some schedules."""
    if name == "epochs":
        return training.schedule == "constant" or (training.schedule == "step" and training.decay_epochs != "auto")
    (option,) = [option for option in (*own_options(), *options()) if option.name == name][:1]
    return option.extra["role"] == "protocol"


class Session:
    """One training: run it once, interrupt it at any moment."""

    def __init__(
        self,
        request: Request,
        observer: Observer,
        *,
        resume: bool = False,
        new_worker: Callable[[], Worker] = Worker,
    ) -> None:
        self._request, self._observer = request, observer
        self._resume, self._new_worker = resume, new_worker
        self._found = Findings(request.config)
        self._began: p.TrainingBegan | None = None
        self._epochs: list[Epoch] = []
        self._rounds: list[Round] = []
        self._steps = 0
        self._worker: Worker | None = None

    def run(self) -> Record:
        """Train; return the record whatever happened. Blocks.

        Raises `ConfigError` where the folder holds a training and none is to be resumed, `RecordError` where it
        cannot be written to.
        """
        folder = Path(self._request.training.folder)
        if not self._resume and (folder / CHECKPOINT).exists():
            raise ConfigError(
                f"--folder {folder} holds a training already.",
                "Go on with it: --resume (with more --epochs, if it has ended). Or name another --folder.",
            )
        write_atomically(folder / REQUEST, msgspec.json.format(msgspec.json.encode(self._request), indent=1))
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        started = time.monotonic()
        trained: p.Trained | None = None
        try:
            trained = self._train(folder)
            outcome = Outcome(kind="ok")
            if trained.result.ended == "interrupted":
                outcome = Outcome(
                    kind="interrupted", message="Interrupted; a checkpoint was saved.", remedy="Go on with --resume."
                )
        except KeyboardInterrupt:
            outcome = Outcome(kind="interrupted", message="Interrupted.", remedy="Go on with --resume.")
        except BenchError as error:
            outcome = outcome_of(error)
        if outcome.kind != "ok":
            outcome = replace(outcome, phase=outcome.phase or self._found.phase)
        return self._record(trained, outcome, created, time.monotonic() - started)

    def interrupt(self) -> bool:
        """Ask a training that has begun to end with a checkpoint; False where it has not, and nothing would be lost."""
        if self._began is None or self._worker is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._worker.pid, signal.SIGINT)
        return True

    def _train(self, folder: Path) -> p.Trained:
        training = self._request.training
        command = p.Train(
            config=self._request.config, training=training, folder=str(folder.absolute()), resume=self._resume
        )
        limit_s = A_YEAR_S if training.max_time is None else training.max_time + CLOSING_S
        with self._new_worker() as worker:
            self._worker = worker
            try:
                return worker.request(
                    command,
                    p.Trained,
                    silence_s=self._request.config.measure.timeout,
                    deadline=time.monotonic() + limit_s,
                    on_event=self._on_event,
                )
            finally:
                self._worker = None

    def _on_event(self, event: p.Events) -> None:
        found, observer = self._found, self._observer
        if isinstance(event, p.PhaseStarted):
            found.phase = event.phase
            observer.phase(event.phase)
        elif isinstance(event, p.Resolved):
            found.resolved, found.machine, found.environment = event.config, event.machine, event.environment
            found.note(*event.notices)
            observer.resolved(event.config, event.notices)
        elif isinstance(event, p.TrainingBegan):
            self._began, self._steps = event, event.step
            self._epochs = list(event.epochs)
            found.model, found.data = event.model, event.data
            found.note(*event.notices)
            observer.began(event)
        elif isinstance(event, p.StepsDone):
            self._steps = event.step
            observer.steps(event)
        elif isinstance(event, p.Tested):
            observer.tested(event)
        elif isinstance(event, p.EpochDone):
            self._epochs.append(event.epoch)
            self._rounds.append(self._round(event.epoch))
            observer.epoch(event.epoch)

    def _round(self, epoch: Epoch) -> Round:
        """An epoch as a timed round. One that was resumed counts whole, with the rate of all of its steps."""
        assert self._began is not None
        assert self._found.resolved is not None
        steps = self._began.steps_per_epoch
        images = steps * settled(self._found.resolved.step.batch_size)
        return Round(steps=steps, images=images, wall_s=images / epoch.images_per_s, dispatch_s=None)

    def _record(self, trained: p.Trained | None, outcome: Outcome, created: str, wall_s: float) -> Record:
        found, began, request = self._found, self._began, self._request
        process = ProcessSamples(process=0, rounds=tuple(self._rounds))
        if began is not None:
            process = replace(process, cold_start=began.cold_start)
        if trained is not None:
            done = self._steps - (began.step if began is not None else 0)
            counts = StepCounts(first=1, timed=done, skipped=trained.skipped)
            process = replace(process, memory=trained.memory, counts=counts)
        samples = Samples(processes=(process,))
        return Record(
            id=uuid.uuid4().hex,
            created_at=created,
            tool_version=resnet_bench.__version__,
            outcome=outcome,
            verdict=_verdict(outcome, self._epochs),
            config=Configuration(
                requested=request.config,
                resolved=found.resolved,
                given=tuple(sorted(request.given)),
                training=request.training,
            ),
            machine=found.machine,
            environment=found.environment,
            model=found.model,
            data=found.data,
            samples=samples,
            summary=summarize(samples),
            training=trained.result if trained is not None else self._partial(),
            warnings=tuple(found.notices),
            wall_s=wall_s,
        )

    def _partial(self) -> TrainingResult | None:
        """What is known of a training whose worker did not come to its end."""
        began = self._began
        if began is None:
            return None
        tested = [epoch for epoch in self._epochs if epoch.test_accuracy is not None]
        top = max(tested, key=lambda epoch: epoch.test_accuracy or 0.0, default=None)
        return TrainingResult(
            epochs=tuple(self._epochs),
            steps=self._steps,
            best_accuracy=top.test_accuracy if top is not None else None,
            best_epoch=top.epoch if top is not None else None,
            target_accuracy=self._request.training.target_accuracy,
            ended="interrupted",
            steps_per_epoch=began.steps_per_epoch,
            train_images=began.train_images,
            test_images=began.test_images,
        )


def _verdict(outcome: Outcome, epochs: list[Epoch]) -> Verdict:
    """One process has no interval, so its speed is never more than indicative."""
    if outcome.kind not in ("ok", "interrupted"):
        notice = Notice(kind="did_not_finish", facts={"outcome": outcome.kind, "phase": outcome.phase})
        return Verdict(kind="invalid", reasons=(notice,))
    if not epochs:
        return Verdict(kind="invalid", reasons=(Notice(kind="no_epoch_finished"),))
    return Verdict(kind="indicative", reasons=(Notice(kind="trained_once"),))
