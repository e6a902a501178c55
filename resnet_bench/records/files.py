"""TODO."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import msgspec

from resnet_bench.errors import RecordError
from resnet_bench.records.base import Data


def stamp(created_at: str) -> str:
    """`20260131T120000Z`, from an ISO time in UTC: sorts by time."""
    return re.sub(r"[-:]|\.\d+|\+00:00", "", created_at).rstrip("Z") + "Z"


def indented_json(saved: Data) -> bytes:
    """What is saved, as JSON that a person can read."""
    return msgspec.json.format(msgspec.json.encode(saved, order="deterministic"), indent=2) + b"\n"


def stem(created_at: str, mode: str, record_id: str) -> str:
    """`20260131T120000Z-train-1a2b3c4d`: sorts by time, tells the mode, never collides. Names the record's file, and
    the folder beside it that holds what it refers to."""
    return f"{stamp(created_at)}-{mode}-{record_id[:8]}"


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all; `RecordError` names the path and the cause."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise RecordError(f"{path} cannot be written: {error.strerror or error}.", "Choose another folder.") from error


def check_folder(folder: Path, flag: str = "--output") -> None:
    """Refuse a folder, named by `flag`, that cannot be written to, before anything is measured."""
    try:
        write_atomically(folder / ".writable", b"")
    except RecordError as error:
        raise RecordError(error.message, f"Choose another folder with {flag}.") from error
    (folder / ".writable").unlink(missing_ok=True)
