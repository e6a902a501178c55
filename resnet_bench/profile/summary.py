"""A trace summed up: where a step's time goes, by operation and by kind of work.

Operations come from XProf's statistics where a GPU was traced and XProf is installed. On a CPU they come from the
raw events: there XProf counts oneDNN's operations twice and shows little more than one row under XLA. Runs in a
worker of its own. Neighbours: `operations.py`, `xprof.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from resnet_bench.analysis import ratio as ratios
from resnet_bench.profile import operations, xplane, xprof
from resnet_bench.profile.operations import Group, Operation, OperationRun
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.profile import OperationTime, ProfileResult, ProfileSummary

PICOSECONDS = 1e-12
MOST_OPERATIONS = {"step": 20, "input": 8}
FEWEST_PAIRS = 3
"""Fewest pairs of rounds for an estimate of the profiler's overhead."""


def summarize(trace: ProfileResult) -> ProfileSummary:
    """What the trace says. Raises `BenchError` where its files are gone or broken."""
    folder = Path(trace.path)
    found = operations.collect(xplane.read(folder))
    on_device = [each for each in found.operations if each.place == "device"]
    of_step = on_device or [each for each in found.operations if each.place == "step"]
    summary = ProfileSummary(
        steps=trace.steps,
        operations=(*_table(of_step, "step"), *_table(_of_input(found), "input")),
        convolution_share=_share(of_step, "convolution"),
        # XLA fuses batch norm with what stands around it, so its share is unknown.
        batch_norm_share=None if any(each.compiled for each in of_step) else _share(of_step, "batch norm"),
        layout_share=_share(of_step, "layout"),
        copy_share=_share(of_step, "copy"),
        compute_16bit_share=None if on_device else _share_16bit(of_step),
        peak_bytes=_peak(found.peaks),
        overhead=overhead(trace),
        notices=() if found.markers else (Notice.make("profile_without_steps"),),
    )
    summary = _with_split(summary, found)
    if on_device and xprof.is_installed():
        return replace(summary, source="xprof", **xprof.of_device(folder))
    return summary


def overhead(trace: ProfileResult) -> Estimate | None:
    """The step time under the profiler over the step time without, less 1; None from fewer than three pairs."""
    if len(trace.turns) < FEWEST_PAIRS:
        return None
    ratio = ratios.paired([profiled / plain for plain, profiled in trace.turns]).estimate()
    assert ratio.low is not None
    assert ratio.high is not None
    return Estimate(value=ratio.value - 1, low=ratio.low - 1, high=ratio.high - 1)


def _with_split(summary: ProfileSummary, found: OperationRun) -> ProfileSummary:
    """Add the step time and its parts, from the first marker's start until the last of the step's work ended."""
    if not found.markers or not summary.steps:
        return summary
    work = [each for each in found.operations if each.place != "input"]
    start = min(marker.start for marker in found.markers)
    end = max(*(marker.end for marker in found.markers), *(each.end for each in work), start)
    layers = [
        [(each.start, each.end) for each in work if each.place == "device"],
        [(each.start, each.end) for each in work if each.place == "step"],
        found.waits,
    ]
    parts = [*operations.exclusive(layers, start, end), 0, 0, 0][:3]
    device_s, host_s, input_s = (part * PICOSECONDS / summary.steps for part in parts)
    step_s = (end - start) * PICOSECONDS / summary.steps
    return replace(
        summary,
        step_s=step_s,
        device_s=device_s if layers[0] else None,
        host_s=host_s,
        input_s=input_s,
        idle_s=max(0.0, step_s - device_s - host_s - input_s),
    )


def _of_input(found: OperationRun) -> list[Operation]:
    return [each for each in found.operations if each.place == "input"]


def _table(executed: Iterable[Operation], place: Literal["step", "input"]) -> tuple[OperationTime, ...]:
    """The busiest kinds of operation first; the rest is left out, but its time is part of what shares are of."""
    self_ps: dict[str, int] = defaultdict(int)
    occurrences: Counter[str] = Counter()
    instances: dict[str, Counter[str]] = defaultdict(Counter)
    for each in executed:
        self_ps[each.kind] += each.self_ps
        occurrences[each.kind] += 1
        instances[each.kind][each.name] += each.self_ps
    whole = sum(self_ps.values()) or 1
    busiest = sorted(self_ps, key=lambda kind: -self_ps[kind])[: MOST_OPERATIONS[place]]
    return tuple(
        OperationTime(
            kind=kind,
            name=instances[kind].most_common(1)[0][0],
            self_s=self_ps[kind] * PICOSECONDS,
            share=self_ps[kind] / whole,
            occurrences=occurrences[kind],
            place=place,
        )
        for kind in busiest
    )


def _share(executed: Iterable[Operation], group: Group) -> float | None:
    """Self time in that kind of work; None where nothing executed."""
    times = [(each.self_ps, each.group == group) for each in executed]
    whole = sum(time for time, _ in times)
    return sum(time for time, counts in times if counts) / whole if whole else None


def _share_16bit(executed: Iterable[Operation]) -> float | None:
    """Self time of the convolutions and matrix products that gave 16-bit outputs, among those whose output was
    seen being allocated (one that reuses its input's memory was not)."""
    seen = [
        each for each in executed if each.group in ("convolution", "matrix product") and each.output_type is not None
    ]
    whole = sum(each.self_ps for each in seen)
    return sum(each.self_ps for each in seen if each.output_type in operations.BITS_16) / whole if whole else None


def _peak(peaks: dict[str, int]) -> int | None:
    """The largest allocator's; the GPU's where it has one."""
    gpu = [given_out for name, given_out in peaks.items() if "gpu" in name.lower()]
    return max(gpu or peaks.values(), default=None)
