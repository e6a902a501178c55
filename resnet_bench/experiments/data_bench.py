"""`data bench`: one worker whose pipeline is run for epochs, stage by stage, and with each option changed.

The parent's order of calls. Neighbours: `worker/stages.py` does the work, `pipeline_rates.py` and `ablation.py`
say what it means, `record.py` keeps it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

import resnet_bench
from resnet_bench.analysis import pipeline as pipeline_rates
from resnet_bench.analysis import steady_state
from resnet_bench.analysis.summary import summarize
from resnet_bench.analysis.verdict import decide_verdict
from resnet_bench.config import Config, DataConfig, resolved_value
from resnet_bench.errors import BenchError, BudgetError
from resnet_bench.experiments import pipeline_variants
from resnet_bench.experiments.findings import Findings
from resnet_bench.experiments.process import CLOSING_S
from resnet_bench.experiments.progress import RunObserver, SilentRunObserver
from resnet_bench.records.base import Notice
from resnet_bench.records.files import new_id, now
from resnet_bench.records.pipeline import STAGES, AblationRate, MemoryTrend, PipelineResult
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.run import Outcome, ProcessSamples, Round, Samples, Verdict
from resnet_bench.runtime.resolve import usable_cpus
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import Worker, outcome_of

COPY = "copy"
EPOCHS_SHARE = 0.4
"""Of the time: at most this for the epochs. They take less where they are short."""
ABLATION_SHARE = 0.6
"""Of what the epochs leave, where options are switched off too."""


@dataclass(frozen=True)
class DataBenchRequest:
    """What is asked beyond the stages: passes over the data, and whether options are changed in turn.

    available_bytes: host memory that a cache may be compared in; None leaves that variant out.
    """

    epochs: int = 3
    ablate: bool = False
    available_bytes: int | None = None


@dataclass
class _Found:
    """All that is known so far; a record can be made of it at any moment."""

    findings: Findings
    epochs: p.EpochsRun | None = None
    stages: dict[str, list[Round]] = field(default_factory=lambda: defaultdict(list))
    variants: dict[str, list[Round]] = field(default_factory=lambda: defaultdict(list))
    ablations: tuple[pipeline_variants.Ablation, ...] = ()
    pixels: dict[str, float] = field(default_factory=dict)


def run(
    config: Config,
    given: tuple[str, ...] = (),
    questions: DataBenchRequest = DataBenchRequest(),
    observer: RunObserver | None = None,
    started: float | None = None,
    new_worker: Callable[[], Worker] = Worker,
) -> Record:
    """Measure the input pipeline of a `--mode input` configuration; its record, whatever happened.

    started: when the command began (`time.monotonic`); the budget counts from there.
    """
    started = time.monotonic() if started is None else started
    found = _Found(Findings(config))
    created = now()
    deadline = started + config.measure.max_time - CLOSING_S
    try:
        with new_worker() as worker:
            _Bench(worker, found, questions, observer or SilentRunObserver(), deadline).run()
        outcome = Outcome(kind="ok")
    except KeyboardInterrupt:
        outcome = Outcome(kind="interrupted", message="Interrupted.", remedy="What was measured is kept.")
    except BenchError as error:
        outcome = outcome_of(error)
    if outcome.kind != "ok":
        outcome = replace(outcome, process=0, phase=outcome.phase or found.findings.phase)
    return _record(found, outcome, created, given, time.monotonic() - started)


class _Bench:
    """The calls to one worker, in order."""

    def __init__(
        self, worker: Worker, found: _Found, questions: DataBenchRequest, observer: RunObserver, deadline: float
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
        self._take_turns(stages, self._left() * (1 - ABLATION_SHARE if asked.ablate else 1.0))
        if len(self._found.stages) < len(stages):
            raise BudgetError("The time budget ended before each stage had a turn.", "Allow more with --max-time.")
        if asked.ablate:
            try:
                self._ablate()
            except BenchError as error:
                if outcome_of(error).kind != "budget":
                    raise
                findings.note(Notice.make("budget_cut_end", process=0, phase=findings.phase))

    @property
    def _caches(self) -> bool:
        """Whether the cache that was asked for fitted."""
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

    def _take_turns(self, variants: tuple[p.Variant, ...], budget_s: float) -> None:
        findings = self._found.findings
        wanted = findings.requested.measure.rounds
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
        self._take_turns(tuple(chosen), self._left())

    def _compare_pixels(self, reference: DataConfig, variants: Sequence[p.Variant]) -> None:
        """How far images lie apart where only their decoding differs."""
        chosen = [one for one in variants if one.data and pipeline_variants.changes_pixels_alone(one.data, reference)]
        if chosen:
            command = p.ComparePixels(reference=reference, variants=tuple(chosen))
            self._found.pixels.update(self._ask(command, p.PixelsCompared).mean_absolute)

    def _tell_changed_pixels(self, config: Config) -> None:
        """Say by how much the options that are on change pixels."""
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


def _record(found: _Found, outcome: Outcome, created: str, given: tuple[str, ...], wall_s: float) -> Record:
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


def _verdict(judged: Verdict) -> Verdict:
    """The verdict, with the words for a command that has one process by design."""
    one = Notice.make("one_worker")
    return replace(judged, reasons=tuple(one if why.kind == "few_processes" else why for why in judged.reasons))


def pipeline_result(found: _Found) -> PipelineResult | None:
    """What the rounds and epochs come to; None where nothing was measured."""
    if not found.stages and found.epochs is None:
        return None
    machine = found.findings.machine
    cores = usable_cpus(machine.cpus, machine.cpu_quota) if machine is not None else None
    stages = pipeline_rates.stage_rates(found.stages, _bytes_per_image(found.findings))
    slowest = pipeline_rates.bottleneck(stages)
    whole = list(found.stages.values())[-1] if found.stages else []
    busy, advice = pipeline_rates.next_step(stages, cores or 1, pipeline_rates.taken_by_others(whole))
    trend = _memory(found)
    notices = [*(found.epochs.notices if found.epochs is not None else ()), *advice]
    if trend is not None:
        notices += pipeline_rates.memory_notices(trend)
    return PipelineResult(
        stages=stages,
        epochs=found.epochs.epochs if found.epochs is not None else (),
        bottleneck=slowest.stage if slowest is not None else None,
        ablation=_ablation(found),
        memory=trend,
        cores=cores,
        cores_busy=busy,
        notices=tuple(notices),
    )


def _bytes_per_image(findings: Findings) -> float | None:
    """Encoded bytes of an image on average: counted, else from the sample that facts are taken from."""
    data = findings.data
    if data is None:
        return None
    if data.bytes is not None and data.images:
        return data.bytes / data.images
    if data.mean_pixels is None or data.mean_bytes_per_pixel is None:
        return None
    return data.mean_pixels * data.mean_bytes_per_pixel


def _memory(found: _Found) -> MemoryTrend | None:
    """The trend from the second epoch on; within the first, from when the shuffle buffer must have been full."""
    if found.epochs is None or not found.epochs.memory:
        return None
    whole = [epoch for epoch in found.epochs.epochs if epoch.until != "read"]
    config = found.findings.resolved
    settled_images = whole[0].images
    if len(whole) == 1 and config is not None:
        settled_images = min(settled_images, 2 * resolved_value(config.data.shuffle_buffer_size))
    return pipeline_rates.memory_trend(found.epochs.memory, settled_images)


def _ablation(found: _Found) -> tuple[AblationRate, ...]:
    full = found.variants.get(pipeline_variants.FULL, [])
    rows = []
    for one in found.ablations:
        rounds = found.variants.get(one.name, [])
        if full and rounds:
            row = pipeline_rates.ablation_rate(one.name, one.change, full, rounds)
            rows.append(replace(row, pixel_difference=found.pixels.get(one.name)))
        else:
            rows.append(AblationRate(name=one.name, change=one.change, why=one.why or "the time was up"))
    return tuple(rows)
