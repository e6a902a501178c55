"""The result of `data bench`: the input pipeline alone, stage by stage. `experiments/data_bench.py` measures it."""

from __future__ import annotations

from typing import Literal, get_args

from resnet_bench.records.base import Data, Estimate, Notice

PageCache = Literal["cold", "warm", "unknown"]
StageName = Literal["read", "parse", "decode", "crop_resize", "augment", "batch", "prefetch"]
STAGES: tuple[StageName, ...] = get_args(StageName)
"""The stages of the input pipeline, in order; `data/pipeline.py` builds them."""


class StageRate(Data, frozen=True, kw_only=True):
    """The pipeline up to and including `stage`: rates with their confidence interval over interleaved rounds.

    `bytes_per_s` counts encoded bytes read. `cpu_s_per_image` is the CPU time of the process. `gain` is the
    factor that the whole pipeline would gain if all later stages cost nothing. `cost_s` is what the stage adds
    to the time per image (the median over rounds; below 0 where it overlaps with earlier stages). `rounds_images_per_s`
    are the raw rates, round by round.
    """

    stage: str
    images_per_s: Estimate
    bytes_per_s: float | None = None
    cpu_s_per_image: float | None = None
    gain: float | None = None
    cost_s: float | None = None
    rounds_images_per_s: tuple[float, ...] = ()


class EpochRate(Data, frozen=True, kw_only=True):
    """One pass over the data: the first reads from disk (`cold`, where eviction was verified) or from memory.

    `until` is the last stage that ran. `resident_share` is the share of the files in the page cache before it; None
    where the system does not say. `bytes_per_s` counts encoded images, `cpu_s_per_image` the CPU time of the
    worker. The first epoch includes the pipeline's start: `first_batch_s` until the first batch. `complete` is
    False if time ran out before its end.
    """

    epoch: int
    page_cache: PageCache
    images: int
    wall_s: float
    images_per_s: float
    resident_share: float | None = None
    until: str = "prefetch"
    first_batch_s: float | None = None
    complete: bool = True
    bytes_per_s: float | None = None
    cpu_s_per_image: float | None = None


class AblationRate(Data, frozen=True, kw_only=True):
    """The whole pipeline with one option changed. `ratio` is its throughput over the full pipeline's, from interleaved
    rounds.

    `change` says what was changed, as on the command line. Below 1 the option helps. None where
    the variant could not run; `why` is the reason. `pixel_difference` is the mean absolute difference from the full
    pipeline's images, in levels of 0..255, where the change is one of decoding.
    """

    name: str
    change: str
    images_per_s: Estimate | None = None
    ratio: Estimate | None = None
    cpu_s_per_image: float | None = None
    pixel_difference: float | None = None
    rounds_images_per_s: tuple[float, ...] = ()
    why: str = ""


class MemorySample(Data, frozen=True, kw_only=True):
    """Resident memory of the worker after that many images since its pipeline started."""

    images: int
    resident_bytes: int


class MemoryTrend(Data, frozen=True, kw_only=True):
    """The worker's resident memory while the pipeline ran.

    `growth_bytes` is the robust slope (Theil-Sen) over the samples from `settled_images` on, when the buffers
    had filled, times the images they span. None with too few samples.
    """

    samples: tuple[MemorySample, ...] = ()
    settled_images: int = 0
    growth_bytes: int | None = None
    flat: bool | None = None


class PipelineResult(Data, frozen=True, kw_only=True):
    """The result. `bottleneck` is the stage that costs most.

    `cores_busy` is the CPU time of the whole pipeline per second, `cores` the cores it may use.
    """

    stages: tuple[StageRate, ...] = ()
    epochs: tuple[EpochRate, ...] = ()
    bottleneck: str | None = None
    ablation: tuple[AblationRate, ...] = ()
    memory: MemoryTrend | None = None
    cores: int | None = None
    cores_busy: float | None = None
    notices: tuple[Notice, ...] = ()
