"""The roofline: arithmetic and least traffic of layers, the bounds by measured peaks, and the possible gains."""

from __future__ import annotations

from typing import Any

import pytest

from resnet_bench.analysis import roofline
from resnet_bench.records.profile import ProfileSummary
from resnet_bench.records.roofline import LayerGroup, Roofline, RooflineGroup
from resnet_bench.worker.handlers.peaks import precisions
from tests.support import report_records as made


def layer(kind: Any, **counts: int) -> LayerGroup:
    return LayerGroup(
        stage="conv2", kind=kind, layers=1, **{"macs": 0, "inputs": 0, "outputs": 0, "weights": 0, **counts}
    )


def counted(kind: str, *, training: bool, dtype: str = "float32", **counts: int) -> RooflineGroup:
    return roofline.count(
        [layer(kind, **counts)], batch=2, training=training, dtype=dtype, parameters=10, optimizer=None
    )[0]


def test_a_convolution_reads_its_input_and_weights_and_writes_its_output() -> None:
    found = counted("convolution 3x3", training=False, macs=100, inputs=7, outputs=5, weights=3)
    assert (found.flops, found.bytes) == (2 * 100 * 2, 4 * (2 * 7 + 2 * 5 + 3))


def test_training_does_it_three_times() -> None:
    once = counted("convolution 1x1", training=False, macs=100, inputs=7, outputs=5, weights=3)
    thrice = counted("convolution 1x1", training=True, macs=100, inputs=7, outputs=5, weights=3)
    assert (thrice.flops, thrice.bytes) == (3 * once.flops, 3 * once.bytes)


def test_sixteen_bits_halve_the_traffic_and_not_the_arithmetic() -> None:
    wide = counted("convolution 1x1", training=True, macs=9, inputs=7, outputs=5, weights=3)
    half = counted("convolution 1x1", training=True, dtype="bfloat16", macs=9, inputs=7, outputs=5, weights=3)
    assert (half.flops, half.bytes) == (wide.flops, wide.bytes / 2)


@pytest.mark.parametrize(("training", "tensors"), [(False, 0), (True, 5)])
def test_batch_norm_costs_traffic_only_where_it_needs_statistics(training: bool, tensors: int) -> None:
    assert counted("norm", training=training, inputs=6, outputs=6).bytes == 4 * 2 * 6 * tensors


def test_the_optimizer_reads_and_writes_every_parameter() -> None:
    groups = roofline.count([], batch=1, training=True, dtype="bfloat16", parameters=10, optimizer="adam")
    assert [(group.name, group.bytes) for group in groups] == [("optimizer", 4 * 7 * 10)]


def test_stages_add_up_to_their_kinds() -> None:
    groups = roofline.count(made.layers(), batch=4, training=True, dtype="float32", parameters=0, optimizer=None)
    staged = [group for group in groups if group.stage is not None]
    whole = [group for group in groups if group.stage is None]
    assert {group.name for group in whole} == {roofline.CONVOLUTIONS, roofline.NORMS, roofline.REST}
    assert sum(group.flops for group in staged) == sum(group.flops for group in whole)
    assert sum(group.bytes for group in staged) == sum(group.bytes for group in whole)


@pytest.mark.parametrize(("flops", "traffic", "limit"), [(100, 10, 10.0), (10, 100, 20.0), (0, 50, 10.0), (0, 0, 0.0)])
def test_the_slower_roof_limits(flops: float, traffic: float, limit: float) -> None:
    assert roofline.limit_s(flops, traffic, 10.0, 5.0) == pytest.approx(limit)


def test_a_missing_roof_leaves_the_limit_unknown() -> None:
    assert roofline.limit_s(100, 10, None, 5.0) is None
    assert roofline.limit_s(100, 10, 10.0, None) is None
    assert roofline.limit_s(0, 10, None, 5.0) == 2.0


def test_utilisation_is_of_the_largest_matrix_product_of_the_runs_own_dtype() -> None:
    found = made.limits(0.5)
    flops = sum(2 * each.macs for each in made.layers()) * 16 * 3
    assert found.mfu == pytest.approx(flops / 0.5 / 610e9)
    assert found.peak_flops_per_s == {"matmul float32": 610e9, "matmul bfloat16": 900e9, "convolution float32": 540e9}


def test_without_a_roof_there_is_no_utilisation() -> None:
    found = roofline.build((), matmul=(), convolution=(), bandwidth=None, dtype="float32", step_s=1.0)
    assert (found.mfu, found.peak_bytes_per_s) == (None, None)


def test_without_a_profile_no_group_has_a_time_and_no_gain_is_named() -> None:
    found = made.limits(0.5)
    assert all(group.seconds is None and group.gain_s is None for group in found.groups)
    assert roofline.gains(found) == ()


@pytest.fixture
def profiled() -> Roofline:
    shares = ProfileSummary(steps=3, step_s=0.5, host_s=0.4, convolution_share=0.5, batch_norm_share=0.25)
    return made.limits(1.0, shares)


def test_a_profiles_shares_are_of_the_time_that_operations_ran(profiled: Roofline) -> None:
    seconds = {group.name: group.seconds for group in profiled.groups if group.seconds is not None}
    assert seconds == pytest.approx({roofline.CONVOLUTIONS: 0.4, roofline.NORMS: 0.2})


def test_the_largest_gain_comes_first_and_nothing_of_the_step_is_lost(profiled: Roofline) -> None:
    found = roofline.gains(profiled)
    assert [group.gain_s for group in found] == sorted((group.gain_s for group in found if group.gain_s), reverse=True)
    assert sum(group.seconds for group in found if group.seconds) == pytest.approx(1.0)


def test_a_profile_without_a_split_gives_no_times() -> None:
    assert roofline.gains(made.limits(1.0, ProfileSummary(steps=3, convolution_share=0.5))) == ()


def test_peaks_are_measured_in_float32_bfloat16_and_the_runs_own_precision() -> None:
    config = made.make(precision="mixed_float16").config.requested
    assert precisions(config, on_gpu=False) == ("float32", "bfloat16", "float16")
    assert precisions(made.make().config.requested, on_gpu=True) == ("float32", "bfloat16", "float16")
    assert precisions(made.make(precision="tf32").config.requested, on_gpu=False) == ("float32", "bfloat16")
