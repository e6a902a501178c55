"""The messages by which a worker profiles steps, and by which another reads the trace."""

from __future__ import annotations

from resnet_bench.records.profile import ProfileResult, ProfileSummary
from resnet_bench.worker.protocol.base import Command, Message


class Profile(Command, frozen=True, kw_only=True):
    """Trace `calls` calls into `directory`, then compare steps with and without the profiler. Reply: `Profiled`.

    All of it takes about `budget_s` seconds at most; one call is traced in any case. `call_s` is about how long
    a call takes.
    """

    directory: str
    calls: int
    call_s: float
    budget_s: float


class Profiled(Message, frozen=True, kw_only=True):
    """Where the trace lies."""

    result: ProfileResult


class ReadTrace(Command, frozen=True, kw_only=True):
    """Sum a trace up. For a fresh worker: it needs no TensorFlow. Reply: `TraceRead`."""

    trace: ProfileResult


class TraceRead(Message, frozen=True, kw_only=True):
    """What the trace says."""

    summary: ProfileSummary
