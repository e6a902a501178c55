"""What a worker is to its callers, and every way in which it can fail, as a typed outcome.

Neighbours: `process.py` is the worker that really starts a process; tests put one in its place that does not.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

from resnet_bench.errors import BenchError, WorkerError, from_kind
from resnet_bench.records.run import Outcome, OutcomeKind
from resnet_bench.worker.protocol import Command, Events, Failed, Message

R = TypeVar("R", bound=Message)
Failure = tuple[OutcomeKind, str, str]
"""Kind of outcome, message, remedy."""

LOG_REMEDY = "See the end of the worker's log."
_UNKNOWN_FLAGS = re.compile(r"Unknown flags? in (\w+): *(.+)")
_OUT_OF_MEMORY = re.compile(r"std::bad_alloc|OOM when allocating|CUDA_ERROR_OUT_OF_MEMORY|MemoryError", re.IGNORECASE)


class Worker(Protocol):
    """A worker that answers commands; a context manager that leaves nothing behind. `log_path` is its stderr."""

    log_path: Path

    @property
    def pid(self) -> int:
        """The process id."""

    def __enter__(self) -> Worker: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def request(
        self,
        command: Command,
        reply: type[R],
        *,
        silence_s: float,
        deadline: float,
        on_event: Callable[[Events], None] = ...,
    ) -> R:
        """Send a command and return its reply; events go to `on_event` as they come.

        `silence_s` bounds the time between two messages, `deadline` (on `time.monotonic`) the whole. Raises
        `WorkerFailure`, after which the worker is gone.
        """

    def wait_until_stopped(self) -> None:
        """Return once a worker that was asked to stop has done so."""

    def wait_for_exit(self, seconds: float = ...) -> None:
        """Give a worker that has finished a moment to leave by itself."""

    def close(self) -> None:
        """End it, whatever it is doing, and remove its log."""


class WorkerFailure(WorkerError):  # noqa: N818
    """A worker that did not answer as it should; `outcome` says how it ended."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message, outcome.remedy)
        self.outcome = outcome
        if outcome.kind in ("config", "data", "device", "out_of_memory", "budget"):
            self.exit_code = from_kind(outcome.kind, "", "").exit_code


def outcome_of(error: BenchError) -> Outcome:
    """The outcome that an error of the parent's own stands for."""
    if isinstance(error, WorkerFailure):
        return error.outcome
    kinds: dict[str, OutcomeKind] = {
        "config": "config",
        "data": "data",
        "device": "device",
        "out_of_memory": "out_of_memory",
        "budget": "budget",
    }
    return Outcome(kind=kinds.get(error.kind, "error"), message=error.message, remedy=error.remedy)


def failed_reply(reply: Failed) -> Failure:
    """The failure that a worker reported itself."""
    known = reply.kind in ("config", "data", "device", "out_of_memory")
    kind: OutcomeKind = reply.kind if known else "error"  # type: ignore[assignment]
    return kind, reply.message, reply.remedy


def hung(silence_s: float, phase: str) -> Failure:
    """The failure of a worker that sent nothing for too long."""
    return (
        "hung",
        f"No response from the worker for {silence_s:g} s (phase: {phase}).",
        "Increase --timeout if this phase is that slow here; otherwise make the work smaller.",
    )


def out_of_budget(phase: str) -> Failure:
    """The failure of a worker that was still at work when the time was up."""
    return (
        "budget",
        f"The time budget ended in phase {phase}.",
        "Increase --max-time, or make the work smaller (--batch-size, --image-size, --preset smoke).",
    )


def classify_exit(code: int | None, log: str, oom_killed: bool) -> tuple[OutcomeKind, str, str]:
    """What the end of a worker means: outcome, a sentence without its full stop, and what to try.

    `oom_killed`: the kernel has killed something for memory meanwhile. It does so with SIGKILL; another end is not its.
    """
    smaller = "Use a smaller --batch-size or --image-size."
    if (oom_killed and code == -signal.SIGKILL) or _OUT_OF_MEMORY.search(log):
        return "out_of_memory", "The worker ran out of memory", smaller
    flags = _UNKNOWN_FLAGS.search(log)
    if flags is not None:
        variable = flags[1]
        message = f"{variable} in the environment has unknown flags ({flags[2].strip()}), so TensorFlow aborted"
        return "config", message, f"Correct {variable}, or unset it."
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        if -code == signal.SIGKILL:
            return "killed", f"The worker was killed ({name})", f"If the system did it for memory: {smaller}"
        if -code in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            return "killed", f"The worker was terminated ({name})", "Run it again."
        return "crashed", f"The worker crashed ({name})", LOG_REMEDY
    return "crashed", f"The worker ended without an answer (exit code {code})", LOG_REMEDY
