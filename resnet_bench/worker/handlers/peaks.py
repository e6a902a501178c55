"""Measures the device's peaks and counts the network's work per layer, inside a worker.

A separate untimed pass, so that it cannot disturb timed rounds. Neighbours: `runtime/peaks.py` measures,
`model/layer_counts.py` counts, `analysis/roofline.py` combines both in the parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_bench.records.roofline import COMPUTE_DTYPES, DType, LayerGroup, Peaks
from resnet_bench.runtime import peaks
from resnet_bench.worker.protocol.peaks import MeasurePeaks, PeaksMeasured

if TYPE_CHECKING:
    from resnet_bench.config import Config
    from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession


def measure_peaks(session: TensorFlowSession, command: MeasurePeaks) -> PeaksMeasured:
    """The device's measured peaks and the network's layers. Blocks on the device for about `budget_s` seconds."""
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
    with session.phases.enter("peaks"):
        measured = device_peaks(session, precisions(config, on_gpu), command.budget_s)
    return PeaksMeasured(peaks=measured, layers=layers)


def precisions(config: Config, on_gpu: bool) -> tuple[DType, ...]:
    """The dtypes whose peaks are measured: float32, bfloat16, the run's own, and float16 on a GPU."""
    wanted: list[DType] = ["float32", "bfloat16", COMPUTE_DTYPES[config.step.precision]]
    if on_gpu:
        wanted.append("float16")
    return tuple(dict.fromkeys(wanted))


def device_peaks(session: TensorFlowSession, dtypes: tuple[DType, ...], budget_s: float) -> Peaks:
    """The peaks of the session's device: products of several sizes, a convolution, and the memory bandwidth."""
    machine, cpu = session.runtime.machine, session.environment.cpu
    return peaks.measure(
        session.runtime.device,
        machine.device_kind,
        last_level_cache_bytes=cpu.last_level_cache_bytes,
        memory_bytes=(cpu.memory_limit_bytes or cpu.memory_bytes) if machine.device_kind == "cpu" else None,
        budget_s=budget_s,
        dtypes=dtypes,
        edges=peaks.MATMUL_EDGES[machine.device_kind],
        convolution=True,
    )
