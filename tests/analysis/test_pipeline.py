"""From rounds to rates, costs, the bottleneck, the gain to expect, and whether memory grows."""

from __future__ import annotations

import random

import pytest

from resnet_bench.analysis import pipeline
from resnet_bench.records.pipeline import MemorySample
from resnet_bench.records.run import Interference, Round


def rounds(seconds_per_image: float, count: int = 6, cpu: float = 2.0, other: float = 0.0) -> list[Round]:
    """Rounds of 100 images in which the machine drifts by a tenth; `cpu` and `other` are cores."""
    found = []
    for number in range(count):
        wall_s = 100 * seconds_per_image * (1 + 0.1 * number / count)
        watched = Interference(cpu_s=cpu * wall_s, other_cpu_s=other * wall_s)
        found.append(Round(steps=1, images=100, wall_s=wall_s, dispatch_s=None, interference=watched))
    return found


STAGES = {"read": rounds(0.0001), "decode": rounds(0.0008), "prefetch": rounds(0.001)}


def test_each_stage_has_its_rate_traffic_cpu_and_cost() -> None:
    read, decode, whole = pipeline.stage_rates(STAGES, bytes_per_image=1000.0)
    assert decode.images_per_s.value == pytest.approx(1190, rel=0.01)
    assert decode.images_per_s.low is not None
    assert decode.images_per_s.low < decode.images_per_s.value
    assert decode.bytes_per_s == pytest.approx(decode.images_per_s.value * 1000)
    assert decode.cpu_s_per_image == pytest.approx(0.0016, rel=0.06)
    assert decode.cost_s == pytest.approx(0.0007, rel=0.06)
    assert [read.gain, whole.gain] == pytest.approx([10, 1])
    assert len(decode.rounds_images_per_s) == 6


def test_the_bottleneck_costs_most_and_its_gain_is_what_is_left_without_it() -> None:
    stages = pipeline.stage_rates(STAGES, None)
    slowest = pipeline.bottleneck(stages)
    assert slowest is not None
    assert slowest.stage == "decode"
    assert pipeline.gain_without(slowest, stages[-1]) == pytest.approx(1 / 0.3, rel=0.05)
    assert all(stage.bytes_per_s is None for stage in stages)


@pytest.mark.parametrize(
    ("cpu", "others", "kind", "room"),
    [
        (1.95, 0.0, "pipeline_cores_busy", None),
        (1.0, 0.0, "pipeline_cores_idle", 2.0),
        (1.0, 1.0, "pipeline_cores_busy", None),
        (1.0, 0.5, "pipeline_cores_idle", 1.5),
    ],
)
def test_the_next_step_depends_on_whether_cores_are_free(
    cpu: float, others: float, kind: str, room: float | None
) -> None:
    stages = pipeline.stage_rates({"read": rounds(0.0001), "decode": rounds(0.001, cpu=cpu)}, None)
    busy, (notice,) = pipeline.next_step(stages, 2, others)
    assert busy == pytest.approx(cpu, rel=0.01)
    assert (notice.kind, notice.facts["stage"]) == (kind, "decode")
    assert notice.facts.get("room") == (None if room is None else pytest.approx(room, rel=0.01))


def test_without_processor_time_only_the_bottleneck_is_told() -> None:
    bare = [Round(steps=1, images=100, wall_s=0.1, dispatch_s=None)] * 3
    busy, (notice,) = pipeline.next_step(pipeline.stage_rates({"read": bare}, None), 2)
    assert (busy, notice.kind) == (None, "pipeline_bottleneck")
    assert pipeline.taken_by_others(bare) == 0.0
    assert pipeline.taken_by_others(rounds(0.001, other=0.5)) == pytest.approx(0.5)


def test_nothing_measured_has_no_bottleneck() -> None:
    assert pipeline.stage_rates({}, None) == ()
    assert pipeline.next_step((), 2) == (None, ())


def test_a_ratio_is_taken_turn_by_turn_so_that_drift_cancels() -> None:
    row = pipeline.ablation_rate("prefetch", "--x", rounds(0.001), rounds(0.002))
    assert row.ratio is not None
    assert [row.ratio.value, row.ratio.low, row.ratio.high] == pytest.approx([0.5] * 3)


def samples(growth_per_image: float, count: int = 40) -> list[MemorySample]:
    """Half a GB that fills up over the first ten samples, then grows; scattered by 5 MB, with an outlier."""
    draw = random.Random(1)
    found = []
    for number in range(count):
        filling = min(number, 10) * 10_000_000
        size = 500_000_000 + filling + draw.uniform(-5e6, 5e6) + max(0, number - 10) * 1000 * growth_per_image
        found.append(MemorySample(images=1000 * (number + 1), resident_bytes=int(size) + (number == 20) * 200_000_000))
    return found


def test_memory_that_stays_after_filling_up_is_flat() -> None:
    trend = pipeline.memory_trend(samples(0), 11_000)
    assert trend.flat is True
    assert abs(trend.growth_bytes or 0) < 10_000_000
    assert pipeline.memory_notices(trend) == ()


def test_a_leak_of_a_few_kilobytes_per_image_is_noticed() -> None:
    trend = pipeline.memory_trend(samples(5000), 11_000)
    assert trend.flat is False
    assert trend.growth_bytes == pytest.approx(5000 * 29_000, rel=0.1)
    (notice,) = pipeline.memory_notices(trend)
    assert notice.facts == {"growth_bytes": trend.growth_bytes, "images": 29_000}


def test_few_samples_tell_nothing_of_growth() -> None:
    trend = pipeline.memory_trend(samples(5000, count=6), 1000)
    assert (trend.flat, trend.growth_bytes) == (None, None)
    assert pipeline.memory_notices(trend) == ()
