"""One run: fresh processes one after the other, then the untimed passes, then the record.

The budget is watched, and whatever exists when something fails goes into the record. Neighbours: `process.py` runs a
process, `roofline_pass.py` and `evidence_pass.py` are the untimed passes, `budget.py` decides how much fits,
`records/record.py` keeps the result.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

import resnet_bench
from resnet_bench import evidence
from resnet_bench.analysis import steady_state
from resnet_bench.analysis.energy import run_energy
from resnet_bench.analysis.summary import summarize
from resnet_bench.analysis.verdict import decide_verdict
from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.config.runtime_support import shows_evidence
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.experiments import batch_search, budget, evidence_pass, roofline_pass
from resnet_bench.experiments.ending import ended
from resnet_bench.experiments.findings import Findings
from resnet_bench.experiments.paired.noise import known
from resnet_bench.experiments.process import CLOSING_S, TimedProcess
from resnet_bench.experiments.progress import RunObserver
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import OptionCheck
from resnet_bench.records.files import new_id, now, stem
from resnet_bench.records.profile import ProfileResult
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.run import Outcome, Samples
from resnet_bench.runtime.energy import IdleWatch
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker, outcome_of
from resnet_bench.worker.process import WorkerProcess


def run(
    config: Config,
    given: tuple[str, ...] = (),
    observer: RunObserver | None = None,
    started: float | None = None,
    new_worker: Callable[[], Worker] = WorkerProcess,
    idle: IdleWatch | None = None,
    keep: bool = False,
) -> Record:
    """Measure one configuration and return its record, whatever happened.

    `keep`: what evidence refers to is kept in a folder named after the record (`record.stem`), in the folder
    that --output names, where the caller saves the record. `started` is when the command began
    (`time.monotonic`), which the budget counts from. Raises
    `ConfigError` for counts that contradict each other; everything else becomes the record's outcome.
    """
    _check_counts(config)
    started = time.monotonic() if started is None else started
    found = Findings(config)
    created = now()
    identity = new_id()
    deadline = started + config.measure.max_time - CLOSING_S
    timed_by = deadline - evidence_pass.reserved_s(found) - roofline_pass.reserved_s(found)
    observer = observer or RunObserver()
    timed = _TimedProcesses(found, observer, timed_by, _profile_folder(config, created), new_worker)
    folder = Path(config.output.output) / stem(created, config.step.mode, identity) if keep else None
    idle = idle or IdleWatch()

    def all_passes() -> None:
        idle.look(config.runtime.device)
        timed.run()
        idle.look(found.machine.device if found.machine else "cpu")
        roofline_pass.run(found, observer, deadline - evidence_pass.reserved_s(found), new_worker)
        evidence_pass.run(found, observer, deadline, new_worker, folder)

    outcome, _ = ended(all_passes)
    if outcome.kind != "ok":
        outcome = replace(outcome, process=timed.number, phase=outcome.phase or found.phase)
    wall_s = time.monotonic() - started
    try:
        return _record(found, outcome, identity, created, given, wall_s, idle)
    except KeyboardInterrupt:  # It came while the record was made: nothing is left to interrupt.
        return _record(found, outcome, identity, created, given, wall_s, idle)


def refused(config: Config, given: tuple[str, ...], error: ConfigError) -> Record:
    """The record of a configuration that contradicts itself, so that nothing was run."""
    created = now()
    return _record(Findings(config), outcome_of(error), new_id(), created, given, 0.0, IdleWatch())


def _profile_folder(config: Config, created: str) -> Path | None:
    """Where the trace goes; a folder of its own where none was named."""
    if config.output.profile is None:
        return None
    if config.output.profile != "auto":
        return Path(config.output.profile)
    return Path(config.output.output) / "profiles" / stem(created, config.step.mode, new_id())


def _check_counts(config: Config) -> None:
    per_call = config.step.steps_per_call
    for name in ("warmup", "steps"):
        value = getattr(config.measure, name)
        if value != "auto" and value % per_call:
            raise ConfigError(
                f"--{name} {value} is not a multiple of --steps-per-call {per_call}.",
                f"Use {max(1, value // per_call) * per_call}, or leave it at auto.",
            )


def _record(
    found: Findings,
    outcome: Outcome,
    identity: str,
    created: str,
    given: tuple[str, ...],
    wall_s: float,
    idle: IdleWatch,
) -> Record:
    resolved, notices = found.resolved, tuple(found.notices)
    per_call = found.requested.step.steps_per_call
    # An explicit --warmup defines the window, as published protocols do: discard nothing.
    marked = (steady_state.mark(process, per_call, count_all="warmup" in given) for process in found.processes)
    samples = Samples(processes=tuple(marked))
    summary = summarize(samples)
    against_peaks = roofline_pass.join(found, summary)
    notices = (*notices, *roofline_pass.doubts(against_peaks))
    device = found.machine.device if found.machine else "cpu"
    floor = known(resolved or found.requested, found.machine, found.environment)
    checks: tuple[OptionCheck, ...] = ()
    if resolved is not None and shows_evidence(resolved):
        about = (found.machine, found.model, notices, found.requested)
        checks = evidence.check_options(resolved, given, found.seen, *about)
    return Record(
        id=identity,
        created_at=created,
        tool_version=resnet_bench.__version__,
        outcome=outcome,
        verdict=decide_verdict(resolved or found.requested, outcome, samples, notices, found.machine, checks, floor),
        config=Configuration(requested=found.requested, resolved=resolved, given=given),
        machine=found.machine,
        environment=found.environment,
        model=found.model,
        data=found.data,
        samples=samples,
        summary=summary,
        evidence=checks,
        output_error=found.output_error,
        trace=found.trace,
        profile=found.profile,
        roofline=against_peaks,
        energy=run_energy(samples, found.machine, idle.idle_w(device), idle.why(device)),
        warnings=notices,
        wall_s=wall_s,
    )


class _TimedProcesses:
    """The timed processes of a run, in order, within the deadline."""

    def __init__(
        self,
        found: Findings,
        observer: RunObserver,
        deadline: float,
        profile_folder: Path | None,
        new_worker: Callable[[], Worker],
    ) -> None:
        self.found = found
        self.number = 0
        self._observer = observer
        self._deadline = deadline
        self._profile_folder = profile_folder
        self._new_worker = new_worker

    def run(self) -> None:
        """Run as many processes as were requested and fit."""
        asked = total = self.found.requested.measure.processes
        if self.found.requested.step.batch_size == "max":
            self._search_batch()
        while self.number < total:
            self._observer.process(self.number, total)
            start = time.monotonic()
            timed_s = self._one_process(total)
            if self.number == 0 and self.found.trace is not None:
                self._read_trace(self.found.trace)
            if timed_s is None:
                break
            overhead = time.monotonic() - start - timed_s
            last = self.found.processes[-1]
            shortest = overhead + budget.MIN_TIMED_ROUNDS * (timed_s / len(last.rounds))
            self.number += 1
            total = budget.processes_that_fit(total, self.number, shortest, self._left())
        if self.number < asked:
            self.found.note(Notice.make("budget_cut_processes", asked=asked, ran=self.number))
        rounds = self.found.requested.measure.rounds
        fewest = min(len(process.rounds) for process in self.found.processes if process.rounds)
        if rounds != "auto" and fewest < rounds:
            self.found.note(Notice.make("budget_cut_rounds", asked=rounds, ran=fewest))

    def _search_batch(self) -> None:
        """Resolve --batch-size max in processes of its own, before the first that counts."""

        def on_try(batch: int) -> None:
            self.found.phase = "batch search"
            self._observer.phase(f"batch search: {batch}")

        config = self.found.requested
        self.found.batch_size, notices = batch_search.search(config, self._new_worker, self._deadline, on_try)
        self.found.note(*notices)

    def _read_trace(self, trace: ProfileResult) -> None:
        """Summarize the trace in a process of its own: the readers are large, and may fail without harm."""
        self._observer.phase("profile summary")
        silence_s = self.found.requested.measure.timeout
        try:
            with self._new_worker() as worker:
                reply = worker.request(
                    p.ReadTrace(trace=trace), p.TraceRead, silence_s=silence_s, deadline=self._deadline
                )
        except BenchError as error:
            self.found.note(Notice.make("profile_unread", reason=error.message))
            return
        self.found.profile = reply.summary
        self.found.note(*reply.summary.notices)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _one_process(self, total: int) -> float | None:
        """Seconds that one process timed; None where the budget ended before its first round, but other
        processes have some. What was timed before the budget ended counts."""
        with self._new_worker() as worker:
            process = TimedProcess(worker, self.found, self._observer, self._deadline)
            try:
                process.run(self.number, total - self.number - 1, self._profile_folder)
            except BenchError as error:
                outcome = outcome_of(error)
                if outcome.kind != "budget" or not (process.timed or self.found.processes):
                    raise
                if process.timed:
                    facts: dict[str, Value] = {"process": self.number, "phase": outcome.phase}
                    self.found.note(Notice.make("budget_cut_end", **facts))
            finally:
                self.found.processes.append(process.samples())
        return sum(one.wall_s for one in process.timed) if process.timed else None


__all__ = ["refused", "run"]
