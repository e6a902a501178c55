"""The parent's side of a worker: start it, ask it, and turn every way it can end into a typed outcome.

Imports no TensorFlow and sleeps in `select` while it waits. Neighbours: `interface.py` says what a worker is to its
callers, `protocol/` has the messages, `experiments/` decide what to ask.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import get_args

import msgspec

import resnet_bench
from resnet_bench.records.run import Outcome, OutcomeKind
from resnet_bench.runtime import python_process
from resnet_bench.runtime.cgroup import oom_kills, quota_cpus
from resnet_bench.runtime.cpu import affinity
from resnet_bench.runtime.resolve import usable_cpus
from resnet_bench.worker.interface import LOG_REMEDY, R, WorkerFailure, classify_exit, failed_reply, hung, out_of_budget
from resnet_bench.worker.protocol import (
    Command,
    Events,
    Failed,
    Message,
    PhaseStarted,
    decode_answer,
    encode,
)

LOG_TAIL_LINES = 25
STOP_TIMEOUT_S = 10.0
MAX_LINE_BYTES = 1 << 24
ARENAS_VARIABLE = "MALLOC_ARENA_MAX"
_EVENTS = get_args(Events)


class WorkerProcess:
    """A live worker process; use as a context manager, which leaves no process behind.

    `module` and `environment` let tests and peers put another program in the child's place.
    """

    def __init__(self, module: str = "resnet_bench.worker.child", environment: dict[str, str] | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="resnet-bench-"))
        self.log_path = self._folder / "worker.log"
        self.phase = "start"
        self._stopped = False
        self._pending = b""
        self._oom_kills = oom_kills()
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                python_process.command(module, str(os.getpid())),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=_child_environment(module, environment),
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._commands, self._answers = self._process.stdin, self._process.stdout

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def request(
        self,
        command: Command,
        reply: type[R],
        *,
        silence_s: float,
        deadline: float,
        on_event: Callable[[Events], None] = lambda _event: None,
    ) -> R:
        """Send a command and return its reply; events go to `on_event` as they come.

        `silence_s` bounds the time between two messages, `deadline` (on `time.monotonic`) the whole.
        Raises `WorkerFailure`, after which the worker is gone.
        """
        self._wake()
        try:
            self._commands.write(encode(command))
            self._commands.flush()
        except BrokenPipeError:
            raise self._ended() from None
        while True:
            message = self._next_message(silence_s, deadline)
            if isinstance(message, PhaseStarted):
                self.phase = message.phase
            if isinstance(message, _EVENTS):
                on_event(message)
            elif isinstance(message, Failed):
                raise self._failed(message)
            elif isinstance(message, reply):
                self._stopped = command.then_stop
                return message
            else:
                raise self._garbage(repr(message))

    def close(self) -> None:
        """End the process group, whatever it is doing, and remove the log."""
        self.kill()
        for pipe in (self._commands, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def wait_for_exit(self, seconds: float = STOP_TIMEOUT_S) -> None:
        """Give a worker that has finished a moment to leave by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL to the whole group; returns once the worker is reaped."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    def log_tail(self) -> tuple[str, ...]:
        """The last lines that the worker wrote to stderr."""
        try:
            text = self.log_path.read_text(errors="replace")
        except OSError:
            return ()
        return tuple(text.splitlines()[-LOG_TAIL_LINES:])

    def _wake(self) -> None:
        """Continue a worker that stopped itself; waits until it really has, or SIGCONT would be lost."""
        if not self._stopped:
            return
        end = time.monotonic() + STOP_TIMEOUT_S
        while not is_stopped(self.pid) and self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.0005)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGCONT)
        self._stopped = False

    def wait_until_stopped(self) -> None:
        """Return once a worker that was asked to stop has done so."""
        end = time.monotonic() + STOP_TIMEOUT_S
        while self._stopped and not is_stopped(self.pid):
            if self._process.poll() is not None or time.monotonic() > end:
                raise self._ended()
            time.sleep(0.0005)

    def _next_message(self, silence_s: float, deadline: float) -> Message:
        silent_until = time.monotonic() + silence_s
        while b"\n" not in self._pending:
            left = min(silent_until, deadline) - time.monotonic()
            ready = select.select([self._answers], [], [], max(0.0, left))[0] if left > 0 else []
            if not ready:
                raise self._overdue(silence_s) if deadline > silent_until else self._out_of_budget()
            chunk = os.read(self._answers.fileno(), 1 << 16)
            if not chunk:
                raise self._ended()
            self._pending += chunk
            if len(self._pending) > MAX_LINE_BYTES:
                raise self._garbage(f"{len(self._pending):,} bytes without an end of line")
        line, _, self._pending = self._pending.partition(b"\n")
        try:
            return decode_answer(line)
        except msgspec.MsgspecError:
            raise self._garbage(line[:200].decode(errors="replace")) from None

    def _failure(self, kind: OutcomeKind, message: str, remedy: str, **more: int | None) -> WorkerFailure:
        self.kill()
        outcome = Outcome(kind=kind, message=message, remedy=remedy, phase=self.phase, log_tail=self.log_tail(), **more)
        return WorkerFailure(outcome)

    def _failed(self, reply: Failed) -> WorkerFailure:
        self.phase = reply.phase
        return self._failure(*failed_reply(reply))

    def _overdue(self, silence_s: float) -> WorkerFailure:
        return self._failure(*hung(silence_s, self.phase))

    def _out_of_budget(self) -> WorkerFailure:
        return self._failure(*out_of_budget(self.phase))

    def _garbage(self, text: str) -> WorkerFailure:
        return self._failure("crashed", f"The worker sent something that is no message: {text}", LOG_REMEDY)

    def _ended(self) -> WorkerFailure:
        """The worker closed its pipe: say how it died."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_TIMEOUT_S)
        code = self._process.poll()
        kind, message, remedy = classify_exit(code, "\n".join(self.log_tail()), oom_kills() > self._oom_kills)
        return self._failure(
            kind,
            f"{message} in phase {self.phase}.",
            remedy,
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
        )


def is_stopped(pid: int) -> bool:
    """Whether a process is in the stopped state (T); False where that is unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "T"


def _child_environment(module: str, extra: dict[str, str] | None) -> dict[str, str]:
    """This process' environment, with the package importable, a bound on memory arenas, and `extra`.

    glibc's own default lets eight memory arenas per processor fill up, each with freed records that no other can
    use: over six epochs an input pipeline grew by 250 MiB, and not at all with one arena per processor, at the same
    speed. A value that the user exported stays, and workers that are no part of this package are left as they are.
    """
    ours = module.startswith(f"{resnet_bench.__name__}.")
    arenas = {ARENAS_VARIABLE: str(max(2, usable_cpus(len(affinity()), quota_cpus())))} if ours else {}
    return {**arenas, **python_process.environment(), **(extra or {})}
