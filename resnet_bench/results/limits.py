"""How close a run came to what its machine can do, and what it took to get there."""

from __future__ import annotations

from typing import Literal

from resnet_bench.results.base import Data, Value


class RooflineGroup(Data, frozen=True, kw_only=True):
    """A group of operations in the roofline: per step, its arithmetic, its traffic and its time.

    `limit_s` is the least time that the measured roofs allow it; `gain_s` what is above that.
    """

    name: str
    flops: float
    bytes: float
    seconds: float | None = None
    limit_s: float | None = None
    gain_s: float | None = None


class Roofline(Data, frozen=True, kw_only=True):
    """A run against the measured roofs of its device.

    One multiply-accumulate is 2 flops; training counts three forward passes. `mfu` is the share of the
    matrix product's roof that the whole step reached; None where no roof was measured.
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


class Energy(Data, frozen=True, kw_only=True):
    """Energy of the timed window; `status` "unavailable" has no figures, and `why` says why."""

    status: Literal["measured", "unavailable"]
    why: str = ""
    source: Literal["nvml", "rapl"] | None = None
    idle_w: float | None = None
    active_w: float | None = None
    joules: float | None = None
    images_per_joule: float | None = None
    facts: dict[str, Value] = {}
