"""Results of `bottleneck`, `ab`, `noise` and `tune` for the tests of reports, as the commands would save them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from resnet_bench.analysis.ab import summarize_pairs
from resnet_bench.analysis.bottleneck import analyse
from resnet_bench.analysis.compare import config_differences
from resnet_bench.config import Config
from resnet_bench.config.options import with_values
from resnet_bench.records.ab import AbRecord, AbResult, PairSamples, SideFacts
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.bottleneck import BottleneckRecord, BottleneckSamples
from resnet_bench.records.evaluation import ClassScore, EvaluationRecord, ModelScore, ScoreDifference
from resnet_bench.records.read import Result
from resnet_bench.records.record import Record
from resnet_bench.records.run import DataFacts, Outcome, Round
from resnet_bench.records.tuning import Candidate, Contribution, TuningRecord
from tests.support import report_records as made

IMAGES, STEPS = 32, 2
CREATED = "2026-11-20T03:04:05+00:00"


def rounds(*images_per_s: float) -> tuple[Round, ...]:
    return tuple(Round(steps=STEPS, images=IMAGES, wall_s=IMAGES / rate, dispatch_s=None) for rate in images_per_s)


def bottleneck_of(
    record: Record, model: float = 80.0, pipeline: float = 40.0, created_at: str = CREATED, spread: float = 0.0
) -> BottleneckRecord:
    """What `bottleneck` says of the record's configuration, from three repetitions; by `spread` they disagree about
    the pipeline."""
    repetitions = tuple(
        BottleneckSamples(
            end_to_end=rounds(*[25.0 * drift] * 4),
            model=rounds(*[model * drift] * 4),
            pipeline=rounds(*[pipeline * drift * (1 + apart * spread)] * 4),
        )
        for drift, apart in ((1.0, 0), (1.02, 1), (0.98, -1))
    )
    return BottleneckRecord(
        id=f"{1:032x}",
        created_at=created_at,
        tool_version="0.1.0",
        outcome=Outcome(kind="ok"),
        config=record.config,
        machine=record.machine,
        environment=record.environment,
        model=record.model,
        data=record.data,
        repetitions=repetitions,
        analysis=analyse(repetitions, "shared cores", 2),
        warnings=(Notice(kind="threads_exceed_cpus", facts={"threads": 4, "cpus": 2}),),
        wall_s=61.0,
    )


def ab_result(*pairs: float, labels: tuple[str, str] = ("", "--xla")) -> AbResult:
    """Pairs of processes whose ratios are these."""
    samples = [PairSamples(a=rounds(40.0, 40.0), b=rounds(40.0 * each, 40.0 * each)) for each in pairs]
    return summarize_pairs(*labels, samples, [])


def ab_record(
    *pairs: float, kind: Literal["ab", "noise"] = "ab", label: str = "--xla", outcome: Outcome | None = None
) -> AbRecord:
    """An A/B of the defaults with another configuration; without pairs, one that failed."""
    one, two = Config(), with_values(Config(), {"xla": kind == "ab"})
    labels = ("", label) if kind == "ab" else (label, label)
    found = ab_result(*pairs, labels=labels) if pairs else None
    sides = [
        SideFacts(label=name, requested=config, machine=made.MACHINE, environment=made.environment())
        for name, config in zip(labels, (one, two), strict=True)
    ]
    return AbRecord(
        kind=kind,
        id=f"{len(pairs):032x}",
        created_at=CREATED,
        tool_version="0.1.0",
        outcome=outcome or Outcome(kind="ok"),
        a=sides[0],
        b=sides[1],
        options=config_differences(one, two, "option"),
        result=found,
        wall_s=30.0,
    )


def tuning() -> TuningRecord:
    """A search with a winner, a switch that could not be measured, and a challenger that failed."""
    best = with_values(Config(), {"onednn": "on", "mode": "infer"})
    defaults = with_values(Config(), {"onednn": "off", "batch_norm": "keras", "mode": "infer"})
    gain = ab_result(1.5, 1.52, 1.48)
    failed = Outcome(kind="out_of_memory", message="--batch-size 64 does not fit.")
    return TuningRecord(
        id=f"{7:032x}",
        created_at=CREATED,
        tool_version="0.1.0",
        outcome=Outcome(kind="ok"),
        given={"mode": "infer"},
        machine=made.MACHINE,
        environment=made.environment(),
        space={"onednn": ("on", "off"), "batch_norm": ("fused", "keras")},
        defaults=defaults,
        best=best,
        recommended="best",
        settings={"mode": "infer", "onednn": "on"},
        candidates=(
            Candidate(changes={"onednn": "on"}, instead_of={"onednn": "off"}, status="won", ratio=gain.ratio),
            Candidate(changes={"batch_size": 64}, instead_of={"batch_size": 16}, status="failed", outcome=failed),
        ),
        gain=gain,
        contributions=(
            Contribution(option="onednn", value="on", without="off", result=gain, ratio=gain.ratio, confidence=0.975),
            Contribution(option="batch_norm", value="fused", without="keras", outcome=failed),
        ),
        wall_s=600.0,
    )


def evaluation() -> EvaluationRecord:
    """Two networks on 40 images of two classes; the second is faster and no more accurate."""
    models = tuple(_model_score(*each) for each in (("a.keras", 0.9, 100.0), ("b.keras", 0.85, 120.0)))
    return EvaluationRecord(
        id=f"{9:032x}",
        created_at=CREATED,
        tool_version="0.1.0",
        config=Config(),
        machine=made.MACHINE,
        environment=made.environment(),
        data=DataFacts(source="digits", images=40),
        part="test",
        models=models,
        difference=ScoreDifference(
            accuracy=Estimate(value=-0.05, low=-0.15, high=0.05),
            only_first=4,
            only_second=2,
            p_value=0.69,
            speed=Estimate(value=1.2, low=1.1, high=1.3),
        ),
    )


def _model_score(path: str, accuracy: float, images_per_s: float) -> ModelScore:
    return ModelScore(
        path=path,
        images=40,
        loss=0.5,
        accuracy=Estimate(value=accuracy, low=accuracy - 0.1, high=min(1.0, accuracy + 0.1)),
        top5=None,
        classes=tuple(ClassScore(name=name, images=20, precision=accuracy, recall=accuracy) for name in ("cat", "dog")),
        confusion=((18, 2), (2, 18)),
        images_per_s=images_per_s,
    )


def save(folder: Path, *results: Result) -> list[Path]:
    """Write them as their commands do."""
    return [result.save(folder) for result in results]
