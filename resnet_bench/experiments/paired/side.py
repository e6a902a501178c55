"""One side of interleaved runs: a live worker that is stopped while the others time theirs, and what it timed.

The worker stops its own process group (SIGSTOP) right after its round, so that its pipeline neither runs ahead nor
takes cores; it continues from the state that it was stopped in. What the pipeline still produces in the moments before
stopping and after waking is consumed by untimed calls (`budget.pre_turn_calls`). Neighbours: `worker/process.py` runs
the process, `interleave.py` says which side is next.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from resnet_bench.config import Config, resolved_value
from resnet_bench.data.buffering import buffered
from resnet_bench.data.service import LOCAL
from resnet_bench.errors import BudgetError
from resnet_bench.experiments.budget import ROUND_SECONDS, pre_turn_calls
from resnet_bench.records.ab import SideFacts
from resnet_bench.records.base import Notice
from resnet_bench.records.run import Outcome, Round
from resnet_bench.runtime.resolve import resolve_data
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker, WorkerFailure
from resnet_bench.worker.process import WorkerProcess
from resnet_bench.worker.protocol import Scope

RoundCount = int | Literal["auto"]


@dataclass(frozen=True)
class Side:
    """A configuration, how its worker is started, and the scope that it runs: the whole step, or its model or its
    pipeline alone."""

    label: str
    config: Config
    new_worker: Callable[[], Worker] = WorkerProcess
    scope: Scope = "whole"


@dataclass(frozen=True)
class Budget:
    """Pairs of processes at most (sets, where there are more than two sides), interleaved rounds per pair (`turns`,
    as --turns is called; "auto": about 10 s of them, 20 to 90), and steps per round ("auto": about `turn_s` seconds
    of the slower side).

    At least `warmup` steps come first. `precision_target` (a fraction) ends it early, once the half-width of the
    interval is no more; `max_time_s` ends it in any case.
    """

    turns: RoundCount = 20
    steps: int | Literal["auto"] = "auto"
    warmup: int = 3
    pairs: int = 1
    precision_target: float | None = None
    max_time_s: float = 600.0
    silence_s: float = 300.0
    turn_s: float = ROUND_SECONDS


class SideFailure(WorkerFailure):
    """A side whose worker failed; the outcome's message names it."""

    def __init__(self, side: str, label: str, outcome: Outcome) -> None:
        words = f"Side {display_name(side)}" if len(side) == 1 else display_name(side)
        super().__init__(replace(outcome, message=f"{words}{f' ({label})' if label else ''}: {outcome.message}"))
        self.side = side


def display_name(side: str) -> str:
    """A side's name as a reader sees it: "B" for b, "Model alone" for a name in words."""
    return side.upper() if len(side) == 1 else side.capitalize()


