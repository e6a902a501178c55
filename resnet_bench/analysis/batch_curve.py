"""Throughput against latency over batch sizes, and the knee of that curve. Pure.

Neighbours: a sweep over the batch size makes the records, `report/` draws the curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import msgspec

from resnet_bench.config.options import options
from resnet_bench.records.base import Estimate
from resnet_bench.records.columns import config_of, value_of
from resnet_bench.records.record import Record

MIN_POINTS = 3
MAX_DIP = 0.05
"""A larger batch whose throughput lies further below a smaller one's than this is more than noise on a rising curve."""

MIN_RISE = 0.1
"""A knee stands out from the straight line between the ends by a tenth of the curve's height; less is a line."""


@dataclass(frozen=True)
class BatchPoint:
    """One batch size: images per second, and seconds until a batch of them is done."""

    batch_size: int
    images_per_s: Estimate
    latency_s: float
    record: Record


@dataclass(frozen=True)
class BatchCurve:
    """Records that differ in batch size only, smallest first. `knee` is an index into `loads`.

    `latency` says what is used for all of them: the median of single steps, or the mean step time.
    """

    loads: tuple[BatchPoint, ...]
    latency: Literal["median of single steps", "mean step time"]
    knee: int | None


def curves(records: Sequence[Record]) -> tuple[BatchCurve, ...]:
    """A curve for each group of records that differ only in batch size and have `MIN_POINTS` of them.

    Of several records with one batch size the newest counts. Invalid records and failed runs are left out.
    """
    groups: dict[bytes, dict[int, Record]] = {}
    for record in sorted(records, key=lambda each: each.created_at):
        batch = config_of(record).step.batch_size
        if record.summary is not None and record.verdict.kind != "invalid" and isinstance(batch, int):
            groups.setdefault(_key(record), {})[batch] = record
    return tuple(_curve(group) for group in groups.values() if len(group) >= MIN_POINTS)


def _key(record: Record) -> bytes:
    """What must be equal: all that was requested but the batch size, and the machine. What "auto" became may
    follow the batch size, so that requests are compared."""
    asked = record.config.requested
    values = {o.name: value_of(asked, o) for o in options() if o.extra.get("role") != "protocol"}
    values.pop("batch_size")
    machine = record.environment.machine_id if record.environment else None
    return msgspec.json.encode([values, machine, record.machine and record.machine.device], order="deterministic")


def _curve(group: dict[int, Record]) -> BatchCurve:
    summaries = {batch: record.summary for batch, record in sorted(group.items()) if record.summary is not None}
    medians = {
        batch: summary.step_latency_s.p50.value
        for batch, summary in summaries.items()
        if summary.step_latency_s is not None and summary.step_latency_s.p50 is not None
    }
    all_known = len(medians) == len(summaries)
    loads = tuple(
        BatchPoint(batch, summary.images_per_s, medians[batch] if all_known else summary.step_s.value, group[batch])
        for batch, summary in summaries.items()
    )
    found = knee([load.latency_s for load in loads], [load.images_per_s.value for load in loads])
    return BatchCurve(loads, "median of single steps" if all_known else "mean step time", found)


def knee(latency_s: Sequence[float], images_per_s: Sequence[float]) -> int | None:
    """The index of the point furthest above the line from the first to the best one, both axes scaled to 1;
    None where there are fewer than three points up to the best, or none stands out by `MIN_RISE`, or where the
    points make no curve: a larger batch that takes less time, or gives clearly fewer images per second.

    After Satopää et al., "Finding a 'Kneedle' in a Haystack" (2011), without smoothing. Points come in order
    of batch size; what lies beyond the best throughput only adds latency and is left out.
    """
    best = max(range(len(images_per_s)), key=lambda index: images_per_s[index])
    if best < MIN_POINTS - 1 or not _rises(latency_s[: best + 1], images_per_s[: best + 1]):
        return None
    across, up = latency_s[best] - latency_s[0], images_per_s[best] - images_per_s[0]
    rises = [
        (rate - images_per_s[0]) / up - (latency - latency_s[0]) / across
        for latency, rate in zip(latency_s[: best + 1], images_per_s[: best + 1], strict=True)
    ]
    found = max(range(len(rises)), key=lambda index: rises[index])
    return found if rises[found] >= MIN_RISE else None


def _rises(latency_s: Sequence[float], images_per_s: Sequence[float]) -> bool:
    slower = all(later > earlier for earlier, later in pairwise(latency_s))
    return slower and all(later >= earlier * (1 - MAX_DIP) for earlier, later in pairwise(images_per_s))
