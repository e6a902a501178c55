"""Locks of single configurations, so that two sweeps in one folder share the work instead of repeating it.

The lock of a configuration is a file that names a process by number and start time. It is made with O_EXCL under a lock
of the folder, which the kernel drops with its holder; so a lock whose process is gone can be taken over by exactly one
other, and one that was cut off in the middle belongs to nobody. Neighbour: `sweep.py`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from resnet_bench.errors import RecordError
from resnet_bench.runtime.environment import machine_id

FOLDER = ".claims"


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """A process on a machine: numbers are reused, start times (seconds since 1970) are not."""

    pid: int
    started: float
    machine: str | None = None


def this_process() -> Owner:
    """This process, as the owner of locks."""
    return Owner(pid=os.getpid(), started=psutil.Process().create_time(), machine=machine_id())


def alive(owner: Owner) -> bool:
    """Whether that process still runs; one of another machine is assumed to."""
    if owner.machine != machine_id():
        return True
    try:
        process = psutil.Process(owner.pid)
        return abs(process.create_time() - owner.started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


class SweepLock:
    """The locks in one folder of records."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._me = this_process()

    def take(self, name: str) -> Owner | None:
        """Lock `name`; the running owner where another has it, None where it is ours now.

        `RecordError` where the folder cannot be written to.
        """
        path = self.path(name)
        with self._locked():
            owner = _read(path)
            if owner is not None and owner != self._me and alive(owner):
                return owner
            path.unlink(missing_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(self._me))
        return None

    def release(self, name: str) -> None:
        """Give `name` back, if it is ours."""
        with self._locked():
            if _read(self.path(name)) == self._me:
                self.path(name).unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """The file of a lock."""
        return self._folder / f"{name}.claim"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / "lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise RecordError(
                f"{self._folder} cannot be written: {error.strerror or error}.", "Choose another folder with --output."
            ) from error


def _read(path: Path) -> Owner | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Owner)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
