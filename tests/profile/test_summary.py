"""What a trace is summed up to: made-up traces whose numbers are known, without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.errors import BenchError
from resnet_bench.profile import operations, summary, xprof
from resnet_bench.profile.operations import Operation
from tests.support.made_up_trace import Trace, of_two_steps

US = 1e-6


def test_a_step_is_split_into_operations_input_and_idling(tmp_path: Path) -> None:
    found = summary.summarize(of_two_steps().save(tmp_path))
    assert found.step_s == pytest.approx(1000 * US)
    assert found.host_s == pytest.approx(600 * US)
    assert found.input_s == pytest.approx(100 * US)
    assert found.idle_s == pytest.approx(300 * US)
    assert found.device_s is None
    assert (found.source, found.notices) == ("xplane", ())


def test_operations_have_their_self_time_and_the_pipeline_its_own_table(tmp_path: Path) -> None:
    found = summary.summarize(of_two_steps().save(tmp_path))
    times = {each.kind: each for each in found.operations}
    assert [each.kind for each in found.operations[:2]] == ["Conv2D", "FusedBatchNormV3"]
    assert times["Conv2D"].self_s == pytest.approx(800 * US)
    assert (times["Conv2D"].occurrences, times["Conv2D"].name) == (2, "net/conv1_conv_1/convolution")
    assert times["PartitionedCall"].self_s == pytest.approx(2 * 50 * US)
    assert sum(each.share for each in found.operations if each.place == "step") == pytest.approx(1)
    assert {each.kind for each in found.operations if each.place == "input"} == {"DecodeJpeg", "ResizeBilinear"}
    assert times["DecodeJpeg"].share == pytest.approx(900 / 940)


def test_shares_are_of_the_steps_own_operations(tmp_path: Path) -> None:
    found = summary.summarize(of_two_steps().save(tmp_path))
    assert found.convolution_share == pytest.approx(400 / 600)
    assert found.batch_norm_share == pytest.approx((100 + 40) / 600)  # Its arithmetic is told by its layer's name.
    assert found.layout_share == pytest.approx(10 / 600)
    assert found.copy_share == 0
    assert found.compute_16bit_share == 1
    assert found.peak_bytes == 5001


def test_what_was_not_observed_is_unknown(tmp_path: Path) -> None:
    trace = Trace()
    trace.line("/host:CPU", "python3")("EagerExecute", 0, 10)
    found = summary.summarize(trace.save(tmp_path))
    assert found.operations == ()
    unknown = (found.step_s, found.idle_s, found.convolution_share, found.compute_16bit_share, found.peak_bytes)
    assert unknown == (None,) * 5
    assert [notice.kind for notice in found.notices] == ["profile_without_steps"]


def test_xlas_instructions_last_until_their_end_and_leave_batch_norm_unknown(tmp_path: Path) -> None:
    trace = Trace()
    python, worker = trace.line("/host:CPU", "python3"), trace.line("/host:CPU", "tf_numa_-1_Eigen/1")
    python("step", 0, 100, step_num=0)
    python("__inference__run_1", 10, 80, "__inference__run_1")
    python("CpuExecutable::ExecuteAsyncOnStream", 15, 70)
    python("convolution.4", 20, 5, hlo_op="convolution.4", _p=1)
    worker("end: convolution.4", 60, 0, _c=1)
    worker("dot.2.1", 61, 9, hlo_op="dot.2.1", _p=2)
    worker("transpose_fusion", 70, 10, hlo_op="transpose_fusion", _p=3)
    found = summary.summarize(trace.save(tmp_path, steps=1))
    times = {each.kind: each.self_s for each in found.operations}
    known = {"convolution": 40 * US, "dot": 9 * US, "transpose_fusion": 10 * US, "function": 10 * US}
    assert times == {kind: pytest.approx(seconds) for kind, seconds in known.items()}
    assert found.convolution_share == pytest.approx(49 / 69)
    assert found.layout_share == pytest.approx(10 / 69)
    assert found.batch_norm_share is None
    assert found.host_s == pytest.approx(80 * US)


@pytest.fixture
def on_gpu() -> Trace:
    """Three steps on a GPU: kernels of 600 us, a copy of 40, and 50 of waiting before them."""
    trace = Trace()
    python, stream = trace.line("/host:CPU", "python"), trace.line("/device:GPU:0", "Stream #7(Compute)")
    derived = trace.line("/device:GPU:0", "XLA Ops")
    for step in range(3):
        t = step * 1000.0
        python("step", t, 1000, step_num=step, _r=1)
        python("IteratorGetNextOp::DoCompute", t + 10, 50)
        stream("MemcpyH2D", t + 70, 40)
        stream("sm90_xmma_fprop_implicit_gemm", t + 150, 500, tf_op="conv1/convolution:Conv2D")
        stream("bn_fw_tr_1C11", t + 660, 100, tf_op="bn1/FusedBatchNormV3:FusedBatchNormV3")
        derived("everything", t, 1000)
    return trace


def test_on_a_gpu_the_devices_own_time_counts(tmp_path: Path, on_gpu: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xprof, "is_installed", lambda: False)
    found = summary.summarize(on_gpu.save(tmp_path, steps=3, device_traced=True))
    assert found.source == "xplane"
    assert found.step_s == pytest.approx(1000 * US)
    assert found.device_s == pytest.approx(640 * US)
    assert found.input_s == pytest.approx(50 * US)
    assert [(each.kind, each.occurrences) for each in found.operations] == [
        ("Conv2D", 3),
        ("FusedBatchNormV3", 3),
        ("MemcpyH2D", 3),
    ]
    assert found.copy_share == pytest.approx(40 / 640)
    assert found.compute_16bit_share is None


def test_on_a_gpu_xprof_is_asked(tmp_path: Path, on_gpu: Trace) -> None:
    pytest.importorskip("xprof")
    found = summary.summarize(on_gpu.save(tmp_path, steps=3, device_traced=True))
    assert found.source == "xprof"
    assert {each.kind: each.self_s for each in found.operations} == {
        "Conv2D": pytest.approx(1500 * US),
        "FusedBatchNormV3": pytest.approx(300 * US),
    }
    assert found.compute_16bit_share is None  # The overview page recognised no arithmetic at all.
    assert found.device_s == pytest.approx(640 * US)
    assert [path.name for path in tmp_path.iterdir()] == ["host.xplane.pb"]  # What XProf keeps is not left here.


def test_xprof_and_the_raw_events_agree_on_a_cpu(tmp_path: Path) -> None:
    pytest.importorskip("xprof")
    trace = of_two_steps().save(tmp_path)
    raw = {each.kind: each.self_s for each in summary.summarize(trace).operations}
    seen = {each.kind: each.self_s for each in xprof.operations(tmp_path, "Host")}
    for kind in ("Conv2D", "FusedBatchNormV3", "Mul", "Transpose", "DecodeJpeg"):
        assert seen[kind] == pytest.approx(raw[kind])


def test_the_overhead_is_the_geometric_mean_over_pairs(tmp_path: Path) -> None:
    trace = of_two_steps()
    turns = ((1.0, 1.1), (2.0, 2.2), (1.0, 1.1))
    overhead = summary.overhead(trace.save(tmp_path, turns=turns))
    assert overhead is not None
    assert [overhead.value, overhead.low, overhead.high] == pytest.approx([0.1] * 3)
    assert summary.overhead(trace.save(tmp_path, turns=turns[:2])) is None


def test_a_trace_that_is_gone_or_broken_is_named(tmp_path: Path) -> None:
    trace = of_two_steps().save(tmp_path / "trace")
    file = tmp_path / "trace" / "host.xplane.pb"
    file.write_bytes(b"\xff" * 10)
    with pytest.raises(BenchError, match=r"host\.xplane\.pb is no trace"):
        summary.summarize(trace)
    file.unlink()
    with pytest.raises(BenchError, match="holds no trace"):
        summary.summarize(trace)


def test_reading_a_trace_imports_no_tensorflow(tmp_path: Path, child: Callable[..., str]) -> None:
    of_two_steps().save(tmp_path)
    code = (
        "import sys; from resnet_bench.profile import summary; from resnet_bench.records.profile import ProfileResult;"
        f"trace = ProfileResult(path={str(tmp_path)!r}, bytes=1, steps=2, wall_s=1, device_traced=False);"
        "print(summary.summarize(trace).steps, 'tensorflow' in sys.modules)"
    )
    assert child(code).split() == ["2", "False"]


@pytest.mark.parametrize(
    ("kind", "name", "group"),
    [
        ("_MklNativePadWithFusedConv2D", "net/conv1_relu/Relu", "convolution"),
        ("Conv2DBackpropFilter", "gradient_tape/net/conv2_block1_1_conv/x", "convolution"),
        ("_MklNativeFusedConv2D", "net/conv2_block1_3_bn_1/FusedBatchNormV3", "convolution"),
        ("_FusedBatchNormEx", "net/conv1_bn/x", "batch norm"),
        ("Mul", "net/conv2_block1_3_bn_1/batchnorm/mul", "batch norm"),
        ("Mul", "sgd/mul", "other"),
        ("_MklFusedMatMul", "net/predictions/BiasAdd", "matrix product"),
        ("Transpose", "transpose", "layout"),
        ("MemcpyD2H", "MemcpyD2H", "copy"),
        ("Relu", "net/conv1_relu/Relu", "other"),
    ],
)
def test_operations_are_told_apart_by_type_and_layer(kind: str, name: str, group: str) -> None:
    assert Operation(name, kind, "step", 0, 1, 1).group == group


intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted).map(tuple), max_size=6)


@given(st.lists(intervals, min_size=1, max_size=3))
def test_each_moment_counts_for_the_first_layer_that_is_active(layers: list[list[tuple[int, int]]]) -> None:
    start, end = 5, 50
    expected = [0] * len(layers)
    for moment in range(start, end):
        first = next((n for n, layer in enumerate(layers) if any(a <= moment < b for a, b in layer)), None)
        if first is not None:
            expected[first] += 1
    found = operations.exclusive(layers, start, end)
    assert [*found, *[0] * len(layers)][: len(layers)] == expected
