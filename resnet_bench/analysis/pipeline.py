"""From interleaved rounds of pipelines to rates, costs, the bottleneck and recommendations. Pure.

All ratios are taken round by round, between pipelines of the same round. Neighbours: `experiments/data_bench.py`
gets the rounds from a worker, `records/pipeline.py` has the types.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from resnet_bench.analysis.ratio import paired
from resnet_bench.config.fields import Value
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.pipeline import AblationRate, MemorySample, MemoryTrend, StageRate
from resnet_bench.records.run import Round

CORES_BUSY_SHARE = 0.9
"""Of the usable cores: from here on the processor is what limits."""
MIN_TREND_SAMPLES = 8
GROWTH_SHARE, GROWTH_BYTES = 0.05, 32 * 1024**2
"""Memory counts as growing beyond both: a share of what is resident, and more than allocators vary."""


def rates(rounds: Sequence[Round]) -> tuple[float, ...]:
    """Images per second of each round."""
    return tuple(one.images / one.wall_s for one in rounds)


def cpu_s_per_image(rounds: Sequence[Round]) -> float | None:
    """The process' processor time over all rounds, per image; None where it is unknown."""
    known = [one for one in rounds if one.interference.cpu_s is not None]
    images = sum(one.images for one in known)
    return sum(one.interference.cpu_s or 0.0 for one in known) / images if images else None


def estimate(values: Sequence[float]) -> Estimate:
    """The geometric mean with its interval over rounds (Student's t on logarithms). The rounds of one process:
    another process may differ by more."""
    return paired(values).estimate()


def stage_rates(rounds: Mapping[str, Sequence[Round]], bytes_per_image: float | None) -> tuple[StageRate, ...]:
    """Each stage in the order given; the last one is the whole pipeline."""
    found: list[StageRate] = []
    by_stage = {stage: rates(series) for stage, series in rounds.items() if series}
    if not by_stage:
        return ()
    whole = by_stage[list(by_stage)[-1]]
    before: tuple[float, ...] | None = None
    for stage, speed in by_stage.items():
        costs = [
            1 / now - (1 / then if then else 0.0)
            for now, then in zip(speed, before or itertools.repeat(0.0), strict=False)
        ]
        value = estimate(speed)
        found.append(
            StageRate(
                stage=stage,
                images_per_s=value,
                bytes_per_s=value.value * bytes_per_image if bytes_per_image is not None else None,
                cpu_s_per_image=cpu_s_per_image(rounds[stage]),
                gain=statistics.median(now / last for now, last in zip(speed, whole, strict=False)),
                cost_s=statistics.median(costs),
                rounds_images_per_s=speed,
            )
        )
        before = speed
    return tuple(found)


def bottleneck(stages: Sequence[StageRate]) -> StageRate | None:
    """The stage that adds most to the time per image."""
    known = [stage for stage in stages if stage.cost_s is not None]
    return max(known, key=lambda stage: stage.cost_s or 0.0, default=None)


def gain_without(stage: StageRate, whole: StageRate) -> float | None:
    """The factor that the whole pipeline would gain if this stage cost nothing; None where that is no number."""
    total_s = 1 / whole.images_per_s.value
    rest_s = total_s - (stage.cost_s or 0.0)
    return total_s / rest_s if rest_s > 0 else None


def taken_by_others(rounds: Sequence[Round]) -> float:
    """Cores that other programs took while the rounds lasted; 0 where that is unknown."""
    known = [one for one in rounds if one.interference.other_cpu_s is not None]
    wall_s = sum(one.wall_s for one in known)
    return max(0.0, sum(one.interference.other_cpu_s or 0.0 for one in known) / wall_s) if wall_s else 0.0


def next_step(stages: Sequence[StageRate], cores: int, others: float = 0.0) -> tuple[float | None, tuple[Notice, ...]]:
    """(cores' worth of processor time that the whole pipeline takes, what to try and the gain to expect).

    others: cores that other programs took, which the pipeline could not have.
    """
    slowest = bottleneck(stages)
    if slowest is None:
        return None, ()
    whole = stages[-1]
    busy = whole.cpu_s_per_image * whole.images_per_s.value if whole.cpu_s_per_image is not None else None
    facts: dict[str, Value] = {
        "stage": slowest.stage,
        "share": min(1.0, (slowest.cost_s or 0.0) * whole.images_per_s.value),
        "gain": gain_without(slowest, whole),
        "cores": cores,
        "busy": busy,
        "others": others,
    }
    if busy is None or busy <= 0:
        return busy, (Notice.make("pipeline_bottleneck", **facts),)
    free = max(cores - others, busy)
    if busy >= CORES_BUSY_SHARE * free:
        return busy, (Notice.make("pipeline_cores_busy", **facts, one_more=(cores + 1) / cores),)
    return busy, (Notice.make("pipeline_cores_idle", **facts, room=free / busy),)


def ablation_rate(name: str, change: str, full: Sequence[Round], variant: Sequence[Round]) -> AblationRate:
    """The effect of one option: the variant's speed over the full pipeline's of the same round."""
    speed = rates(variant)
    pairs = [there / here for there, here in zip(speed, rates(full), strict=False)]
    return AblationRate(
        name=name,
        change=change,
        images_per_s=estimate(speed),
        ratio=estimate(pairs),
        cpu_s_per_image=cpu_s_per_image(variant),
        rounds_images_per_s=speed,
    )


def memory_trend(samples: Sequence[MemorySample], settled_images: int) -> MemoryTrend:
    """Whether memory grew from `settled_images` on: Theil-Sen's slope (the median over all pairs of samples; P. K.
    Sen, 1968), times the images between first and last."""
    later = [one for one in samples if one.images >= settled_images]
    trend = MemoryTrend(samples=tuple(samples), settled_images=settled_images)
    if len(later) < MIN_TREND_SAMPLES:
        return trend
    thin = later[:: max(1, len(later) // 200)]
    slopes = [
        (two.resident_bytes - one.resident_bytes) / (two.images - one.images)
        for one, two in itertools.combinations(thin, 2)
        if two.images > one.images
    ]
    growth = round(statistics.median(slopes) * (later[-1].images - later[0].images)) if slopes else 0
    resident = statistics.median(one.resident_bytes for one in later)
    return replace(trend, growth_bytes=growth, flat=growth <= max(GROWTH_BYTES, GROWTH_SHARE * resident))


def memory_notices(trend: MemoryTrend) -> tuple[Notice, ...]:
    """A notice where memory grew."""
    if trend.flat is not False:
        return ()
    facts: dict[str, Value] = {
        "growth_bytes": trend.growth_bytes,
        "images": trend.samples[-1].images - trend.settled_images,
    }
    return (Notice.make("memory_grows", **facts),)
