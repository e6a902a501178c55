"""What three speeds mean: bound, efficiency, stall, utilisation, verdict and cores. Speeds are made up."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.analysis.bottleneck import BORDER, analyse, answer, bound, cores_of, efficiency
from resnet_bench.config import Config
from resnet_bench.records.bottleneck import BottleneckRecord, BottleneckSamples, Sharing
from resnet_bench.records.record import Configuration
from resnet_bench.records.run import Interference, Outcome, Round

IMAGES, STEPS = 160, 10
SHARINGS: tuple[Sharing, ...] = ("own device", "shared cores")
speeds = st.floats(0.1, 1e5)
sharings = st.sampled_from(SHARINGS)
timeless = settings(deadline=None)


def rounds(*images_per_s: float, cpu_s_per_image: float | None = 0.001) -> tuple[Round, ...]:
    used = None if cpu_s_per_image is None else cpu_s_per_image * IMAGES
    return tuple(
        Round(steps=STEPS, images=IMAGES, wall_s=IMAGES / speed, dispatch_s=None, interference=Interference(cpu_s=used))
        for speed in images_per_s
    )


def repetition(
    whole: float, model: float, pipeline: float, turns: int = 4, interleaved: bool = True
) -> BottleneckSamples:
    return BottleneckSamples(
        end_to_end=rounds(*[whole] * turns),
        model=rounds(*[model] * turns),
        pipeline=rounds(*[pipeline] * turns),
        interleaved=interleaved,
    )


@timeless
@given(speeds, speeds)
def test_together_they_are_no_faster_than_the_slower_and_no_slower_than_half_of_it(a: float, b: float) -> None:
    assert bound(a, b, "own device") == min(a, b)
    shared = bound(a, b, "shared cores")
    assert min(a, b) / 2 * (1 - 1e-9) <= shared < min(a, b)
    assert shared == pytest.approx(bound(b, a, "shared cores"))


@timeless
@given(speeds, speeds, speeds)
def test_a_faster_part_never_lowers_what_is_possible(model: float, pipeline: float, more: float) -> None:
    for sharing in SHARINGS:
        assert bound(model + more, pipeline, sharing) >= bound(model, pipeline, sharing) * (1 - 1e-12)
        assert bound(model, pipeline + more, sharing) >= bound(model, pipeline, sharing) * (1 - 1e-12)


@timeless
@given(speeds, speeds, sharings, st.floats(0.05, 1.5))
def test_efficiency_is_end_to_end_over_the_bound(m: float, p: float, sharing: Sharing, share: float) -> None:
    one = repetition(share * bound(m, p, sharing), m, p)
    assert efficiency([one], sharing).value == pytest.approx(share)
    assert efficiency([one, one, one], sharing).low == pytest.approx(share)


def test_a_drift_that_affects_all_alike_changes_nothing_when_interleaved() -> None:
    drift = [1.0, 0.7, 1.3, 0.5]
    drifting = BottleneckSamples(
        end_to_end=rounds(*[80 * each for each in drift]),
        model=rounds(*[100 * each for each in drift]),
        pipeline=rounds(*[400 * each for each in drift]),
    )
    assert efficiency([drifting], "shared cores").value == pytest.approx(1.0)
    assert drifting.each(lambda whole, model, _: whole / model) == pytest.approx([0.8] * 4)


def test_whole_processes_count_by_their_totals() -> None:
    uneven = BottleneckSamples(
        end_to_end=rounds(100, 50), model=rounds(100), pipeline=rounds(100, 100, 100), interleaved=False
    )
    assert uneven.rates[0] == pytest.approx(2 / (1 / 100 + 1 / 50))
    assert uneven.median(lambda whole, model, _: whole / model) == pytest.approx(uneven.rates[0] / 100)


@timeless
@given(speeds, st.floats(0.01, 1.2))
def test_stall_and_utilisation_are_the_two_parts_of_a_step(model: float, share: float) -> None:
    found = analyse([repetition(share * model, model, 2 * model)], "own device", 8)
    assert found.utilisation is not None
    assert found.utilisation.value == pytest.approx(share)
    assert found.stall_share.value == pytest.approx(1 - share)
    assert found.step_s == pytest.approx(IMAGES / STEPS / (share * model))
    assert found.stall_s == pytest.approx(found.step_s - IMAGES / STEPS / model, abs=1e-9 + found.step_s * 1e-9)


@pytest.mark.parametrize(("share", "passes"), [(0.95, True), (0.91, True), (0.89, False), (0.5, False)])
def test_utilisation_passes_at_ninety_percent_as_mlperf_storage_asks(share: float, passes: bool) -> None:
    assert analyse([repetition(share * 100, 100, 300)], "own device", 8).utilisation_passes is passes


def test_a_cpu_is_no_accelerator() -> None:
    found = analyse([repetition(50, 100, 100)], "shared cores", 2)
    assert (found.utilisation, found.utilisation_passes) == (None, None)
    assert found.efficiency.value == pytest.approx(1.0)
    assert found.stall_share.value == pytest.approx(0.5)


@timeless
@given(speeds, st.floats(0.01, 100), st.integers(1, 5), sharings)
def test_the_answer_compares_model_and_pipeline(model: float, times: float, count: int, sharing: Sharing) -> None:
    expected = "input-bound" if times < 1 / BORDER else "compute-bound" if times > BORDER else "balanced"
    if min(abs(times - BORDER), abs(times - 1 / BORDER)) < 1e-6:
        return
    repetitions = [repetition(1.0, model, times * model)] * count
    assert answer(repetitions) == expected
    assert analyse(repetitions, sharing, 2).answer == expected


@timeless
@given(speeds, st.floats(0.01, 100))
def test_exchanging_model_and_pipeline_exchanges_the_answers(model: float, times: float) -> None:
    mirrored = {"input-bound": "compute-bound", "compute-bound": "input-bound"}
    one = answer([repetition(1.0, model, times * model)] * 2)
    other = answer([repetition(1.0, times * model, model)] * 2)
    if abs(times - BORDER) > 1e-6 and abs(times - 1 / BORDER) > 1e-6:
        assert other == mirrored.get(one, one)


@pytest.mark.parametrize("border", [BORDER, 1 / BORDER])
def test_an_interval_across_a_border_cannot_tell(border: float) -> None:
    around = [repetition(1.0, 100, 100 * border * factor) for factor in (0.97, 1.0, 1.03)]
    assert answer(around) == "inconclusive"
    narrow = [repetition(1.0, 100, 100 * border * 1.1 * factor) for factor in (0.999, 1.0, 1.001)]
    assert answer(narrow) != "inconclusive"


def test_an_interval_wider_than_the_balance_cannot_tell() -> None:
    assert answer([repetition(1.0, 100, 100 * factor) for factor in (0.5, 1.0, 2.0)]) == "inconclusive"


def test_one_repetition_answers_where_all_its_turns_agree() -> None:
    turns = BottleneckSamples(
        end_to_end=rounds(*[1.0] * 4), model=rounds(*[100.0] * 4), pipeline=rounds(150, 130, 140, 120)
    )
    assert answer([turns]) == "compute-bound"
    mixed = BottleneckSamples(
        end_to_end=rounds(*[1.0] * 4), model=rounds(*[100.0] * 4), pipeline=rounds(150, 130, 140, 105)
    )
    assert answer([mixed]) == "inconclusive"


@pytest.mark.parametrize(("turns", "interleaved"), [(3, True), (8, False)])
def test_one_repetition_of_few_turns_or_whole_processes_cannot_tell(turns: int, interleaved: bool) -> None:
    assert answer([repetition(1.0, 100, 1000, turns, interleaved)]) == "inconclusive"


@timeless
@given(st.floats(1, 1e4), st.floats(1e-6, 0.1), st.integers(1, 256), sharings)
def test_cores_to_feed_make_as_many_images_as_the_model_takes(
    model: float, cpu_s: float, usable: int, sharing: Sharing
) -> None:
    one = BottleneckSamples(
        end_to_end=rounds(model), model=rounds(model), pipeline=rounds(model, cpu_s_per_image=cpu_s), interleaved=True
    )
    cores = cores_of([one], sharing, usable)
    assert cores is not None
    assert cores.to_feed >= 1
    assert cores.to_feed / cpu_s >= model * (1 - 1e-6)
    assert cores.to_feed == 1 or (cores.to_feed - 1) / cpu_s < model * (1 + 1e-6)
    assert cores.busy == pytest.approx(model * cpu_s)
    assert cores.more == (max(0, cores.to_feed - usable) if sharing == "own device" else cores.to_feed)


def test_without_processor_time_nothing_is_said_of_cores() -> None:
    blind = BottleneckSamples(end_to_end=rounds(1), model=rounds(1), pipeline=rounds(1, cpu_s_per_image=None))
    assert cores_of([blind], "own device", 4) is None
    assert analyse([repetition(1, 2, 3)], "own device", None).cores is None


def test_speeds_that_are_not_reached_are_noted() -> None:
    kinds = {each.kind for each in analyse([repetition(70, 100, 100)], "own device", 8).notices}
    assert "ceilings_not_reached" in kinds
    assert analyse([repetition(95, 100, 400)], "own device", 8).notices == ()


def test_a_bound_that_is_exceeded_was_none() -> None:
    assert [each.kind for each in analyse([repetition(80, 100, 100)], "shared cores", 2).notices] == ["bound_exceeded"]
    assert analyse([repetition(54, 100, 100)], "shared cores", 2).notices == ()


def test_a_pipeline_that_waits_while_cores_are_free_is_remarked_on() -> None:
    # 0.001 s of a core per image, 50 images/s: 0.05 of 8 cores busy, and one core would feed the model
    found = analyse([repetition(49, 100, 50)] * 2, "own device", 8)
    assert [each.kind for each in found.notices] == ["pipeline_leaves_cores"]
    assert found.cores is not None
    assert (found.cores.to_feed, found.cores.more) == (1, 0)


def test_the_result_is_saved_whole_beside_the_records(tmp_path: Path) -> None:
    repetitions = (repetition(50, 100, 100),)
    result = BottleneckRecord(
        id="0123456789",
        created_at="2026-11-22T04:00:00+00:00",
        tool_version="0",
        outcome=Outcome(kind="ok"),
        config=Configuration(requested=Config()),
        repetitions=repetitions,
        analysis=analyse(repetitions, "shared cores", 2),
        wall_s=1.0,
    )
    path = result.save(tmp_path)
    assert path == tmp_path / "bottleneck" / "20261122T040000Z-bottleneck-01234567.json"
    saved = json.loads(path.read_text())
    assert saved == json.loads(result.to_json())
    assert math.isclose(saved["analysis"]["efficiency"]["value"], 1.0)
    assert len(saved["repetitions"][0]["model"]) == 4
