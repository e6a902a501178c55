"""The untimed pass that measures the machine's roofs, and the roofline that comes of it.

After the timed processes, in a process of its own, within the run's budget. What fails or does not fit is a
`Notice` and spoils nothing. Neighbours: `session.py` calls, `worker/limits.py` measures, `roofline.py` computes.
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
from resnet_bench.records.roofline import Roofline
from resnet_bench.records.run import ProcessSamples
from resnet_bench.records.summary import Summary
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import Worker

ROOFS_S = 8.0
"""What the roofs are given; shared by eleven measurements or so."""

LEAST_ROOFS_S = 2.0
OVERRUN = 1.5
"""Small shares are overrun: each measurement makes two calls at least, and compiles."""

COMPUTE = {"tf32": "float32", "mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}
"""What convolutions compute in where it is not called as --precision is."""


def reserved_s(found: Findings) -> float:
    """Seconds of the budget that the timed processes must leave for the pass: what it needs, a quarter at most."""
    measure = found.requested.measure
    return min(measure.max_time / 4, 2 * LEAST_ROOFS_S + OVERRUN * ROOFS_S + 12.0) if measure.roofline else 0.0


def measure(found: Findings, observer: RunObserver, deadline: float, new_worker: Callable[[], Worker]) -> None:
    """Measure the roofs and count the layers, where that was asked for and fits; `found.limits` holds them. Blocks."""
    timed = next((process for process in found.processes if process.rounds), None)
    if found.resolved is None or timed is None or not found.requested.measure.roofline:
        return
    left_s = deadline - time.monotonic()
    budget_s = min(ROOFS_S, (left_s - _start_s(timed)) / OVERRUN)
    if budget_s < LEAST_ROOFS_S:
        facts: dict[str, Value] = {"left_s": max(0.0, left_s), "needed_s": _start_s(timed) + OVERRUN * LEAST_ROOFS_S}
        found.note(Notice.make("roofline_cut", **facts))
        return
    observer.phase("roofs of this machine")
    command = p.MeasurePeaks(config=found.runnable, budget_s=budget_s)
    try:
        with new_worker() as worker:
            silence_s = found.requested.measure.timeout
            reply = worker.request(command, p.PeaksMeasured, silence_s=silence_s, deadline=deadline)
    except BenchError as error:
        found.note(Notice.make("roofline_failed", message=error.message))
        return
    found.limits = reply


def _start_s(timed: ProcessSamples) -> float:
    """What a process needs until it can measure: all but tracing and the first step."""
    cold = timed.cold_start
    return 1.3 * sum(part or 0.0 for part in (cold.process_s, cold.import_s, cold.start_s, cold.build_s))


def join(found: Findings, summary: Summary | None) -> Roofline | None:
    """The run against the measured roofs; None where nothing was measured, or no network ran."""
    limits, config, model = found.limits, found.resolved, found.model
    if limits is None or config is None or model is None or summary is None or not limits.layers:
        return None
    step, precision = config.step, config.step.precision
    assert isinstance(step.batch_size, int), "a run that was measured has a batch size"
    dtype = COMPUTE.get(precision, precision)
    training = step.mode == "train"
    groups = roofline.count(
        limits.layers,
        batch=step.batch_size,
        training=training,
        dtype=dtype,
        parameters=model.trainable_parameters,
        optimizer=step.optimizer if training else None,
    )
    return roofline.build(
        groups,
        matmul=limits.roofs.matmul,
        convolution=limits.roofs.convolution,
        bandwidth=limits.roofs.bandwidth,
        dtype=dtype,
        step_s=summary.step_s.value,
        profile=found.profile,
    )


def doubts(found: Roofline | None) -> tuple[Notice, ...]:
    """That the run did better than the measured roofs allow: they were measured on a busier machine."""
    if found is None:
        return ()
    limit_s, mfu = found.step_limit_s, found.mfu
    if (limit_s is None or found.step_s >= limit_s) and (mfu is None or mfu <= 1):
        return ()
    return (Notice.make("roofs_too_low", mfu=mfu, step_s=found.step_s, limit_s=limit_s),)
