"""A trace of a few steps, and its summary. `profile/` captures and reads traces."""

from __future__ import annotations

from typing import Literal

from resnet_bench.records.base import Data, Estimate, Notice


class ProfileResult(Data, frozen=True, kw_only=True):
    """The captured trace: its folder, its size in bytes, and the steps and seconds it covers.

    A saved record has the folder relative to its own, if the trace is inside it. `turns` holds the seconds per
    step without and with the profiler, pair by pair, measured after the trace.
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
    """Summary of the captured steps; shares are of operations' self time, None where not observed.

    The step time is split without overlap, in seconds per step: `device_s` while a GPU was busy (None without one in
    the trace); otherwise `host_s` while an operation of the step ran on the CPU; otherwise `input_s` while the step
    waited for its input; `idle_s` is the rest: Python, dispatch and gaps. Shares are of the step's operations, on the
    GPU where one was traced; `compute_16bit_share` is of convolutions and matrix products. `peak_bytes` is the
    peak of the largest allocator during the capture. `overhead` is the step time under the profiler
    over the step time without, less 1, with its 95 % confidence interval over interleaved pairs. `source` is where
    the operations were read: XProf's own statistics, or the raw XPlane events.
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
