"""The parent's order of calls for one configuration, and nothing else.

Fresh processes one after the other, each prepared, warmed up and timed; the budget is watched, and
whatever exists when something fails goes into the record. Neighbours: `worker/handle.py` runs a process,
`plan.py` decides how much fits, `record.py` keeps the result.
"""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from msgspec.structs import replace

import resnet_bench
from resnet_bench import plan
from resnet_bench.config import Config, settled
from resnet_bench.environment import Environment
from resnet_bench.errors import BenchError, BudgetError, ConfigError
from resnet_bench.record import Configuration, Record
from resnet_bench.results import (
    DataFacts,
    Machine,
    ModelFacts,
    Notice,
    Outcome,
    ProcessSamples,
    Round,
    Samples,
)
from resnet_bench.stats import summarize
from resnet_bench.verdict import judge
from resnet_bench.worker import protocol as p
from resnet_bench.worker.handle import Worker, WorkerFailure, outcome_of

CLOSING_S = 2.0
"""Kept back from the budget for ending a worker and saving the record."""

SPLIT_ROUNDS = 10


class Observer(Protocol):
    """Who wants to know how far a run is. All calls are made between timed blocks."""

    def process(self, number: int, of: int) -> None:
        """Process `number` (from 0) of `of` starts."""

    def phase(self, name: str) -> None:
        """A phase begins."""

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """The device is known; `notices` are what to expect."""

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """`done` of `of` timed rounds are over; `left_s` is about what remains of this process."""


class Silent:
    """An observer that looks away."""

    def process(self, number: int, of: int) -> None:
        """Ignore it."""

    def phase(self, name: str) -> None:
        """Ignore it."""

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """Ignore it."""

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """Ignore it."""


@dataclass
class _Findings:
    """What a run has found out so far; a record can be made of it at any moment."""

    requested: Config
    resolved: Config | None = None
    machine: Machine | None = None
    environment: Environment | None = None
    model: ModelFacts | None = None
    data: DataFacts | None = None
    notices: list[Notice] = field(default_factory=list)
    processes: list[ProcessSamples] = field(default_factory=list)

    def note(self, *notices: Notice) -> None:
        """Keep notices, each once."""
        self.notices.extend(notice for notice in notices if notice not in self.notices)


def run(
    config: Config,
    given: tuple[str, ...] = (),
    observer: Observer | None = None,
    started: float | None = None,
    profile_folder: str | None = None,
    new_worker: Callable[[], Worker] = Worker,
) -> Record:
    """Measure one configuration and return its record, whatever happened.

    `started` is when the command began (`time.monotonic`), which the budget counts from. Raises
    `ConfigError` for counts that contradict each other; everything else becomes the record's outcome.
    """
    _check_counts(config)
    started = time.monotonic() if started is None else started
    found = _Findings(config)
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    job = _Job(found, observer or Silent(), started + config.measure.max_time - CLOSING_S, profile_folder, new_worker)
    try:
        job.run()
        outcome = Outcome(kind="ok")
    except KeyboardInterrupt:
        outcome = Outcome(kind="interrupted", message="Interrupted.", remedy="What was measured is kept.")
    except BenchError as error:
        outcome = outcome_of(error)
    outcome = replace(outcome, process=None if outcome.kind == "ok" else job.number)
    return _record(found, outcome, created, given, time.monotonic() - started)


def _check_counts(config: Config) -> None:
    per_call = config.step.steps_per_call
    for name in ("warmup", "steps"):
        value = getattr(config.measure, name)
        if value != "auto" and value % per_call:
            raise ConfigError(
                f"--{name} {value} is not a multiple of --steps-per-call {per_call}.",
                f"Use {max(1, value // per_call) * per_call}, or leave it at auto.",
            )


def _record(found: _Findings, outcome: Outcome, created: str, given: tuple[str, ...], wall_s: float) -> Record:
    samples = Samples(processes=tuple(found.processes))
    resolved, notices = found.resolved, tuple(found.notices)
    return Record(
        id=uuid.uuid4().hex,
        created_at=created,
        tool_version=resnet_bench.__version__,
        outcome=outcome,
        verdict=judge(resolved or found.requested, outcome, samples, notices),
        config=Configuration(requested=found.requested, resolved=resolved, given=given),
        machine=found.machine,
        environment=found.environment,
        model=found.model,
        data=found.data,
        samples=samples,
        summary=summarize(samples),
        warnings=notices,
        wall_s=wall_s,
    )


