"""The untimed pass after the timed processes that measures the machine's peaks, and the run's roofline.

In a process of its own, within the run's budget. Nothing here can spoil a run: a failure, or a lack of time, becomes a
`Notice`. Neighbours: `run.py` calls, `worker/handlers/peaks.py` measures, `analysis/roofline.py` computes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from resnet_bench.analysis import roofline
from resnet_bench.config.fields import Value
from resnet_bench.errors import BenchError
from resnet_bench.experiments.findings import Findings
from resnet_bench.experiments.progress import RunObserver
from resnet_bench.records.base import Notice
from resnet_bench.records.roofline import COMPUTE_DTYPES, Roofline
from resnet_bench.records.run import ProcessSamples
from resnet_bench.records.summary import Summary
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker

PEAKS_S = 8.0
"""Seconds for the peaks, shared by about eleven measurements."""

LEAST_PEAKS_S = 2.0
OVERRUN = 1.5
"""Short measurements take longer than their share: each makes at least two calls, and compiles."""


IMPOSSIBLE_MFU = 1.25
"""MFU above which the rate cannot be right. Rates of a shared machine vary by 10 to 25 %, so peaks may be measured that
much too low."""


def reserved_s(found: Findings) -> float:
    """Seconds of the budget that the timed processes must leave for the pass: what it needs, a quarter at most."""
    measure = found.requested.measure
    return min(measure.max_time / 4, 2 * LEAST_PEAKS_S + OVERRUN * PEAKS_S + 12.0) if measure.roofline else 0.0


def run(found: Findings, observer: RunObserver, deadline: float, new_worker: Callable[[], Worker]) -> None:
    """Measure the peaks and count the layers into `found.peaks`, where that is requested and fits. Blocks."""
    timed = next((process for process in found.processes if process.rounds), None)
    if found.resolved is None or timed is None or not found.requested.measure.roofline:
        return
    left_s = deadline - time.monotonic()
    budget_s = min(PEAKS_S, (left_s - _start_s(timed)) / OVERRUN)
    if budget_s < LEAST_PEAKS_S:
        facts: dict[str, Value] = {"left_s": max(0.0, left_s), "needed_s": _start_s(timed) + OVERRUN * LEAST_PEAKS_S}
        found.note(Notice.make("roofline_cut", **facts))
        return
    observer.phase("measured peaks")
    command = p.MeasurePeaks(config=found.runnable, budget_s=budget_s)
    try:
        with new_worker() as worker:
            silence_s = found.requested.measure.timeout
            reply = worker.request(command, p.PeaksMeasured, silence_s=silence_s, deadline=deadline)
    except BenchError as error:
        found.note(Notice.make("roofline_failed", message=error.message))
        return
    found.peaks = reply


def _start_s(timed: ProcessSamples) -> float:
    """Seconds until a process can measure: all of a cold start but tracing and the first step."""
    cold = timed.cold_start
    return 1.3 * sum(part or 0.0 for part in (cold.process_s, cold.import_s, cold.start_s, cold.build_s))


def join(found: Findings, summary: Summary | None) -> Roofline | None:
    """The run against the measured peaks; None where nothing was measured, or no network ran."""
    measured, config, model = found.peaks, found.resolved, found.model
    if measured is None or config is None or model is None or summary is None or not measured.layers:
        return None
    step = config.step
    assert isinstance(step.batch_size, int), "a run that was measured has a batch size"
    dtype = COMPUTE_DTYPES[step.precision]
    training = step.mode == "train"
    groups = roofline.count(
        measured.layers,
        batch=step.batch_size,
        training=training,
        dtype=dtype,
        parameters=model.trainable_parameters,
        optimizer=step.optimizer if training else None,
    )
    return roofline.build(
        groups,
        matmul=measured.peaks.matmul,
        convolution=measured.peaks.convolution,
        bandwidth=measured.peaks.bandwidth,
        dtype=dtype,
        step_s=summary.step_s.value,
        profile=found.profile,
    )


def doubts(found: Roofline | None) -> tuple[Notice, ...]:
    """A notice where the run is faster than the measured peaks allow: a little, because they were measured while the
    machine was busy; by more than that, because the rate is wrong."""
    if found is None:
        return ()
    limit_s, mfu = found.step_limit_s, found.mfu
    if mfu is not None and mfu > IMPOSSIBLE_MFU:
        return (Notice.make("faster_than_peaks", times=mfu, mfu=mfu),)
    if (limit_s is None or found.step_s >= limit_s) and (mfu is None or mfu <= 1):
        return ()
    return (Notice.make("roofs_too_low", mfu=mfu, step_s=found.step_s, limit_s=limit_s),)
