"""What evidence reads from XLA's text, oneDNN's log, graph definitions and /proc, without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from resnet_bench.evidence import graph, hlo, onednn_log, threads

BEFORE = """HloModule step
ENTRY main {
  p0 = bf16[2,8,8,3]{3,2,1,0} parameter(0)
  w = bf16[3,3,3,16]{3,2,1,0} parameter(1)
  conv = bf16[2,8,8,16]{3,2,1,0} convolution(p0, w), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f
  norm = (f32[2,8,8,16]{3,2,1,0}, f32[16]{0}, f32[16]{0}) batch-norm-training(conv, s, o), epsilon=1e-05
}
"""
AFTER = """HloModule step, is_scheduled=true
%fused (a: f32[2,8,8,16]) -> f32[2,8,8,16] {
  %a = f32[2,8,8,16]{3,2,1,0} parameter(0)
  ROOT %copy.1 = f32[2,8,8,16]{2,3,1,0} copy(%a)
}
ENTRY %main (p0: f32[2,8,8,3]) -> f32[2,10] {
  %p0 = f32[2,8,8,3]{3,2,1,0} parameter(0)
  %w.2 = f32[3,3,3,16]{3,2,1,0} parameter(1)
  %conv = f32[2,8,8,16]{3,2,1,0} convolution(%p0, %w.2), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f
  %same = f32[2,8,8,16]{3,2,1,0} copy(%conv)
  %turned = f32[2,8,16,8]{3,2,1,0} transpose(%conv), dimensions={0,1,3,2}
  %flat = f32[2,1024]{1,0} reshape(%conv)
  %dense = bf16[1024,10]{1,0} parameter(2)
  ROOT %dot.5 = f32[2,10]{1,0} dot(%flat, %dense), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
"""


def test_xla_module_is_counted_before_and_after_optimisation() -> None:
    found = hlo.read(BEFORE, AFTER, "step.hlo", "cpu")
    assert found.convolutions_before == 1
    assert found.norms_before == 1
    assert found.norms_after == 0
    assert found.convolutions == {"float32": 1}
    assert found.dots == {"float32": 1}
    assert found.flops == {"float32": 2 * (2 * 8 * 8 * 16) * 27 + 2 * 20 * 1024}
    assert found.layout_changes == 2  # the transpose, and the copy inside the fusion; the other copy moves nothing


def test_holes_of_a_dilated_input_are_not_multiplied() -> None:
    line = (
        "%w = f32[3,3,16,8]{3,2,1,0} parameter(1)\n"
        "%g = f32[2,8,8,8]{3,2,1,0} convolution(%d, %w), window={size=3x3 pad=1_2x1_2 lhs_dilate=2x2}, "
        "dim_labels=b01f_01io->b01f\n"
    )
    module = hlo.parse(line)
    assert hlo.convolution_flops(module["g"], module) == 2 * (2 * 8 * 8 * 8) * 9 * 16 / 4


def test_a_library_call_with_dimension_labels_is_a_convolution() -> None:
    line = (
        "%x = f16[2,8,8,3]{3,2,1,0} parameter(0)\n"
        "%c = (f16[2,8,8,16]{3,2,1,0}, u8[0]{0}) custom-call(%x, %w), window={size=1x1}, dim_labels=b01f_01io->b01f, "
        'custom_call_target="__cudnn$convForward"\n'
    )
    module = hlo.parse(line)
    assert hlo.is_convolution(module["c"])
    assert hlo.operand_dtype(module["c"], module) == "float16"


def line(primitive: str, direction: str, types: str, problem: str, milliseconds: float, attributes: str = "") -> str:
    fields = ("cpu", primitive, "jit:uni", direction, types, attributes, "", problem, str(milliseconds))
    return f"onednn_verbose,v1,primitive,exec,{','.join(fields)}"


CONVOLUTION = "mb2_ic3oc16_ih8oh8kh3sh1dh0ph1_iw8ow8kw3sw1dw0pw1"
LOG = "\n".join(
    [
        "onednn_verbose,v1,info,cpu,runtime:threadpool,nthr:2",
        "something else, exec, entirely",
        line("reorder", "undef", "src:f32::blocked:cdba::f0 dst:f32:p:blocked:Acdb16a::f0", "16x3x3x3", 1.0),
        line("reorder", "undef", "src:f32::blocked:abcd::f0 dst:f32::blocked:acdb::f0", "2x3x8x8", 0.5),
        line("convolution", "forward_training", "src:bf16::blocked:acdb::f0 wei:bf16:a:any::f0", CONVOLUTION, 2.0),
        line("convolution", "backward_weights", "src:f32:a:blocked:acdb::f0 diff_wei:f32::any::f0", CONVOLUTION, 4.5),
    ]
)


def test_onednn_log_is_counted_by_type_and_its_reorders_of_weights_are_told_apart() -> None:
    found = onednn_log.read(LOG, 2, "onednn.log.gz")
    flops = 2 * (2 * 16 * 8 * 8) * 27
    assert found.executions == 4
    assert found.convolutions == {"bfloat16": 1}
    assert found.flops == {"bfloat16": flops, "float32": flops}
    assert (found.reorders, found.weight_reorders) == (2, 1)
    assert found.reorder_s == pytest.approx(1.5e-3)
    assert found.total_s == pytest.approx(8e-3)


def test_rounding_to_16_bits_inside_onednn_counts_as_16_bits() -> None:
    said = line("convolution", "forward_inference", "src:f32::blocked:acdb::f0", CONVOLUTION, 1, "attr-fpmath:bf16")
    assert onednn_log.read(said, 1, "log").convolutions == {"bfloat16": 1}


def definition(kind: str, name: str = "", device: str = "", inputs: tuple[str, ...] = (), **attributes: Any) -> Any:
    """Looks like a NodeDef."""
    made = {
        key: SimpleNamespace(
            type=value if isinstance(value, int) else 0,
            s=value if isinstance(value, bytes) else b"",
            list=SimpleNamespace(s=value if isinstance(value, list) else []),
        )
        for key, value in attributes.items()
    }
    return SimpleNamespace(name=name or kind, op=kind, device=device, input=list(inputs), attr=made)


CPU = "/job:localhost/replica:0/task:0/device:CPU:0"
GPU = "/job:localhost/replica:0/task:0/device:GPU:0"


def counted(*definitions: Any, device: str = "/CPU:0", sizes: dict[str, float] | None = None) -> Any:
    return graph.count(graph.nodes_of_definition(definitions), "graph", device, sizes)


def test_batch_norms_are_counted_in_the_form_they_ended_in() -> None:
    found = counted(
        definition("FusedBatchNormV3", T=1),
        definition("_MklNativeFusedBatchNormV3", T=1),
        definition("_FusedBatchNormEx", T=1, activation_mode=b"Relu"),
        definition("_MklNativeFusedConv2D", T=1, fused_ops=[b"FusedBatchNorm", b"Relu"]),
        definition("_MklNativeFusedConv2D", T=1, fused_ops=[b"BiasAdd", b"Relu"]),
        definition("Const", "conv1/folded_kernel"),
        definition("FusedBatchNormGradV3", T=1),
        definition("Rsqrt", T=1),
        definition("RsqrtGrad", T=1),
    )
    assert (found.fused_norms, found.activated_norms, found.folded_norms, found.separate_norms) == (2, 1, 2, 1)
    assert found.convolutions == {"float32": 2}


def test_convolutions_are_counted_by_direction_type_and_size() -> None:
    found = counted(
        definition("Conv2D", "conv", inputs=("x", "conv/Read"), T=14, data_format=b"NHWC"),
        definition("_MklNativePadWithFusedConv2D", "relu", inputs=("x", "other/Read"), T=1),
        definition("Conv2DBackpropFilter", "dw", T=14),
        definition("_MklNativeConv2DBackpropInput", "dx", T=14),
        sizes={"conv": 100.0, "dw": 30.0, "other/Read": 7.0},
    )
    assert found.convolutions == {"bfloat16": 1, "float32": 1}
    assert found.gradients == {"bfloat16": 2}
    assert found.flops == {"bfloat16": 130.0, "float32": 7.0}
    assert found.unsized == 1


def test_what_computes_elsewhere_and_what_calls_the_host_is_named() -> None:
    found = counted(
        definition("Conv2D", "here", device=GPU, T=1),
        definition("Relu", "there", device=CPU, T=1),
        definition("Const", "anywhere", device=CPU),
        definition("EagerPyFunc", "callback", device=CPU),
        device="/GPU:0",
    )
    assert found.elsewhere == ("there",)
    assert found.devices == {"GPU:0": 1, "CPU:0": 1}
    assert found.host_calls == ("callback",)


def task(root: Path, number: int, name: str, nanoseconds: int) -> None:
    folder = root / "proc/self/task" / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "comm").write_text(f"{name}\n")
    (folder / "schedstat").write_text(f"{nanoseconds} 0 0\n")


def test_processor_time_is_told_by_thread_and_pool(tmp_path: Path) -> None:
    task(tmp_path, 1, "python", 1_000_000_000)
    task(tmp_path, 2, "tf_Compute-1", 0)
    watch = threads.ThreadWatch(lambda: 1, None, tmp_path)
    watch.begin()
    task(tmp_path, 1, "python", 1_200_000_000)
    task(tmp_path, 2, "tf_Compute-1", 3_000_000_000)
    task(tmp_path, 3, "tf_Compute-2", 2_000_000_000)
    window = watch.end()
    assert window.threads == {"tf_Compute": pytest.approx(5.0), "python": pytest.approx(0.2)}
    assert window.busiest == pytest.approx((3.0, 2.0, 0.2))


COMPILED = (
    "I0000 00:00:1.1 1 device_compilation_profiler.cc:118] Compiled __inference__run_1 1 times, compile time: 9 us\n"
)


def test_a_trace_and_a_compilation_inside_the_window_are_told_from_those_before(tmp_path: Path) -> None:
    log, traces = tmp_path / "log", iter([1, 2])
    log.write_text(COMPILED)
    watch = threads.ThreadWatch(lambda: next(traces), log, tmp_path)
    watch.begin()
    log.write_text(COMPILED * 3)
    window = watch.end()
    assert (window.traces, window.traces_inside) == (1, 1)
    assert (window.compilations, window.compilations_inside) == (1, 2)
    assert window.threads == {}  # this /proc tells nothing