class _Job:
    """One run in progress: the processes in order, within the deadline."""

    def __init__(
        self,
        found: _Findings,
        observer: Observer,
        deadline: float,
        profile_folder: str | None,
        new_worker: Callable[[], Worker],
    ) -> None:
        self.found = found
        self.number = 0
        self._observer = observer
        self._deadline = deadline
        self._profile_folder = profile_folder
        self._new_worker = new_worker

    def run(self) -> None:
        """Run as many processes as were asked for and fit."""
        asked = total = self.found.requested.measure.processes
        while self.number < total:
            self._observer.process(self.number, total)
            start = time.monotonic()
            timed_s = self._one_process(total)
            overhead = time.monotonic() - start - timed_s
            last = self.found.processes[-1]
            shortest = overhead + plan.MIN_ROUNDS * (timed_s / len(last.rounds))
            self.number += 1
            total = plan.processes_that_fit(total, self.number, shortest, self._left())
        self.number = max(0, self.number - 1)
        if total < asked:
            self.found.note(Notice(kind="budget_cut_processes", facts={"asked": asked, "ran": total}))
        rounds = self.found.requested.measure.rounds
        fewest = min(len(process.rounds) for process in self.found.processes)
        if fewest < rounds:
            self.found.note(Notice(kind="budget_cut_rounds", facts={"asked": rounds, "ran": fewest}))

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _one_process(self, total: int) -> float:
        share_end = time.monotonic() + self._left() / (total - self.number)
        with self._new_worker() as worker:
            process = _Process(worker, self.found, self._observer, self._deadline)
            try:
                process.run(self.number, share_end, self._profile_folder)
            finally:
                self.found.processes.append(process.samples())
        return sum(one.wall_s for one in process.timed)


