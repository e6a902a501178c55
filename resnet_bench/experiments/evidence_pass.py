"""The untimed pass after the timed processes that checks the options: what the graph, logs and outputs show.

Nothing here can spoil a run: a failure, or a lack of time, becomes a `Notice`. Neighbours: `run.py` calls,
`worker/handlers/evidence.py` collects, `evidence/` checks the options against it, `output_error.py` compares outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from resnet_bench.config.runtime_support import shows_evidence
from resnet_bench.errors import BenchError
from resnet_bench.experiments import output_error
from resnet_bench.experiments.findings import Findings
from resnet_bench.experiments.progress import RunObserver
from resnet_bench.records.base import Notice
from resnet_bench.records.run import ColdStart
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker

STEPS = 2
"""Steps that are observed: the first, and one with warm buffers."""

RESERVED_SHARE = 0.3
"""Of --max-time, what --evidence full keeps for the pass."""

LOGGING = 1.5
"""How much longer a start takes with every log and dump on; an upper estimate."""


def reserved_s(found: Findings) -> float:
    """Seconds of the budget that the timed processes must leave."""
    measure = found.requested.measure
    return RESERVED_SHARE * measure.max_time if measure.evidence == "full" else 0.0


def needed_s(cold: ColdStart, step_s: float) -> tuple[float, float]:
    """About how long the pass and the comparison of outputs take, from the cold start of a timed process.

    The comparison builds, traces and first runs two networks.
    """
    network = [cold.build_s, cold.trace_s, cold.first_step_s]
    outside = [cold.process_s, cold.import_s, cold.start_s, cold.data_s]
    network_s = sum(seconds or 0.0 for seconds in network)
    return LOGGING * (sum(seconds or 0.0 for seconds in outside) + network_s) + 2 * STEPS * step_s, 2 * network_s


def wishes_s(found: Findings, cold: ColdStart, step_s: float) -> tuple[float, ...]:
    """What may be kept for the pass by --evidence auto: seconds for all of it, and for it without comparing outputs;
    empty where it keeps none. For --evidence full see `reserved_s`."""
    config = found.resolved
    if config is None or config.measure.evidence != "auto" or config.step.mode == "input" or not shows_evidence(config):
        return ()
    pass_s, outputs_s = needed_s(cold, step_s)
    return (pass_s + outputs_s, pass_s)


def run(
    found: Findings,
    observer: RunObserver,
    deadline: float,
    new_worker: Callable[[], Worker],
    folder: Path | None = None,
) -> None:
    """Collect evidence into `found`, where that is requested and fits the budget. Blocks.

    `folder` (None: keeps nothing) is beside the record and named after it.
    """
    EvidencePass(found, observer, deadline, new_worker, folder).run()


@dataclass(frozen=True)
class EvidencePass:
    """The pass in progress."""

    found: Findings
    observer: RunObserver
    deadline: float
    new_worker: Callable[[], Worker]
    folder: Path | None

    def run(self) -> None:
        """Collect, then compare outputs."""
        config = self.found.resolved
        timed = next((process for process in self.found.processes if process.rounds), None)
        if config is None or timed is None or config.step.mode == "input" or config.measure.evidence == "off":
            return
        if not shows_evidence(config):
            return
        steps = sum(one.steps for one in timed.rounds)
        pass_s, outputs_s = needed_s(timed.cold_start, sum(one.wall_s for one in timed.rounds) / steps)
        if not self._fits("option verification", pass_s):
            return
        try:
            with self.new_worker() as worker:
                self._collect(worker)
                if self._fits("comparing outputs with float32", outputs_s):
                    self._compare_outputs(worker)
        except KeyboardInterrupt:
            self.found.note(Notice.make("evidence_interrupted"))
        except BenchError as error:
            self.found.note(Notice.make("evidence_failed", phase=self.found.phase, message=error.message))

    def _fits(self, what: str, needed: float) -> bool:
        left = self.deadline - time.monotonic()
        if left < needed:
            self.found.note(Notice.make("evidence_cut", what=what, needed_s=needed, left_s=max(0.0, left)))
        return left >= needed

    def _collect(self, worker: Worker) -> None:
        command = p.CollectEvidence(
            config=self.found.runnable,
            log_path=str(worker.log_path),
            folder=None if self.folder is None else str(self.folder),
            steps=STEPS,
        )
        self._note(self._ask(worker, command, p.Observed))

    def _compare_outputs(self, worker: Worker) -> None:
        self.found.output_error = output_error.measure_output_error(
            self.found.runnable, worker, self.deadline, self._on_event
        )

    def _ask(self, worker: Worker, command: p.Command, reply: type[p.M]) -> p.M:
        silence_s = self.found.requested.measure.timeout
        return worker.request(command, reply, silence_s=silence_s, deadline=self.deadline, on_event=self._on_event)

    def _on_event(self, event: p.Events) -> None:
        if isinstance(event, p.PhaseStarted):
            self.found.phase = f"untimed pass: {event.phase}"
            self.observer.phase(self.found.phase)

    def _note(self, reply: p.Observed) -> None:
        self.found.seen = self.found.seen.joined(reply.seen)
        self.found.note(*reply.notices)
