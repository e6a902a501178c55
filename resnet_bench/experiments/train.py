"""One training: one worker from start to end, one record.

Neighbours: `train_request.py` has the request, `worker/handlers/train.py` does the work, `cli/train.py` prints.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

import resnet_bench
from resnet_bench.analysis.summary import summarize
from resnet_bench.config import resolved_value
from resnet_bench.errors import ConfigError
from resnet_bench.experiments.ending import ended
from resnet_bench.experiments.findings import Findings
from resnet_bench.experiments.progress import TrainObserver
from resnet_bench.experiments.train_request import REQUEST, TrainRequest
from resnet_bench.records.base import Notice
from resnet_bench.records.files import new_id, now, write_atomically
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.run import Outcome, ProcessSamples, Round, Samples, StepCounts, Verdict
from resnet_bench.records.training import Epoch, TrainingResult
from resnet_bench.step.training.checkpoint import CHECKPOINT
from resnet_bench.step.training.progress import best
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker
from resnet_bench.worker.process import WorkerProcess

A_YEAR_S = 365 * 86400.0
CLOSING_S = 600.0
"""What the last test and saving may take beyond --max-time."""

RESUME = "Continue with --resume."


def check_resumable(folder: Path) -> None:
    """Raise `ConfigError` where a folder has no checkpoint: to start from the beginning may not be what is meant."""
    if not (folder / CHECKPOINT).exists():
        raise ConfigError(
            f"--folder {folder} has no checkpoint to resume from.",
            "Name the --folder of a training, or leave out --resume to start at the first step.",
        )


class TrainRun:
    """One training: run it once, interrupt it at any moment."""

    def __init__(
        self,
        request: TrainRequest,
        observer: TrainObserver,
        *,
        resume: bool = False,
        new_worker: Callable[[], Worker] = WorkerProcess,
    ) -> None:
        self._request, self._observer = request, observer
        self._resume, self._new_worker = resume, new_worker
        self._found = Findings(request.config)
        self._began: p.TrainingBegan | None = None
        self._trained: p.Trained | None = None
        self._epochs: list[Epoch] = []
        self._rounds: list[Round] = []
        self._steps = 0
        self._worker: Worker | None = None

    def run(self) -> Record:
        """Train; return the record whatever happened. Blocks.

        Raises `ConfigError` where the folder holds a training and none is to be resumed, or the reverse, and
        `RecordError` where it cannot be written to.
        """
        folder = Path(self._request.training.folder)
        if not self._resume and (folder / CHECKPOINT).exists():
            raise ConfigError(
                f"--folder {folder} holds a training already.",
                "Continue it: --resume (with more --epochs, if it has ended). Or name another --folder.",
            )
        if self._resume:
            check_resumable(folder)
        write_atomically(folder / REQUEST, msgspec.json.format(msgspec.json.encode(self._request), indent=1))
        created = now()
        started = time.monotonic()
        outcome, _ = ended(lambda: self._train(folder), RESUME)
        if outcome.remedy == RESUME and not (folder / CHECKPOINT).exists():
            outcome = replace(outcome, remedy="There is no checkpoint yet: start it again.")
        trained = self._trained
        if trained is not None and trained.result.ended == "interrupted":
            outcome = Outcome(kind="interrupted", message="Interrupted; a checkpoint was saved.", remedy=RESUME)
        if outcome.kind != "ok":
            outcome = replace(outcome, phase=outcome.phase or self._found.phase)
        return self._record(outcome, created, time.monotonic() - started)

    def interrupt(self) -> bool:
        """Ask a training that has begun to end with a checkpoint; False where it has not, and nothing would be lost."""
        if self._began is None or self._worker is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._worker.pid, signal.SIGINT)
        return True

    def _train(self, folder: Path) -> None:
        training = self._request.training
        command = p.Train(
            config=self._request.config, training=training, folder=str(folder.absolute()), resume=self._resume
        )
        limit_s = A_YEAR_S if training.max_time is None else training.max_time + CLOSING_S
        with self._new_worker() as worker:
            self._worker = worker
            try:
                self._trained = worker.request(
                    command,
                    p.Trained,
                    silence_s=self._request.config.measure.timeout,
                    deadline=time.monotonic() + limit_s,
                    on_event=self._on_event,
                )
            finally:
                self._worker = None

    def _on_event(self, event: p.Events) -> None:
        self._keep(event)
        try:
            self._tell(event)
        except Exception as error:  # a failure of the display never ends a training
            self._observer = TrainObserver()
            self._found.note(Notice.make("progress_not_shown", problem=f"{type(error).__name__}: {error}"))

    def _keep(self, event: p.Events) -> None:
        """Take what the event says into the result."""
        found = self._found
        if isinstance(event, p.PhaseStarted):
            found.phase = event.phase
        elif isinstance(event, p.Resolved):
            found.resolved, found.machine, found.environment = event.config, event.machine, event.environment
            found.note(*event.notices)
        elif isinstance(event, p.TrainingBegan):
            self._began, self._steps = event, event.step
            self._epochs = list(event.epochs)
            found.model, found.data = event.model, event.data
            found.note(*event.notices)
        elif isinstance(event, p.StepsDone):
            self._steps = event.step
        elif isinstance(event, p.EpochDone):
            self._epochs.append(event.epoch)
            self._rounds.append(self._round(event.epoch))

    def _tell(self, event: p.Events) -> None:
        """Tell the observer."""
        observer = self._observer
        if isinstance(event, p.PhaseStarted):
            observer.phase(event.phase)
        elif isinstance(event, p.Resolved):
            observer.resolved(event.config, event.notices)
        elif isinstance(event, p.TrainingBegan):
            observer.began(event)
        elif isinstance(event, p.StepsDone):
            observer.steps(event)
        elif isinstance(event, p.Tested):
            observer.tested(event)
        elif isinstance(event, p.EpochDone):
            observer.epoch(event.epoch)

    def _round(self, epoch: Epoch) -> Round:
        """An epoch as a timed round. One that was resumed counts whole, with the rate of all of its steps."""
        assert self._began is not None
        assert self._found.resolved is not None
        steps = self._began.steps_per_epoch
        images = steps * resolved_value(self._found.resolved.step.batch_size)
        return Round(steps=steps, images=images, wall_s=images / epoch.images_per_s, dispatch_s=None)

    def _record(self, outcome: Outcome, created: str, wall_s: float) -> Record:
        found, began, trained, request = self._found, self._began, self._trained, self._request
        process = ProcessSamples(process=0, rounds=tuple(self._rounds))
        if began is not None:
            process = replace(process, cold_start=began.cold_start)
        if trained is not None:
            done = self._steps - (began.step if began is not None else 0)
            counts = StepCounts(first=1, timed=done, skipped=trained.skipped)
            process = replace(process, memory=trained.memory, counts=counts)
        samples = Samples(processes=(process,))
        return Record(
            id=new_id(),
            created_at=created,
            tool_version=resnet_bench.__version__,
            outcome=outcome,
            verdict=_verdict(outcome, self._epochs, found.notices),
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
            training=trained.result if trained is not None else self._partial(outcome),
            warnings=tuple(found.notices),
            wall_s=wall_s,
        )

    def _partial(self, outcome: Outcome) -> TrainingResult | None:
        """The result of a training whose worker did not finish."""
        began = self._began
        if began is None:
            return None
        top = best(tuple(self._epochs))
        return TrainingResult(
            epochs=tuple(self._epochs),
            steps=self._steps,
            best_accuracy=top.test_accuracy if top is not None else None,
            best_epoch=top.epoch if top is not None else None,
            target_accuracy=self._request.training.target_accuracy,
            ended="failed" if outcome.kind in ("error", "config", "data", "device") else "interrupted",
            steps_per_epoch=began.steps_per_epoch,
            train_images=began.train_images,
            test_images=began.test_images,
        )


def _verdict(outcome: Outcome, epochs: list[Epoch], notices: Sequence[Notice]) -> Verdict:
    """One process has no interval, so its speed is never more than provisional."""
    if outcome.kind not in ("ok", "interrupted"):
        notice = Notice.make("did_not_finish", outcome=outcome.kind, phase=outcome.phase)
        return Verdict(kind="invalid", reasons=(notice,))
    if not epochs:
        return Verdict(kind="invalid", reasons=(Notice.make("no_epoch_finished"),))
    contradictions = tuple(notice for notice in notices if notice.severity == "invalidates")
    if contradictions:
        return Verdict(kind="invalid", reasons=contradictions)
    return Verdict(kind="provisional", reasons=(Notice.make("trained_once"),))
