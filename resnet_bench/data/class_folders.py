"""The one walk over a folder of class subfolders: which folders are classes, which files are images, what is left out.

Each real file is read once, however many links lead to it. Hidden and housekeeping folders, files that are no images
and special files (FIFOs, sockets) are left out and counted; a folder that cannot be listed is an error. Neighbours:
`sources/folder.py` opens what is found, `encoded_image` knows the suffixes. Imports no TensorFlow.
"""

from __future__ import annotations

import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from resnet_bench.data.data_paths import existing, is_folder, list_folder
from resnet_bench.data.encoded_image import DECODABLE, UNDECODABLE
from resnet_bench.errors import DataError

LAYOUT = "It must hold one subfolder of images per class: FOLDER/CLASS/image.jpg."
TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("val", "valid", "validation", "test", "testing")
"""Folders of these names, in any case, are parts of a data set where no other folders lie beside them."""

PROGRESS_INTERVAL_S = 2.0

_HOUSEKEEPING = frozenset(
    {
        "@eadir",
        "@recycle",
        "@recently-snapshot",
        "#recycle",
        "#snapshot",
        "__macosx",
        "__pycache__",
        "lost+found",
        "$recycle.bin",
        "system volume information",
        "thumbs.db",
        "desktop.ini",
    }
)
_SUFFIXES = DECODABLE | UNDECODABLE
_on_listed: ContextVar[Callable[[int], None] | None] = ContextVar("on_listed", default=None)


@contextmanager
def listing_progress(on_listed: Callable[[int], None]) -> Iterator[None]:
    """While inside, `on_listed` hears every two seconds how many files have been listed."""
    before = _on_listed.set(on_listed)
    try:
        yield
    finally:
        _on_listed.reset(before)


class FolderWalk:
    """One walk: the class folders of `root`, then the images below them; `left_out` counts what was not read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left_out: Counter[str] = Counter()
        self.folders = self._class_folders()
        self._listed, self._reported = 0, time.monotonic()

    def images(self) -> Iterator[tuple[Path, int]]:
        """(path, class) of each image file, by class and then by path; a link to nothing is among them."""
        seen = {_identity(folder) for folder in (self.root, *self.folders)}
        files: set[tuple[int, int]] = set()
        for label, folder in enumerate(self.folders):
            for path in self._files(folder, seen):
                if not self._is_image(path):
                    continue
                found = _identity(path)
                if found is not None and found in files:
                    self.left_out["file reached twice through links"] += 1
                    continue
                if found is not None:
                    files.add(found)
                yield path, label

    def left_out_words(self) -> str:
        """What was left out, counted: "2 hidden files and folders, 1 file that is not an image"; empty if nothing."""
        return ", ".join(f"{count:,} {_plural(what, count)}" for what, count in sorted(self.left_out.items()))

    def _class_folders(self) -> tuple[Path, ...]:
        """The class folders, sorted by name. Raises `DataError` for a root that has none or holds parts."""
        root = self.root
        if not is_folder(existing(str(root), "Name a folder of class subfolders.")):
            raise DataError(
                f"--data {root} is a file, but --source folder reads a folder.",
                "For TFRecord shards: --source tfrecord.",
            )
        folders = []
        for path in list_folder(root):
            if self._is_wanted(path):
                if is_folder(path):
                    folders.append(path)
                else:
                    self.left_out["file outside the class folders"] += 1
        if not folders:
            raise DataError(f"--data {root} has no subfolders.", LAYOUT)
        _refuse_parts(root, folders)
        return tuple(folders)

    def _files(self, folder: Path, seen: set[tuple[int, int] | None]) -> Iterator[Path]:
        """The files below `folder`, subfolders after files; each real folder once."""
        below = []
        for path in list_folder(folder):
            self._report()
            if not self._is_wanted(path):
                continue
            if not is_folder(path):
                yield path
                continue
            found = _identity(path)
            if found in seen:
                self.left_out["folder reached twice through links"] += 1
            else:
                seen.add(found)
                below.append(path)
        for path in below:
            yield from self._files(path, seen)

    def _is_wanted(self, path: Path) -> bool:
        if path.name.lower() in _HOUSEKEEPING:
            self.left_out["housekeeping file or folder"] += 1
            return False
        if path.name.startswith("."):
            self.left_out["hidden file or folder"] += 1
            return False
        return True

    def _is_image(self, path: Path) -> bool:
        if path.suffix.lower() not in _SUFFIXES:
            self.left_out["file that is not an image"] += 1
            return False
        try:
            mode = path.stat().st_mode
        except OSError:
            return True  # reading it says what is wrong
        if not stat.S_ISREG(mode):
            self.left_out["special file (FIFO, socket or device)"] += 1
            return False
        return True

    def _report(self) -> None:
        self._listed += 1
        on_listed = _on_listed.get()
        if on_listed is not None and time.monotonic() - self._reported >= PROGRESS_INTERVAL_S:
            self._reported = time.monotonic()
            on_listed(self._listed)


def holds_folders(root: Path) -> bool:
    """Whether a folder has subfolders that are neither hidden nor housekeeping."""
    return any(is_folder(path) and not _is_set_aside(path.name) for path in list_folder(root))


def _is_set_aside(name: str) -> bool:
    return name.startswith(".") or name.lower() in _HOUSEKEEPING


def train_and_test_folders(root: Path) -> tuple[Path, Path | None] | None:
    """The train and the test part of a folder that holds nothing but parts (`train/`, `val/`); None for any other."""
    if not is_folder(root):
        return None
    below = (path for path in list_folder(root) if is_folder(path) and not _is_set_aside(path.name))
    parts = {path.name.lower(): path for path in below}
    if not parts or any(name not in TRAIN_NAMES + TEST_NAMES for name in parts):
        return None
    train = next((parts[name] for name in TRAIN_NAMES if name in parts), None)
    test = next((parts[name] for name in TEST_NAMES if name in parts), None)
    return None if train is None else (train, test)


def _refuse_parts(root: Path, folders: Sequence[Path]) -> None:
    if all(folder.name.lower() in TRAIN_NAMES + TEST_NAMES for folder in folders):
        names = ", ".join(f"{folder.name}/" for folder in folders)
        raise DataError(
            f"--data {root} holds {names}: parts of a data set, not classes.",
            f"Name one part: --data {root / folders[0].name}. (`train` takes the whole folder if it has train/.)",
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """(device, inode) of what a path leads to; None where it leads nowhere."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _plural(what: str, count: int) -> str:
    if count == 1:
        return what
    first, space, rest = what.partition(" ")
    if what.endswith("file or folder"):
        return f"{what.removesuffix('file or folder')}files and folders"
    return f"{first}s{space}{rest.replace('that is not an image', 'that are not images')}"
