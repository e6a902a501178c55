"""A worker without a process: real commands, a fake backend, and every message encoded and decoded as on the pipe.

For tests of what the parent makes of answers. That processes really start, stop and die as is claimed here is tested
with `WorkerProcess` (`tests/worker/test_process.py`, `tests/worker/test_hostile.py`, and a test or two per command).
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType

from resnet_bench.records.run import Outcome, OutcomeKind
from resnet_bench.worker import protocol as p
from resnet_bench.worker.backends.base import Backend
from resnet_bench.worker.child import answer
from resnet_bench.worker.commands import Commands
from resnet_bench.worker.interface import R, WorkerFailure, classify_exit, failed_reply, hung, out_of_budget
from tests.support.fake_worker import Ends, FakeBackend


class _Ended(BaseException):
    """The process that there would be has ended, with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Silent(BaseException):
    """The process that there would be says nothing more."""


class _OutOfTime(BaseException):
    """The deadline passed while the command was carried out."""


class SimulatedEnds(Ends):
    """Says how the process would end."""

    log_path: Path

    def crash(self) -> None:
        """See `Ends`."""
        self.log_path.write_text("a last word\n")
        raise _Ended(-signal.SIGSEGV)

    def kill(self) -> None:
        """See `Ends`."""
        raise _Ended(-signal.SIGKILL)

    def hang(self) -> None:
        """See `Ends`."""
        raise _Silent

    def exit(self) -> None:
        """See `Ends`."""
        raise _Ended(7)

    def bad_alloc(self) -> None:
        """See `Ends`."""
        self.log_path.write_text("terminate called after throwing an instance of 'std::bad_alloc'\n")
        raise _Ended(-signal.SIGABRT)

    def interrupt(self) -> None:
        """See `Ends`."""
        raise KeyboardInterrupt


class InProcessWorker:
    """A `Worker` whose commands are carried out in this process."""

    def __init__(self, backend: type[FakeBackend] = FakeBackend, /, **environment: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="resnet-bench-"))
        self.log_path = self._folder / "worker.log"
        self.log_path.touch()
        self.pid = os.getpid()
        self.phase = "start"
        self._gone = False
        self._deadline = 0.0
        self._on_event: Callable[[p.Events], None] = lambda _event: None
        self._commands = Commands(self._send, partial(self._new_backend, backend, {**os.environ, **environment}))

    def _new_backend(self, backend: type[FakeBackend], environ: dict[str, str], phases: object) -> Backend:
        ends = SimulatedEnds(phases)  # type: ignore[arg-type]
        ends.log_path = self.log_path
        return backend(phases, environ, ends)  # type: ignore[arg-type]

    def __enter__(self) -> InProcessWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def request(
        self,
        command: p.Command,
        reply: type[R],
        *,
        silence_s: float,
        deadline: float,
        on_event: Callable[[p.Events], None] = lambda _event: None,
    ) -> R:
        """See `Worker`. Nothing is waited for: a worker that hangs does so at once."""
        self._on_event, self._deadline = on_event, deadline
        try:
            if self._gone:
                raise _Ended(0)
            if time.monotonic() > deadline:
                raise _OutOfTime
            sent = answer(self._commands, p.decode_command(p.encode(command)))
        except _Ended as end:
            raise self._ended(end.code) from None
        except _Silent:
            overdue = deadline > time.monotonic() + silence_s
            raise self._failure(*(hung(silence_s, self.phase) if overdue else out_of_budget(self.phase))) from None
        except _OutOfTime:
            raise self._failure(*out_of_budget(self.phase)) from None
        message = p.decode_answer(p.encode(sent))
        if isinstance(message, p.Failed):
            self.phase = message.phase
            raise self._failure(*failed_reply(message))
        assert isinstance(message, reply), message
        return message

    def _send(self, message: p.Message) -> None:
        event = p.decode_answer(p.encode(message))
        if isinstance(event, p.PhaseStarted):
            self.phase = event.phase
        self._on_event(event)  # type: ignore[arg-type]
        if time.monotonic() > self._deadline:
            raise _OutOfTime

    def _ended(self, code: int) -> WorkerFailure:
        kind, message, remedy = classify_exit(code, self.log_path.read_text(), oom_killed=False)
        exits = {"exit_code": code} if code >= 0 else {"signal": -code}
        return self._failure(kind, f"{message} in phase {self.phase}.", remedy, **exits)

    def _failure(self, kind: OutcomeKind, message: str, remedy: str, **more: int) -> WorkerFailure:
        self._gone = True
        tail = tuple(self.log_path.read_text().splitlines())
        return WorkerFailure(
            Outcome(kind=kind, message=message, remedy=remedy, phase=self.phase, log_tail=tail, **more)
        )

    def wait_until_stopped(self) -> None:
        """It is, whenever it is not asked."""

    def wait_for_exit(self, seconds: float = 0.0) -> None:
        """It has."""

    def close(self) -> None:
        """Remove the log."""
        shutil.rmtree(self._folder, ignore_errors=True)
