"""From raw samples to a summary. Pure; SciPy does the mathematics.

Rates are total work over total time. The process is the unit of replication: the interval is Student's t
on the logarithms of the processes' rates, and one process supports none. Percentiles are withheld where
the sample cannot support them, and carry a distribution-free interval (order statistics).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from resnet_bench.records.base import Estimate
from resnet_bench.records.run import ColdStart, ProcessSamples, Round, Samples
from resnet_bench.records.summary import Latency, Summary

CONFIDENCE = 0.95
PERCENTILES = (50.0, 90.0, 95.0, 99.0)


def samples_needed(percentile: float) -> int:
    """Samples that a percentile needs: n >= ln 0.05 / ln p, so that the largest of them exceeds the
    percentile with 95 % confidence (p90: 29, p95: 59, p99: 299)."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(percentile / 100))


def summarize(samples: Samples) -> Summary | None:
    """The summary of a run, over the rounds that count; None where there is none."""
    measured = [process for process in samples.processes if process.counted]
    if not measured:
        return None
    rounds = [one for process in measured for one in process.counted]
    images, steps = sum(one.images for one in rounds), sum(one.steps for one in rounds)
    timed_s = sum(one.wall_s for one in rounds)
    rates = [_rate(process.counted) for process in measured]
    rate = images / timed_s
    low, high = _around(rate, rates)
    per_step = images / steps
    return Summary(
        images_per_s=Estimate(value=rate, low=low, high=high),
        step_s=Estimate(
            value=timed_s / steps,
            low=per_step / high if high else None,
            high=per_step / low if low else None,
        ),
        process_images_per_s=tuple(rates),
        timed_images=images,
        timed_steps=steps,
        timed_s=timed_s,
        dispatch_s=_sum_if_known(one.dispatch_s for one in rounds),
        step_latency_s=latency(single_steps(measured)),
        cold_start_s=_median_cold_start([process.cold_start for process in measured]),
        cold_start_total_s=_median(cold_start_total(process.cold_start) for process in measured),
        peak_host_bytes=_largest(max(p.memory.host_peak_bytes.values(), default=None) for p in measured),
        peak_device_bytes=_largest(process.memory.device_peak_bytes for process in measured),
        reserved_device_bytes=_largest(process.memory.device_reserved_bytes for process in measured),
        split=next((process.split for process in measured if process.split), None),
    )


def _around(rate: float, rates: Sequence[float]) -> tuple[float | None, float | None]:
    """The t-interval of the processes' rates, moved from their geometric mean to the total rate."""
    interval = log_t_interval(rates)
    if interval is None:
        return None, None
    shift = rate / statistics.geometric_mean(rates)
    return interval[0] * shift, interval[1] * shift


def _rate(rounds: Sequence[Round]) -> float:
    return sum(one.images for one in rounds) / sum(one.wall_s for one in rounds)


def single_steps(processes: Iterable[ProcessSamples]) -> list[float]:
    """Times of single steps in seconds: of the latency phase, and of rounds of one step."""
    return [one.wall_s for process in processes for one in (*process.counted, *process.latency) if one.steps == 1]


def log_t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % t-interval of the geometric mean; None for fewer than two values."""
    if len(values) < 2:
        return None
    from scipy.stats import t

    logs = [math.log(value) for value in values]
    centre = statistics.fmean(logs)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(logs) - 1)) * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(centre - half), math.exp(centre + half)


def latency(seconds: Sequence[float]) -> Latency | None:
    """Latency percentiles of single-step times; None without samples."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    found = {f"p{p:g}": percentile(ordered, p) for p in PERCENTILES}
    return Latency(samples=len(ordered), mean=statistics.fmean(ordered), **found)


def percentile(ordered: Sequence[float], p: float) -> Estimate | None:
    """The p-th percentile of sorted samples (nearest rank) with its order-statistic interval, or None
    where there are fewer than `samples_needed(p)`.

    The interval's upper end is None where no sample is large enough to bound it.
    """
    n, q = len(ordered), p / 100
    if n < samples_needed(p):
        return None
    from scipy.stats import binom

    tail = (1 - CONFIDENCE) / 2
    low = int(binom.ppf(tail, n, q)) - 1
    high = int(binom.ppf(1 - tail, n, q))
    return Estimate(
        value=ordered[math.ceil(q * n) - 1],
        low=ordered[low] if low >= 0 else None,
        high=ordered[high] if high < n else None,
    )


def cold_start_total(cold: ColdStart) -> float | None:
    """What getting ready took: the sum of the ledger's known parts, None where there are none.

    The compilation lies inside the first step, and model.fit's tracing does.
    """
    parts = [
        *(cold.process_s, cold.import_s, cold.start_s, cold.build_s, cold.trace_s, cold.first_step_s, cold.data_s),
    ]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _median_cold_start(ledgers: Sequence[ColdStart]) -> ColdStart:
    names = ColdStart.__struct_fields__
    return ColdStart(**{name: _median(getattr(ledger, name) for ledger in ledgers) for name in names})


def _sum_if_known(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _largest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