class LiveSide:
    """A side's live worker, stopped while the other sides run."""

    def __init__(
        self,
        name: str,
        side: Side,
        worker: Worker,
        budget: Budget,
        deadline: float,
        on_phase: Callable[[str, str], None],
    ) -> None:
        self.name = name
        self.facts = SideFacts(label=side.label, requested=side.config)
        self.timed: list[Round] = []
        self.step_s = 0.0
        self.peak_host_bytes: int | None = None
        self._label, self._worker, self._budget, self._deadline = side.label, worker, budget, deadline
        self._scope, self._on_phase = side.scope, on_phase
        self._rounds: list[Round] = []
        self._phase = ""

    @property
    def config(self) -> Config:
        """The resolved configuration, or the requested one of a peer that resolves nothing."""
        return self.facts.resolved or self.facts.requested

    def get_ready(self) -> None:
        """Prepare, warm up and stop. `step_s` and `peak_host_bytes` are known afterwards. Raises `SideFailure`."""
        command = p.Prepare(config=self.facts.requested, log_path=str(self._worker.log_path), part=self._scope)
        reply = self._ask(command, p.Prepared)
        self._check_options()
        self.peak_host_bytes = reply.peak_host_bytes
        self.facts = replace(
            self.facts,
            model=reply.model,
            data=reply.data,
            notices=(*self.facts.notices, *reply.notices, *self._runs_on()),
        )
        self._ask(p.WarmUp(steps=self._warmup() * self.config.step.steps_per_call, then_stop=True), p.Timed)
        self._wait_until_stopped()
        self.step_s = statistics.median(one.wall_s / one.steps for one in self._rounds[-3:])

    def _check_options(self) -> None:
        """Raise `SideFailure` where the environment contradicts an option: the ratio would be of other options."""
        for notice in self.facts.notices:
            if notice.severity == "invalidates":
                raise SideFailure(self.name, self._label, Outcome(kind="config", message=notice.message))

    def time_round(self, steps: int) -> None:
        """Run one timed round of about `steps` steps, then stop."""
        per_call = self.config.step.steps_per_call
        calls = max(1, steps // per_call)
        untimed = pre_turn_calls(self.step_s * per_call, calls, self._buffered())
        if self._no_step:
            untimed = max(1, untimed)  # A read that the system finishes meanwhile is a whole batch, however long.
        command = p.Measure(rounds=1, steps=calls * per_call, pre_turn_calls=untimed, then_stop=True)
        reply = self._ask(command, p.Timed)
        self.facts = replace(self.facts, notices=(*self.facts.notices, *reply.notices))
        self._wait_until_stopped()
        self.timed.append(self._rounds[-1])

    def single_calls(self, calls: int) -> list[float]:
        """Time `calls` single calls, each with its own wait for the device; their seconds. Not a timed round."""
        command = p.Measure(rounds=calls, steps=self.config.step.steps_per_call, purpose="latency")
        self._ask(command, p.Timed)
        return [one.wall_s for one in self._rounds[-calls:]]

    def _warmup(self) -> int:
        """Calls: enough to empty what a pipeline that is timed alone buffered while it was opened."""
        asked = self.config.measure.warmup
        least = self._budget.warmup if asked == "auto" else max(asked, self._budget.warmup)
        return max(1, least) + (self._buffered() if self._no_step else 0)

    @property
    def _no_step(self) -> bool:
        """Whether the pipeline runs alone, so that it fills its buffers while it is opened."""
        return self._scope == "pipeline" or self.config.step.mode == "input"

    def _buffered(self) -> int:
        """Batches that may lie ready or be in the making for this side; 0 for a batch that stays on the device."""
        config = self.config
        if not config.data.has_pipeline or self._scope == "model":
            return 0
        on_gpu = self.facts.machine is not None and self.facts.machine.device_kind == "gpu"
        data = resolve_data(config.data, 1)  # a peer may have resolved nothing
        return buffered(data, resolved_value(config.step.batch_size), on_gpu) + 1

    def _runs_on(self) -> tuple[Notice, ...]:
        """A notice where a tf.data service runs on while this side is stopped, because others started it."""
        address = self.config.data.data_service
        if address is None or address.startswith(LOCAL) or self._scope == "model":
            return ()
        return (Notice.make("data_service_runs_on", address=address),)

    def _wait_until_stopped(self) -> None:
        try:
            self._worker.wait_until_stopped()
        except WorkerFailure as failure:
            raise SideFailure(self.name, self._label, failure.outcome) from failure

    def _ask(self, command: p.Command, reply: type[p.M]) -> p.M:
        try:
            return self._worker.request(
                command, reply, silence_s=self._budget.silence_s, deadline=self._deadline, on_event=self._on_event
            )
        except WorkerFailure as failure:
            if failure.outcome.kind == "budget":
                raise BudgetError(failure.outcome.message, failure.outcome.remedy) from failure
            raise SideFailure(self.name, self._label, failure.outcome) from failure

    def _on_event(self, event: p.Events) -> None:
        if isinstance(event, p.RoundDone):
            self._rounds.append(event.round)
        elif isinstance(event, p.Resolved):
            self.facts = replace(
                self.facts,
                resolved=event.config,
                machine=event.machine,
                environment=event.environment,
                notices=event.notices,
            )
        elif isinstance(event, p.PhaseStarted) and event.phase != self._phase:
            self._phase = event.phase
            self._on_phase(self.name, event.phase)
