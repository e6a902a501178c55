"""Inside the worker: profile the prepared step; in a fresh worker: read what a profile left."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from resnet_bench.worker import protocol as p

if TYPE_CHECKING:
    from resnet_bench.worker.commands import Phases


def take(phases: Phases, command: p.Profile) -> p.Profiled:
    """Trace some steps, then let steps with and without the profiler take turns. Blocks until both are done."""
    from resnet_bench.profile import capture

    end = time.monotonic() + command.budget_s
    on_gpu = phases.runtime.machine.device_kind == "gpu"
    with phases.in_phase("profile"):
        longest_s = min(command.budget_s, capture.LONGEST_S)
        result = capture.capture(
            phases.step, Path(command.directory), command.calls, device_tracing=on_gpu, longest_s=longest_s
        )
    with phases.in_phase("profiler overhead"):
        left_s = end - time.monotonic()
        turns = capture.compare(phases.step, command.call_s, left_s, device_tracing=result.device_traced)
    return p.Profiled(result=replace(result, turns=turns))


def read(phases: Phases, command: p.ReadTrace) -> p.TraceRead:
    """Sum a trace up, without TensorFlow."""
    from resnet_bench.profile import summary

    with phases.in_phase("profile summary"):
        return p.TraceRead(summary=summary.summarize(command.trace))
