"""Inside the worker: profile the prepared step; in a fresh worker: summarize a trace."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from resnet_bench.worker import protocol as p

if TYPE_CHECKING:
    from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession


def take(session: TensorFlowSession, command: p.Profile) -> p.Profiled:
    """Trace some steps, then time steps with and without the profiler, interleaved. Blocks until both are done."""
    from resnet_bench.profile import capture

    end = time.monotonic() + command.budget_s
    on_gpu = session.runtime.machine.device_kind == "gpu"
    with session.phases.enter("profile"):
        longest_s = min(command.budget_s, capture.LONGEST_S)
        result = capture.capture(
            session.step, Path(command.directory), command.calls, device_tracing=on_gpu, longest_s=longest_s
        )
    with session.phases.enter("profiler overhead"):
        left_s = end - time.monotonic()
        turns = capture.compare(session.step, command.call_s, left_s, device_tracing=result.device_traced)
    return p.Profiled(result=replace(result, turns=turns))


def read(session: TensorFlowSession, command: p.ReadTrace) -> p.TraceRead:
    """Sum a trace up, without TensorFlow."""
    from resnet_bench.profile import summary

    with session.phases.enter("profile summary"):
        return p.TraceRead(summary=summary.summarize(command.trace))
