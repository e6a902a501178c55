"""A run against the measured peaks of its device (roofline), and its energy.

Neighbours: `runtime/peaks.py` measures peaks, `analysis/roofline.py` and `analysis/energy.py` compute.
"""

from __future__ import annotations

from typing import Literal

from resnet_bench.config.fields import Value
from resnet_bench.records.base import Data


class LayerGroup(Data, frozen=True, kw_only=True):
    """Layers of one kind in one stage of the network, counted from the built network.

    `macs` are multiply-accumulates of one image's forward pass; `inputs`, `outputs` count the elements of one
    image that the layers read and write, `weights` their parameters.
    """

    stage: str
    kind: Literal[
        "convolution 1x1", "convolution 3x3", "convolution 7x7", "convolution", "norm", "add", "pool", "dense"
    ]
    layers: int
    macs: int
    inputs: int
    outputs: int
    weights: int


class RooflineGroup(Data, frozen=True, kw_only=True):
    """A group of operations in the roofline: per step, its FLOPs, memory traffic and time.

    `limit_s` is the least time that the measured peaks allow; `gain_s` the time above that. `stage` is
    None for all stages of a kind together; only those have a time, because a profile tells kinds apart.
    """

    name: str
    flops: float
    bytes: float
    seconds: float | None = None
    limit_s: float | None = None
    gain_s: float | None = None
    stage: str | None = None


class Roofline(Data, frozen=True, kw_only=True):
    """A run against the measured peaks of its device.

    One multiply-accumulate is 2 flops; training counts three forward passes. `mfu` is the share of the
    matrix product's peak that the whole step reached; None where no peak was measured. Peaks are named by
    operation and dtype: "matmul float32", "convolution float32". `bytes_per_s` is the least memory traffic over
    the time of a step, `step_limit_s` the sum of the groups' limits.
    """

    flop_convention: str
    peak_flops_per_s: dict[str, float] = {}
    peak_bytes_per_s: float | None = None
    dtype: str
    step_flops: float
    step_s: float
    mfu: float | None = None
    bytes_per_s: float | None = None
    groups: tuple[RooflineGroup, ...] = ()
    step_bytes: float | None = None
    step_limit_s: float | None = None
    facts: dict[str, Value] = {}


class Energy(Data, frozen=True, kw_only=True):
    """Energy of the timed window; for `status` "unavailable" there are no figures, and `why` is the reason.

    `joules` is the energy of the counted rounds above idle, `active_w` the mean power of those rounds including idle;
    `idle_w` the mean power before the first process and after the last.
    """

    status: Literal["measured", "unavailable"]
    why: str = ""
    source: Literal["nvml", "rapl"] | None = None
    idle_w: float | None = None
    active_w: float | None = None
    joules: float | None = None
    images_per_joule: float | None = None
    facts: dict[str, Value] = {}


DType = Literal["float32", "bfloat16", "float16"]

COMPUTE_DTYPES: dict[str, DType] = {
    "float32": "float32",
    "tf32": "float32",
    "mixed_bfloat16": "bfloat16",
    "mixed_float16": "float16",
}
"""The data type that convolutions compute in, by --precision; TF32 is a way to compute float32."""


class Peak(Data, frozen=True, kw_only=True):
    """One measured peak: `value` per second, the best of `repeats` blocks of `calls` calls each.

    `size` is the edge of the square matrices, the images of a convolution's batch, or the elements of each
    array.
    """

    kind: Literal["matmul", "convolution", "bandwidth"]
    value: float
    unit: Literal["flop/s", "byte/s"]
    dtype: str
    size: int
    working_set_bytes: int
    repeats: int
    calls: int


class Peaks(Data, frozen=True, kw_only=True):
    """The peaks of one device, in TensorFlow's name for it."""

    device: str
    matmul: tuple[Peak, ...] = ()
    bandwidth: Peak | None = None
    convolution: tuple[Peak, ...] = ()
