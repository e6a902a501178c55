"""The summary of a run: throughput, step time, latency percentiles and memory. `analysis/summary.py` computes it."""

from __future__ import annotations

from resnet_bench.records.base import Data, Estimate
from resnet_bench.records.run import ColdStart, Split


class Latency(Data, frozen=True, kw_only=True):
    """Percentiles of single-step times, in seconds; None where there are too few `samples` for it."""

    samples: int
    mean: float
    p50: Estimate | None
    p90: Estimate | None
    p95: Estimate | None
    p99: Estimate | None


class Summary(Data, frozen=True, kw_only=True):
    """The figures of a run, from its timed rounds; `step_s` is the mean step time."""

    images_per_s: Estimate
    step_s: Estimate
    process_images_per_s: tuple[float, ...]
    timed_images: int
    timed_steps: int
    timed_s: float
    dispatch_s: float | None
    step_latency_s: Latency | None
    cold_start_s: ColdStart
    cold_start_total_s: float | None
    peak_host_bytes: int | None
    peak_device_bytes: int | None
    reserved_device_bytes: int | None
    split: Split | None = None
