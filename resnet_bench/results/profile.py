"""What was captured of a few steps, and what the trace says."""

from __future__ import annotations

from typing import Literal

from resnet_bench.results.base import Data, Notice


class ProfileResult(Data, frozen=True, kw_only=True):
    """What was captured: the folder of the trace, its size in bytes, steps and seconds inside it."""

    path: str
    bytes: int
    steps: int
    wall_s: float
    device_traced: bool
    notices: tuple[Notice, ...] = ()


class OperationTime(Data, frozen=True, kw_only=True):
    """One kind of operation in a trace: self time over all captured steps, and its share of all self time.

    `name` is the busiest instance's, `kind` the operation's type ("_MklNativeFusedConv2D").
    """

    kind: str
    name: str
    self_s: float
    share: float
    occurrences: int


class ProfileSummary(Data, frozen=True, kw_only=True):
    """What a trace says of the captured steps; shares are of operations' self time, None where unobserved.

    The step time is split into waiting for input, host work, device work and idling (seconds per step).
    `overhead` is the step time under the profiler over the step time without, less 1. `source` tells which
    reader the operations come from: XProf's own statistics, or the raw XPlane events.
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
    overhead: float | None = None
    source: Literal["xprof", "xplane"] = "xplane"
    notices: tuple[Notice, ...] = ()
