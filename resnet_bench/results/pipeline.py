"""What the input pipeline alone was measured at, stage by stage."""

from __future__ import annotations

from typing import Literal

from resnet_bench.results.base import Data, Estimate, Notice

PageCache = Literal["cold", "warm", "unknown"]


class StageRate(Data, frozen=True, kw_only=True):
    """The pipeline up to and including `stage`: rates with their interval over rounds taken in turns.

    `bytes_per_s` counts encoded bytes read. `cpu_s_per_image` is the process' processor time. `gain` is the
    factor that the whole pipeline would gain if all later stages cost nothing.
    """

    stage: str
    images_per_s: Estimate
    bytes_per_s: float | None = None
    cpu_s_per_image: float | None = None
    gain: float | None = None


class EpochRate(Data, frozen=True, kw_only=True):
    """One pass over the data: the first reads from disk (`cold`, where eviction was verified) or from memory."""

    epoch: int
    page_cache: PageCache
    images: int
    wall_s: float
    images_per_s: float
    resident_share: float | None = None


class PipelineResult(Data, frozen=True, kw_only=True):
    """What `data bench` found. `bottleneck` is the stage that costs most."""

    stages: tuple[StageRate, ...] = ()
    epochs: tuple[EpochRate, ...] = ()
    bottleneck: str | None = None
    notices: tuple[Notice, ...] = ()
