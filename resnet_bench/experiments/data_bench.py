"""`data bench`: one worker runs the input pipeline for epochs, stage by stage, and with each option changed.

The parent's order of calls. Neighbours: `worker/handlers/pipeline.py` does the work, `analysis/pipeline.py` has the
statistics, `pipeline_variants.py` the changed options, `pipeline_findings.py` makes the result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

import resnet_bench
from resnet_bench.analysis import steady_state
from resnet_bench.analysis.summary import summarize
from resnet_bench.analysis.verdict import decide_verdict
from resnet_bench.config import Config, DataConfig
from resnet_bench.errors import BenchError, BudgetError
from resnet_bench.experiments import pipeline_variants
from resnet_bench.experiments.budget import AUTO_ROUNDS
from resnet_bench.experiments.ending import ended
from resnet_bench.experiments.findings import Findings
from resnet_bench.experiments.pipeline_findings import PipelineFindings, pipeline_result
from resnet_bench.experiments.process import CLOSING_S
from resnet_bench.experiments.progress import RunObserver
from resnet_bench.records.base import Notice
from resnet_bench.records.files import new_id, now
from resnet_bench.records.pipeline import STAGES
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.run import Outcome, ProcessSamples, Round, Samples, Verdict
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker, outcome_of
from resnet_bench.worker.process import WorkerProcess

COPY = "copy"
EPOCHS_SHARE = 0.4
"""Share of the time for the epochs, at most; short ones take less."""
ABLATION_SHARE = 0.6
"""Share of the rest for the changed options, where they are measured."""


@dataclass(frozen=True)
class DataBenchRequest:
    """What is measured beyond the stages: passes over the data, and whether options are changed one by one.

    available_bytes: host memory that a cache may be compared in; None leaves that variant out.
    """

    epochs: int = 3
    ablate: bool = False
    available_bytes: int | None = None


def run(
    config: Config,
    given: tuple[str, ...] = (),
    questions: DataBenchRequest = DataBenchRequest(),
    observer: RunObserver | None = None,
    started: float | None = None,
    new_worker: Callable[[], Worker] = WorkerProcess,
) -> Record:
    """Measure the input pipeline of a `--mode input` configuration; its record, whatever happened.

    started: when the command began (`time.monotonic`); the budget counts from there.
    """
    started = time.monotonic() if started is None else started
    found = PipelineFindings(Findings(config))
    created = now()
    deadline = started + config.measure.max_time - CLOSING_S

    def bench() -> None:
        with new_worker() as worker:
            _Calls(worker, found, questions, observer or RunObserver(), deadline).run()

    outcome, _ = ended(bench)
    if outcome.kind != "ok":
        outcome = replace(outcome, process=0, phase=outcome.phase or found.findings.phase)
    return _record(found, outcome, created, given, time.monotonic() - started)


class _Calls:
    """The calls to one worker, in order."""

    def __init__(
        self,
        worker: Worker,
        found: PipelineFindings,
        questions: DataBenchRequest,
        observer: RunObserver,
        deadline: float,
    ) -> None:
        self._worker, self._found, self._questions = worker, found, questions
        self._observer, self._deadline = observer, deadline
        self._rounds: dict[str, list[Round]] = found.stages
        self._planned = 0

    def run(self) -> None:
        """Open the data, run epochs, stages, and variants."""
        findings, asked = self._found.findings, self._questions
        opened = self._ask(p.OpenPipeline(config=findings.requested), p.PipelineOpened)
        findings.data = opened.data
        findings.note(*opened.notices)
        if asked.epochs:
            budget_s = self._left() * EPOCHS_SHARE * (0.6 if asked.ablate else 1.0)
            self._found.epochs = self._ask(p.RunEpochs(epochs=asked.epochs, budget_s=budget_s), p.EpochsRun)
        assert findings.resolved is not None, "an opened pipeline has resolved its configuration"
        self._tell_changed_pixels(findings.resolved)
        stages = self._stage_variants()
        self._interleave(stages, self._left() * (1 - ABLATION_SHARE if asked.ablate else 1.0))
        if len(self._found.stages) < len(stages):
            raise BudgetError("The time budget ended before each stage was timed.", "Allow more with --max-time.")
        if asked.ablate:
            try:
                self._ablate()
            except BenchError as error:
                if outcome_of(error).kind != "budget":
                    raise
                findings.note(Notice.make("budget_cut_end", process=0, phase=findings.phase))

    @property
    def _caches(self) -> bool:
        """Whether the requested cache fitted."""
        return not any(notice.topic == "cache" for notice in self._found.findings.notices)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise BudgetError("The time budget ended before the pipeline was measured.", "Allow more with --max-time.")
        return left

    def _stage_variants(self) -> tuple[p.Variant, ...]:
        machine = self._found.findings.machine
        stages = (*STAGES, COPY) if machine is not None and machine.device_kind == "gpu" else STAGES
        config = self._found.findings.resolved
        assert config is not None
        left_out = {"augment"} if config.data.vectorized_augment or not config.data.flip else set()
        if not config.data.prefetch_buffer_size:
            left_out.add("prefetch")
        return tuple(p.Variant(name=stage, until=stage) for stage in stages if stage not in left_out)

    def _interleave(self, variants: tuple[p.Variant, ...], budget_s: float) -> None:
        findings = self._found.findings
        asked = findings.requested.measure.rounds
        wanted = AUTO_ROUNDS if asked == "auto" else asked
        self._planned = wanted * len(variants)
        command = p.MeasureVariants(variants=variants, rounds=wanted, budget_s=budget_s)
        took = self._ask(command, p.VariantsMeasured).rounds
        if took < wanted:
            findings.note(Notice.make("budget_cut_rounds", asked=wanted, ran=took))

    def _ablate(self) -> None:
        findings = self._found.findings
        config = findings.resolved
        assert config is not None
        data_bytes = findings.data.bytes if findings.data is not None else None
        taken = config.data if self._caches else replace(config.data, cache="none")
        self._found.ablations = pipeline_variants.ablations(taken, data_bytes, self._questions.available_bytes)
        if pipeline_variants.full(taken) != taken:
            findings.note(Notice.make("ablation_without_rewrites"))
        self._rounds = self._found.variants
        chosen = [p.Variant(name=pipeline_variants.FULL, data=pipeline_variants.full(taken))]
        chosen += [p.Variant(name=one.name, data=one.data) for one in self._found.ablations if one.data is not None]
        self._compare_pixels(pipeline_variants.full(taken), chosen[1:])
        self._interleave(tuple(chosen), self._left())

    def _compare_pixels(self, reference: DataConfig, variants: Sequence[p.Variant]) -> None:
        """The difference between images where only their decoding differs."""
        chosen = [one for one in variants if one.data and pipeline_variants.changes_pixels_alone(one.data, reference)]
        if chosen:
            command = p.ComparePixels(reference=reference, variants=tuple(chosen))
            self._found.pixels.update(self._ask(command, p.PixelsCompared).mean_absolute)

    def _tell_changed_pixels(self, config: Config) -> None:
        """Note by how much the options that are on change pixels."""
        self._compare_pixels(pipeline_variants.exact(config.data), [p.Variant(name="configured", data=config.data)])
        difference = self._found.pixels.get("configured")
        if difference is not None:
            self._found.findings.note(Notice.make("pixels_changed", difference=difference))

    def _ask(self, command: p.Command, reply: type[p.M]) -> p.M:
        silence_s = self._found.findings.requested.measure.timeout
        return self._worker.request(
            command, reply, silence_s=silence_s, deadline=self._deadline + CLOSING_S / 2, on_event=self._on_event
        )

    def _on_event(self, event: p.Events) -> None:
        findings = self._found.findings
        if isinstance(event, p.PhaseStarted):
            findings.phase = event.phase
            self._observer.phase(event.phase)
        elif isinstance(event, p.Resolved):
            findings.resolved, findings.machine, findings.environment = event.config, event.machine, event.environment
            findings.note(*event.notices)
            self._observer.resolved(event.config, event.notices)
        elif isinstance(event, p.RoundDone):
            self._rounds[event.variant].append(event.round)
            done = sum(map(len, self._rounds.values()))
            one = event.round
            left_s = max(0.0, self._deadline - time.monotonic())
            self._observer.rounds(min(done, self._planned), self._planned, one.images / one.wall_s, left_s)


def _record(found: PipelineFindings, outcome: Outcome, created: str, given: tuple[str, ...], wall_s: float) -> Record:
    findings = found.findings
    config = findings.resolved or findings.requested
    whole = list(found.stages)[-1] if found.stages else ""
    rounds = tuple(found.stages.get(whole, ()))
    per_call = config.step.steps_per_call
    process = steady_state.mark(ProcessSamples(process=0, rounds=rounds), per_call, count_all=True)
    samples = Samples(processes=(process,))
    pipeline = pipeline_result(found)
    notices = (*findings.notices, *(pipeline.notices if pipeline is not None else ()))
    return Record(
        id=new_id(),
        created_at=created,
        tool_version=resnet_bench.__version__,
        outcome=outcome,
        verdict=_verdict(decide_verdict(config, outcome, samples, tuple(findings.notices), findings.machine)),
        config=Configuration(requested=findings.requested, resolved=findings.resolved, given=given),
        machine=findings.machine,
        environment=findings.environment,
        data=findings.data,
        samples=samples,
        summary=summarize(samples),
        pipeline=pipeline,
        warnings=notices,
        wall_s=wall_s,
    )


def _verdict(decided: Verdict) -> Verdict:
    """The verdict, with the reason of a command that has one process by design."""
    one = Notice.make("one_worker")
    return replace(decided, reasons=tuple(one if why.kind == "few_processes" else why for why in decided.reasons))
