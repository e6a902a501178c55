"""The result of `data bench`, from the rounds and epochs that its worker ran. Pure.

Neighbours: `data_bench.py` fills `PipelineFindings`, `analysis/pipeline.py` has the statistics.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from msgspec.structs import replace

from resnet_bench.analysis import pipeline as pipeline_rates
from resnet_bench.config import resolved_value
from resnet_bench.experiments import pipeline_variants
from resnet_bench.experiments.findings import Findings
from resnet_bench.records.pipeline import AblationRate, MemoryTrend, PipelineResult
from resnet_bench.records.run import Round
from resnet_bench.runtime.resolve import usable_cpus
from resnet_bench.worker import protocol as p


@dataclass
class PipelineFindings:
    """All that is known so far; a record can be made of it at any moment."""

    findings: Findings
    epochs: p.EpochsRun | None = None
    stages: dict[str, list[Round]] = field(default_factory=lambda: defaultdict(list))
    variants: dict[str, list[Round]] = field(default_factory=lambda: defaultdict(list))
    ablations: tuple[pipeline_variants.Ablation, ...] = ()
    pixels: dict[str, float] = field(default_factory=dict)


def pipeline_result(found: PipelineFindings) -> PipelineResult | None:
    """The result of the rounds and epochs; None where nothing was measured."""
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


def _memory(found: PipelineFindings) -> MemoryTrend | None:
    """The trend from the second epoch on; within the first, from when the shuffle buffer must have been full."""
    if found.epochs is None or not found.epochs.memory:
        return None
    whole = [epoch for epoch in found.epochs.epochs if epoch.until != "read"]
    config = found.findings.resolved
    settled_images = whole[0].images
    if len(whole) == 1 and config is not None:
        settled_images = min(settled_images, 2 * resolved_value(config.data.shuffle_buffer_size))
    return pipeline_rates.memory_trend(found.epochs.memory, settled_images)


def _ablation(found: PipelineFindings) -> tuple[AblationRate, ...]:
    full = found.variants.get(pipeline_variants.FULL, [])
    rows = []
    for one in found.ablations:
        rounds = found.variants.get(one.name, [])
        if full and rounds:
            row = pipeline_rates.ablation_rate(one.name, one.change, full, rounds)
            rows.append(replace(row, pixel_difference=found.pixels.get(one.name)))
        else:
            rows.append(AblationRate(name=one.name, change=one.change, why=one.why or "the time budget ended"))
    return tuple(rows)