class _Process:
    """One worker from its start to its end; `samples` works at any moment."""

    def __init__(self, worker: Worker, found: _Findings, observer: Observer, deadline: float) -> None:
        self._worker = worker
        self._found = found
        self._observer = observer
        self._deadline = deadline
        self._silence_s = found.requested.measure.timeout
        self._samples = ProcessSamples(process=len(found.processes))
        self._phase = ""
        self._series: list[Round] = []
        self._planned = 0
        self.warmup: list[Round] = []
        self.timed: list[Round] = []
        self.latency: list[Round] = []

    def samples(self) -> ProcessSamples:
        """What this process has measured so far."""
        return replace(self._samples, warmup=tuple(self.warmup), rounds=tuple(self.timed), latency=tuple(self.latency))

    def run(self, number: int, share_end: float, profile_folder: str | None) -> None:
        """Prepare, warm up, time, sum up."""
        self._prepare()
        step_s = self._warm_up()
        splits = self._config().step.split and number == 0
        now = time.monotonic()
        self._time(step_s, now + (share_end - now) / 2 if splits else share_end)
        self._time_latency(share_end)
        if splits:
            self._split(step_s)
        if profile_folder is not None and number == 0:
            self._profile(profile_folder)
        self._finish()

    def _ask(self, command: p.Command, reply: type[p.M]) -> p.M:
        return self._worker.request(
            command, reply, silence_s=self._silence_s, deadline=self._deadline, on_event=self._on_event
        )

    def _on_event(self, event: p.Events) -> None:
        if isinstance(event, p.PhaseStarted):
            if event.phase != self._phase:
                self._phase = event.phase
                self._observer.phase(event.phase)
        elif isinstance(event, p.Resolved):
            self._on_resolved(event)
        else:
            self._on_round(event.round)

    def _on_resolved(self, event: p.Resolved) -> None:
        found = self._found
        if found.resolved is None:
            found.resolved, found.machine, found.environment = event.config, event.machine, event.environment
            found.note(*event.notices)
            self._observer.resolved(event.config, event.notices)

    def _on_round(self, one: Round) -> None:
        self._series.append(one)
        if self._series is self.timed:
            wall_s = sum(each.wall_s for each in self.timed)
            done = len(self.timed)
            rate = sum(each.images for each in self.timed) / wall_s
            self._observer.rounds(done, self._planned, rate, wall_s / done * (self._planned - done))

    def _prepare(self) -> None:
        command = p.Prepare(config=self._found.requested, log_path=str(self._worker.log_path))
        reply = self._ask(command, p.Prepared)
        self._found.model, self._found.data = reply.model, reply.data
        self._found.note(*reply.notices)
        self._samples = replace(self._samples, cold_start=reply.cold_start)

    def _config(self) -> Config:
        assert self._found.resolved is not None, "a prepared worker has resolved its configuration"
        return self._found.resolved

    def _warm_up(self) -> float:
        """Run the warm-up steps that fit; returns the last one's step time (the pilot).

        The first step, which compiled, counts as one of them.
        """
        config = self._config()
        per_call = config.step.steps_per_call
        asked = settled(config.measure.warmup)
        self._series = self.warmup
        first = self._samples.cold_start.first_step_s or 0.0
        step_s = first / per_call
        for done in range(per_call, asked, per_call):
            left = self._deadline - time.monotonic()
            if self.warmup and not plan.another_warmup_fits(step_s, per_call, left):
                self._found.note(Notice(kind="budget_cut_warmup", facts={"asked": asked, "ran": done}))
                break
            self._ask(p.WarmUp(steps=per_call), p.Timed)
            step_s = self.warmup[-1].wall_s / per_call
        return step_s

    def _time(self, step_s: float, share_end: float) -> None:
        config = self._config()
        steps = config.measure.steps
        if steps == "auto":
            steps = plan.steps_per_round(step_s, config.step.steps_per_call)
            measure = replace(config.measure, steps=steps)
            self._found.resolved = replace(config, measure=measure)
        now = time.monotonic()
        left_s, share_s = self._deadline - now, share_end - now
        rounds = plan.rounds_that_fit(config.measure.rounds, steps * step_s, share_s, left_s)
        if rounds == 0:
            raise BudgetError(
                f"The time budget of {config.measure.max_time:g} s leaves no time for a single timed round.",
                "Allow more with --max-time, or make the work smaller (--batch-size, --image-size, --preset smoke).",
            )
        self._planned, self._series = rounds, self.timed
        budget_s = min(left_s, max(share_s, plan.MIN_ROUNDS * steps * step_s))
        self._ask(p.Measure(rounds=rounds, steps=steps, budget_s=budget_s), p.Timed)

    def _time_latency(self, share_end: float) -> None:
        """Single steps, where the timed rounds held several; as many as fit."""
        config = self._config()
        wanted = config.measure.latency_samples
        if config.step.mode == "input" or config.step.steps_per_call > 1 or not wanted:
            return
        mean = sum(one.wall_s for one in self.timed) / sum(one.steps for one in self.timed)
        if all(one.steps == 1 for one in self.timed):
            return
        fitting = int(min(share_end - time.monotonic(), self._deadline - time.monotonic()) / (mean * plan.SAFETY))
        if fitting < 1:
            return
        self._series = self.latency
        self._ask(p.Measure(rounds=min(wanted, fitting), steps=1, purpose="latency"), p.Timed)

    def _split(self, step_s: float) -> None:
        rounds = plan.split_rounds(SPLIT_ROUNDS, step_s, self._deadline - time.monotonic())
        split = self._ask(p.MeasureSplit(rounds=rounds), p.SplitDone).split
        self._samples = replace(self._samples, split=split)

    def _profile(self, folder: str) -> None:
        reply = self._ask(p.Profile(directory=folder, calls=3), p.Profiled)
        self._found.note(*reply.result.notices)

    def _finish(self) -> None:
        end = self._ask(p.Finish(), p.Finished)
        self._worker.wait_for_exit()
        self._samples = replace(
            self._samples,
            memory=end.memory,
            counts=end.counts,
            result=end.result,
            threads_seen=end.threads_seen,
        )
        if self._found.data is not None and end.skipped_records is not None:
            self._found.data = replace(self._found.data, skipped_records=end.skipped_records)


__all__ = ["Observer", "Silent", "WorkerFailure", "run"]
