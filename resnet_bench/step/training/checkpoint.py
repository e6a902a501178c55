"""Checkpoints: every variable and the progress in one file that is replaced whole or not at all.

A NumPy archive, whose members carry checksums. A process that is killed at any moment leaves the checkpoint
before or the one after.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from resnet_bench.errors import DataError, RecordError
from resnet_bench.records.files import sync_folder
from resnet_bench.step.training.progress import TrainingProgress

CHECKPOINT = "checkpoint.npz"
BEST = "best.npz"
_PROGRESS = "progress.json"
_REMEDY = "Delete it to start again, or name another --folder."


def save(path: Path, arrays: Mapping[str, Any], progress: TrainingProgress) -> None:
    """Write arrays by name and the progress to `path`; blocks until the disk has them. `RecordError` where it fails."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            where = np.frombuffer(msgspec.json.encode(progress), np.uint8)
            named: dict[str, Any] = {_PROGRESS: where, **arrays}
            np.savez(file, **named)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise RecordError(
            f"The checkpoint {path} cannot be written: {error.strerror or error}.", "Make room, then use --resume."
        ) from error


def load(path: Path) -> tuple[dict[str, Any], TrainingProgress]:
    """Arrays by name, and the progress. Raises `DataError` for a file that is damaged or something else."""
    try:
        # Opened here: NumPy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files if name != _PROGRESS}
            return arrays, msgspec.json.decode(found[_PROGRESS].tobytes(), type=TrainingProgress)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, msgspec.MsgspecError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"The checkpoint {path} cannot be read: {reason}.", _REMEDY) from error


def sweep(folder: Path) -> None:
    """Remove what a killed process left half-written."""
    for left in folder.glob(".*.npz.*.part"):
        left.unlink(missing_ok=True)
