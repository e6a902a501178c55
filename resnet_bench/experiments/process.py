"""One worker process of a run from start to end: prepared, warmed up, timed, summed up.

Its results go into `Findings` at once, so that a record can be made whatever happens next.
Neighbours: `run.py` runs one process after the other, `budget.py` decides how much fits.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

from msgspec.structs import replace

from resnet_bench.config import Config, resolved_value
from resnet_bench.errors import BudgetError
from resnet_bench.experiments import budget, evidence_pass
from resnet_bench.experiments.findings import Findings
from resnet_bench.experiments.progress import RunObserver
from resnet_bench.records.base import Notice
from resnet_bench.records.run import ProcessSamples, Round
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker

CLOSING_S = 3.0
"""Kept back from the budget: half of it for the worker's last replies, half for saving the record."""

FINISHING_S = 1.5
"""From the last timed round of a process to the start of the next: collecting evidence, results, the exit."""

SPLIT_ROUNDS = 10
PROFILE_READING_S = 8.0
"""Kept back for summarizing a trace, in a process of its own."""


class TimedProcess:
    """One worker from start to end; `samples` works at any moment."""

    def __init__(self, worker: Worker, found: Findings, observer: RunObserver, deadline: float) -> None:
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

    def run(self, number: int, further: int, profile_folder: Path | None) -> None:
        """Prepare, warm up, time, sum up; `further` processes are to follow."""
        start = time.monotonic()
        self._prepare()
        step_s = self._warm_up()
        self._settle_steps(step_s)
        splits = self._config().step.split and number == 0
        profiles = profile_folder is not None and number == 0
        now = time.monotonic()
        round_s = step_s * resolved_value(self._config().measure.steps)
        if number == 0:
            self._found.kept_s = self._kept_s(step_s, round_s, now - start + FINISHING_S, further)
        left_s = self._deadline - self._found.kept_s - now
        share_end = now + budget.share_of_time(left_s, now - start + FINISHING_S, round_s, further)
        self._time(step_s, now + (share_end - now) / 2 if splits or profiles else share_end)
        self._time_latency(share_end)
        if splits:
            self._split(step_s)
        if profile_folder is not None and number == 0:
            self._profile(profile_folder, step_s, share_end - PROFILE_READING_S)
        self._finish()

    def _kept_s(self, step_s: float, round_s: float, cold_s: float, further: int) -> float:
        """Seconds to leave to the option checks: where a number of rounds was requested, these come first."""
        asked = self._config().measure.rounds
        wishes = evidence_pass.wishes_s(self._found, self._samples.cold_start, step_s)
        rounds = budget.ROUNDS_BEFORE_CHECKS if asked == "auto" else asked
        left_s = self._deadline - time.monotonic() - FINISHING_S
        return budget.kept_for_checks(wishes, rounds, round_s, left_s, cold_s, further)

    def _ask(self, command: p.Command, reply: type[p.M]) -> p.M:
        return self._worker.request(
            command, reply, silence_s=self._silence_s, deadline=self._deadline, on_event=self._on_event
        )

    def _on_event(self, event: p.Events) -> None:
        if isinstance(event, p.PhaseStarted):
            if event.phase != self._phase:
                self._phase = self._found.phase = event.phase
                self._observer.phase(event.phase)
        elif isinstance(event, p.Resolved):
            self._on_resolved(event)
        elif isinstance(event, p.RoundDone):
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
        command = p.Prepare(config=self._found.runnable, log_path=str(self._worker.log_path))
        reply = self._ask(command, p.Prepared)
        self._found.model, self._found.data = reply.model, reply.data
        self._found.note(*reply.notices)
        self._samples = replace(self._samples, cold_start=reply.cold_start)

    def _config(self) -> Config:
        assert self._found.resolved is not None, "a prepared worker has resolved its configuration"
        return self._found.resolved

    def _warm_up(self) -> float:
        """Run the warm-up steps that fit; returns the last one's step time (the pilot).

        The first step, which compiled, counts as one of them, but is no pilot where there are others.
        """
        config = self._config()
        per_call = config.step.steps_per_call
        asked = resolved_value(config.measure.warmup)
        self._series = self.warmup
        first = self._samples.cold_start.first_step_s or 0.0
        step_s = first / per_call
        for done in range(per_call, asked, per_call):
            left = self._deadline - time.monotonic()
            if self.warmup and not budget.another_warmup_fits(step_s, per_call, left):
                self._found.note(Notice.make("budget_cut_warmup", asked=asked, ran=done))
                break
            self._ask(p.WarmUp(steps=per_call), p.Timed)
            step_s = self.warmup[-1].wall_s / per_call
        return step_s

    def _settle_steps(self, step_s: float) -> None:
        config = self._config()
        if config.measure.steps == "auto":
            steps = budget.steps_per_round(step_s, config.step.steps_per_call)
            self._found.resolved = replace(config, measure=replace(config.measure, steps=steps))

    def _time(self, step_s: float, share_end: float) -> None:
        config = self._config()
        steps = resolved_value(config.measure.steps)
        now = time.monotonic()
        left_s, share_s = self._deadline - now, share_end - now
        rounds = budget.AUTO_ROUNDS if config.measure.rounds == "auto" else config.measure.rounds
        if self.warmup:  # Else the first call is all that was seen; it compiled, so the series' own clock decides.
            rounds = budget.rounds_that_fit(rounds, steps * step_s, share_s, left_s)
        if rounds == 0:
            raise BudgetError(
                f"The time budget of {config.measure.max_time:g} s leaves no time for a single timed round.",
                "Allow more with --max-time, or make the work smaller (--batch-size, --image-size, --preset smoke).",
            )
        self._planned, self._series = rounds, self.timed
        if config.measure.rounds == "auto":
            self._found.resolved = replace(config, measure=replace(config.measure, rounds=rounds))
        budget_s = max(0.0, min(left_s, max(share_s, budget.MIN_TIMED_ROUNDS * steps * step_s)))
        command = p.Measure(rounds=rounds, steps=steps, budget_s=budget_s, watch=True)
        self._found.note(*self._ask(command, p.Timed).notices)

    def _time_latency(self, share_end: float) -> None:
        """Single steps, where the timed rounds held several; as many as fit."""
        config = self._config()
        wanted = config.measure.latency_samples
        if config.step.mode == "input" or config.step.steps_per_call > 1 or not wanted:
            return
        mean = sum(one.wall_s for one in self.timed) / sum(one.steps for one in self.timed)
        if all(one.steps == 1 for one in self.timed):
            return
        budget_s = min(share_end, self._deadline) - time.monotonic()
        fitting = int(budget_s / (mean * budget.SAFETY))
        if fitting < 1:
            return
        self._series = self.latency
        self._ask(p.Measure(rounds=min(wanted, fitting), steps=1, budget_s=budget_s, purpose="latency"), p.Timed)

    def _split(self, step_s: float) -> None:
        left_s = max(0.0, self._deadline - time.monotonic())
        rounds = budget.split_rounds(SPLIT_ROUNDS, step_s, left_s)
        split = self._ask(p.MeasureSplit(rounds=rounds, budget_s=left_s), p.SplitDone).split
        self._samples = replace(self._samples, split=split)

    def _profile(self, folder: Path, step_s: float, end: float) -> None:
        per_call, steps = self._config().step.steps_per_call, self._config().output.profile_steps
        call_s = step_s * per_call
        left_s = max(0.0, min(end, self._deadline) - time.monotonic())
        calls = budget.profiled_calls(call_s) if steps == "auto" else math.ceil(steps / per_call)
        command = p.Profile(directory=str(folder), calls=calls, call_s=call_s, budget_s=left_s)
        self._found.trace = self._ask(command, p.Profiled).result
        self._found.note(*self._found.trace.notices)

    def _observe(self) -> None:
        """Collect what the process can show without disturbing it; the first shows its graph too."""
        reply = self._ask(p.Observe(graph=self._found.seen.traced is None), p.Observed)
        self._found.seen = self._found.seen.joined(reply.seen)
        self._found.note(*reply.notices)

    def _finish(self) -> None:
        self._deadline += CLOSING_S / 2
        self._observe()
        end = self._ask(p.Finish(), p.Finished)
        self._found.note(*end.notices)
        self._worker.wait_for_exit(CLOSING_S / 2)
        self._samples = replace(
            self._samples,
            memory=end.memory,
            counts=end.counts,
            result=end.result,
            threads_seen=end.threads_seen,
        )
        if self._found.data is not None and end.skipped_records is not None:
            self._found.data = replace(self._found.data, skipped_records=end.skipped_records)
