"""Measuring what the device can do at best, and counting what the network asks of it, inside a worker.

An untimed pass of its own, so that nothing of it lies near a timed round. Neighbours: `roofs.py` measures,
`model/groups.py` counts, `roofline.py` puts both together in the parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_bench.records.roofline import DType, LayerGroup, Peaks
from resnet_bench.runtime import peaks
from resnet_bench.worker.protocol.peaks import MeasurePeaks, PeaksMeasured

if TYPE_CHECKING:
    from resnet_bench.config import Config
    from resnet_bench.records.environment import Environment
    from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession

COMPUTE: dict[str, DType] = {
    "float32": "float32",
    "tf32": "float32",
    "mixed_bfloat16": "bfloat16",
    "mixed_float16": "float16",
}
"""What convolutions compute in, by --precision; TF32 is a way to compute float32."""


def measure_peaks(session: TensorFlowSession, command: MeasurePeaks) -> PeaksMeasured:
    """The device's roofs and the network's layers. Blocks on the device for about `budget_s` seconds."""
    from resnet_bench import model as models

    session.start_tensorflow(command.config)
    config = session.config
    assert config is not None
    layers: tuple[LayerGroup, ...] = ()
    if config.step.mode != "input":
        from resnet_bench.model.layer_counts import layer_groups

        with session.phases.enter("build"):
            models.check_data_format(config, session.runtime)
            layers = layer_groups(models.build(config, session.runtime))
    on_gpu = session.runtime.machine.device_kind == "gpu"
    with session.phases.enter("roofs"):
        measured = measure_roofs(session, precisions(config, on_gpu), command.budget_s)
    return PeaksMeasured(roofs=measured, layers=layers)


def precisions(config: Config, on_gpu: bool) -> tuple[DType, ...]:
    """The dtypes whose roofs are measured: float32, bfloat16, the run's own, and float16 on a GPU."""
    wanted: list[DType] = ["float32", "bfloat16", COMPUTE[config.step.precision]]
    if on_gpu:
        wanted.append("float16")
    return tuple(dict.fromkeys(wanted))


def measure_roofs(session: TensorFlowSession, dtypes: tuple[DType, ...], budget_s: float) -> Peaks:
    """Products of several sizes and a convolution in each precision, then the bandwidth, each with an even
    share of the time. A size that does not fit its share is measured smaller, and counts once."""
    runtime = session.runtime
    kind = runtime.machine.device_kind
    edges = peaks.MATMUL_EDGES[kind]
    share_s = budget_s / (len(dtypes) * (len(edges) + 1) + 1)
    device = runtime.device
    products = {
        (roof.dtype, roof.size): roof
        for dtype in dtypes
        for roof in (peaks.matmul_flops_per_s(dtype, edge, device, share_s) for edge in edges)
    }
    images = peaks.CONVOLUTION_IMAGES[kind]
    return Peaks(
        device=device,
        matmul=tuple(products.values()),
        convolution=tuple(peaks.convolution_flops_per_s(dtype, images, device, share_s) for dtype in dtypes),
        bandwidth=peaks.memory_bandwidth_bytes_per_s(
            device, share_s, working_set_bytes=_working_set_bytes(kind, session.environment)
        ),
    )


def _working_set_bytes(kind: str, environment: Environment) -> int:
    cpu = environment.cpu
    memory = (cpu.memory_limit_bytes or cpu.memory_bytes) if kind == "cpu" else None
    return peaks.triad_bytes("gpu" if kind == "gpu" else "cpu", cpu.last_level_cache_bytes, memory)
