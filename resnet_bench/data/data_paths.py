"""What `--data` names on disk: folders listed and globs matched, with an error that says what is wrong with the path.

Neighbours: `class_folders` walks folders of images, `sources/` and `verify_shards` open what is found here. Imports no
TensorFlow.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from resnet_bench.errors import DataError

_REMOTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


def refuse_remote(data: str, flag: str = "--data") -> None:
    """Raise `DataError` for an address such as gs://bucket/train-*."""
    if _REMOTE.match(data):
        raise DataError(
            f"{flag} {data} is a remote address, and only local files are read.",
            "Copy the files to this machine, or mount the storage and name the mounted folder.",
        )


def local_path(data: str, flag: str = "--data") -> Path:
    """The path that `data` names, `~` expanded; `DataError` for a remote address."""
    refuse_remote(data, flag)
    return Path(data).expanduser()


def existing(data: str, what: str, flag: str = "--data") -> Path:
    """The path of a file or folder that exists and may be read; else a `DataError`. what: to name instead."""
    path = local_path(data, flag)
    try:
        path.stat()
    except FileNotFoundError as error:
        raise DataError(f"{flag} {path} does not exist.", what) from error
    except OSError as error:
        raise cannot_read(path, error) from error
    return path


def list_folder(folder: Path) -> list[Path]:
    """What lies in `folder`, sorted by name. Raises `DataError` where it may not be listed."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{folder}: the folder cannot be listed ({error.strerror}).", "Allow reading it, or name another folder."
        ) from error


def is_folder(path: Path) -> bool:
    """Whether it leads to a folder; False where that cannot be seen."""
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises where the parent may not be searched)


def matches(pattern: str) -> list[Path]:
    """The files and folders that a path or a glob names, sorted. A path that exists is taken as it is, and so is the
    folder part of a glob: `set [v1]/*.tfrecord` names the files of the folder `set [v1]`."""
    path = local_path(pattern)
    if os.path.lexists(path):
        return [path]
    literal = Path()
    for depth in range(len(path.parts), 0, -1):
        literal = Path(*path.parts[:depth])
        if is_folder(literal):
            break
    else:
        literal = Path()
    rest = path.parts[len(literal.parts) :]
    if literal.parts and rest:
        list_folder(literal)  # glob takes a folder that may not be listed for an empty one
    return sorted(
        Path(name)
        for name in glob.glob(str(Path(glob.escape(str(literal)), *rest)), recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
    )


def cannot_read(path: Path, error: OSError, remedy: str = "Allow reading it, or name another.") -> DataError:
    """The error for a file or folder that the system refuses."""
    return DataError(f"{error.filename or path}: cannot be read ({error.strerror}).", remedy)


def path_bytes(paths: Iterable[str]) -> list[bytes]:
    """Paths as TensorFlow takes all of them, those that are not UTF-8 too."""
    return [os.fsencode(path) for path in paths]
