"""What was captured of a few steps, and what the trace says."""

from __future__ import annotations

from typing import Literal

from resnet_bench.records.base import Data, Estimate, Notice


class ProfileResult(Data, frozen=True, kw_only=True):
    """What was captured: the folder of the trace, its size in bytes, steps and seconds inside it.

    A saved record names the folder relative to itself where it lies beside or below it. `turns` holds the
    seconds per step without and with the profiler, pair by pair, taken after the trace.
    """

    path: str
    bytes: int
    steps: int
    wall_s: float
    device_traced: bool
    turns: tuple[tuple[float, float], ...] = ()
    notices: tuple[Notice, ...] = ()


class OperationTime(Data, frozen=True, kw_only=True):
    """One kind of operation in a trace: self time over all captured steps, and its share of all self time.

    `name` is the busiest instance's, `kind` the operation's type ("_MklNativeFusedConv2D"). `place` tells the
    step's own operations (on the GPU where one was traced, else on the CPU) from those of the input pipeline,
    which run beside it; shares are of their own place.
    """

    kind: str
    name: str
    self_s: float
    share: float
    occurrences: int
    place: Literal["step", "input"] = "step"


class ProfileSummary(Data, frozen=True, kw_only=True):
    """What a trace says of the captured steps; shares are of operations' self time, None where unobserved.

    The step time is split without overlap, in seconds per step: `device_s` a GPU worked (None without one in
    the trace); else `host_s` an operation of the step ran on the CPU; else `input_s` the step waited for its
    input; `idle_s` is the rest: Python, dispatch and gaps. Shares are of the step's operations, on the GPU
    where one was traced; `compute_16bit_share` is of convolutions and matrix products. `peak_bytes` is the most
    that the largest allocator had given out during the capture. `overhead` is the step time under the profiler
    over the step time without, less 1, with its 95 % interval over pairs of turns. `source` tells which reader
    the operations come from: XProf's own statistics, or the raw XPlane events.
    """

    steps: int
    step_s: float | None = None
    input_s: float | None = None
    host_s: float | None = None
    device_s: float | None = None
    idle_s: float | None = None
    operations: tuple[OperationTime, ...] = ()
    convolution_share: float | None = None
    batch_norm_share: float | None = None
    layout_share: float | None = None
    copy_share: float | None = None
    compute_16bit_share: float | None = None
    peak_bytes: int | None = None
    overhead: Estimate | None = None
    source: Literal["xprof", "xplane"] = "xplane"
    notices: tuple[Notice, ...] = ()
