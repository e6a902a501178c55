"""Locks of single configurations, so that two sweeps in one folder share the work instead of repeating it.

The lock of a configuration is a file that its holder keeps locked (flock(2)) as long as it works: the kernel drops the
lock with its holder, in whichever container that ran. The file names the holder for readers. Locks are taken and
released under a lock of the folder. Neighbour: `sweep.py`.
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
    """A process on a machine; `started` is in seconds since 1970. Process numbers are those of its own container."""

    pid: int
    started: float
    machine: str | None = None


UNKNOWN = Owner(pid=0, started=0.0)
"""The holder of a lock whose file cannot be read."""


def this_process() -> Owner:
    """This process, as the owner of locks."""
    return Owner(pid=os.getpid(), started=psutil.Process().create_time(), machine=machine_id())


class SweepLock:
    """The locks in one folder of records. Those of this object are released at the latest when the process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._me = this_process()
        self._held: dict[str, int] = {}

    def take(self, name: str) -> Owner | None:
        """Lock `name`; the owner where another process has it, None where it is ours now.

        A lock of another machine that its holder seems not to keep is believed nevertheless: some network file systems
        do not pass locks on. `RecordError` where the folder cannot be written to.
        """
        with self._locked():
            if name in self._held:
                return None
            handle = os.open(self.path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            owner = _read(handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return owner or UNKNOWN
            if owner is not None and self._is_elsewhere(owner):
                os.close(handle)
                return owner
            os.ftruncate(handle, 0)
            os.pwrite(handle, msgspec.json.encode(self._me), 0)
            self._held[name] = handle
        return None

    def release(self, name: str) -> None:
        """Give `name` back, if it is ours."""
        if name not in self._held:
            return
        with self._locked():
            self.path(name).unlink(missing_ok=True)
            os.close(self._held.pop(name))

    def path(self, name: str) -> Path:
        """The file of a lock."""
        return self._folder / f"{name}.claim"

    def _is_elsewhere(self, owner: Owner) -> bool:
        mine = self._me.machine
        return owner.machine is not None and mine is not None and owner.machine != mine

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


def _read(handle: int) -> Owner | None:
    try:
        return msgspec.json.decode(os.pread(handle, 1 << 16, 0), type=Owner)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
