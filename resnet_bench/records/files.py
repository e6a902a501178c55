"""Files of results: identities, names that sort by time, and writing whole or not at all.

Neighbours: `saved.py` has the base of everything that is saved, `read.py` reads it.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import secrets
import uuid
from pathlib import Path

from resnet_bench.errors import RecordError


def new_id() -> str:
    """A random identity of 32 hex digits."""
    return uuid.uuid4().hex


def now() -> str:
    """The time in UTC to the second, as ISO 8601: `2026-01-31T12:00:00+00:00`."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def stamp(created_at: str) -> str:
    """`20260131T120000Z`, from an ISO time in UTC: sorts by time."""
    return re.sub(r"[-:]|\.\d+|\+00:00", "", created_at).rstrip("Z") + "Z"


def stem(created_at: str, label: str, identity: str) -> str:
    """`20260131T120000Z-train-1a2b3c4d`: sorts by time, says the mode or kind, never collides. Names the file, and
    the folder beside it that holds what it refers to."""
    return f"{stamp(created_at)}-{label}-{identity[:8]}"


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all, and have it on the disk on return. The mode follows the umask.

    `RecordError` names the path and the cause.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise RecordError(f"{path} cannot be written: {error.strerror or error}.", "Choose another folder.") from error
    sync_folder(path.parent)


def replace_durably(temporary: Path, path: Path) -> None:
    """Rename a complete file to `path`, with its content and its name on the disk on return. Raises `OSError`."""
    handle = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk. Some file systems cannot; the files themselves are complete."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_folder(folder: Path, flag: str = "--output") -> None:
    """Refuse a folder, named by `flag`, that cannot be written to, before anything is measured."""
    try:
        write_atomically(folder / ".writable", b"")
    except RecordError as error:
        raise RecordError(error.message, f"Choose another folder with {flag}.") from error
    (folder / ".writable").unlink(missing_ok=True)
