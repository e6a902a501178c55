"""HDF5 files in the layout of the hand-sign data set: `train_set_x`, `train_set_y`, `test_set_x`,
`test_set_y` and `list_classes`, all in one file, or the train and the test keys each in their own.

Images are whole numbers 0 to 255, [N, H, W, C] or [N, H, W]; labels are class numbers ([N], [N, 1] or [1, N]) or
one-hot rows [N, classes]. Everything is checked before training starts.
"""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path
from typing import Any

import numpy as np

from resnet_bench.data.data_paths import existing
from resnet_bench.data.datasets import Arrays, Dataset, memory_dataset
from resnet_bench.data.image_format import image_format, looks_like
from resnet_bench.data.sources.base import DatasetRequest, DataSource
from resnet_bench.errors import DataError

KEYS = ("train_set_x", "train_set_y", "test_set_x", "test_set_y", "list_classes")
_H5_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError)
"""What h5py raises for files that are damaged inside."""
_LAYOUT = f"The layout is {', '.join(KEYS)}; the test keys may stand in a file of their own (--test-data)."


class H5Source(DataSource):
    """Images and class names of one HDF5 file, or of a train and a test file."""

    name = "h5"

    def sizes(self, data: str | None) -> tuple[int | None, tuple[int, int] | None]:
        """The number of classes that the file lists, and the size of its images."""
        assert data is not None, "checked before"
        return sizes(data)

    def open_dataset(self, request: DatasetRequest) -> Dataset:
        """Both parts in memory. `classes` must be what the file has, or None."""
        data, classes = request.data, request.classes
        assert data is not None, "checked before"
        train, test, names = load(data, request.test_data)
        if classes is not None and classes != len(names):
            raise DataError(
                f"{data}: list_classes names {len(names)} classes, but --classes is {classes}.",
                f"Use --classes {len(names)}, or leave it out.",
            )
        height, width = train.images.shape[1:3]
        size = request.image_size or (height, width)
        return memory_dataset(self.name, names, train, test, size, request.channels)


SOURCE = H5Source()


def load(data: str, test_data: str | None) -> tuple[Arrays, Arrays, tuple[str, ...]]:
    """Train part, test part and class names of one file, or of a train and a test file. Raises `DataError`."""
    path = Path(data).expanduser()
    test_path = Path(test_data).expanduser() if test_data is not None else path
    names = _names(path, _read(path, "list_classes"))
    train, test = _part(path, "train", names), _part(test_path, "test", names)
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"{test_path}: test_set_x has images of {_shape(test)}, but train_set_x of {path} has {_shape(train)}.",
            "Both need the same height, width and channels.",
        )
    absent = np.setdiff1d(np.arange(len(names)), train.labels)
    if len(absent):
        raise DataError(
            f"{path}: train_set_y has no image of class {absent[0]} ({names[absent[0]]}), which list_classes names.",
            "Remove the class from list_classes, or add images of it.",
        )
    return train, test, names


def sizes(data: str) -> tuple[int, tuple[int, int]]:
    """How many classes a file names, and (height, width) of its images, without reading them."""
    path = Path(data).expanduser()
    names = _names(path, _read(path, "list_classes"))
    shape = _read(path, "train_set_x", shape_only=True)
    if len(shape) not in (3, 4):
        raise DataError(f"{path}: train_set_x has shape {shape}; images are [N, height, width, channels].", _LAYOUT)
    return len(names), (int(shape[1]), int(shape[2]))


def _read(path: Path, key: str, *, shape_only: bool = False) -> Any:
    import h5py

    if not existing(str(path), "Name an .h5 file.").is_file():
        raise DataError(f"{path} is a folder; --source h5 reads a file.", "Name an .h5 file.")
    try:
        with h5py.File(path, "r") as file:
            found = _dataset(path, file, key)
            return found.shape if shape_only else found[...]
    except _H5_ERRORS as error:
        raise DataError(f"{path} cannot be read as HDF5: {_what_it_is(path, error)}.", _remedy(error)) from error


def _dataset(path: Path, file: Any, key: str) -> Any:
    """The HDF5 data set of this name; `DataError` for one that is missing, no array, or a link that leads nowhere."""
    import h5py

    if key not in file.keys():  # noqa: SIM118 (`in file` follows links, and misses those that lead nowhere)
        raise DataError(
            f"{path} has no key {key}; it holds {', '.join(sorted(file.keys())) or 'nothing'}.",
            "Name the file of the test part with --test-data." if key.startswith("test") else _LAYOUT,
        )
    try:
        found = file[key]
    except (KeyError, OSError) as error:
        link = file.get(key, getlink=True)
        target = f"{link.filename}, {link.path}" if isinstance(link, h5py.ExternalLink) else getattr(link, "path", "?")
        raise DataError(
            f"{path}: {key} is a link to {target}, which is not there.",
            "Put the linked file there, or copy the data.",
        ) from error
    if not isinstance(found, h5py.Dataset):
        raise DataError(f"{path}: {key} is a group, not an array.", _LAYOUT)
    return found


def _what_it_is(path: Path, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return str(error.strerror)
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(256)
        if not head.startswith(b"\x89HDF"):
            form = image_format(head)
            return looks_like(head) if form is None else f"its format is {form}"
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _remedy(error: Exception) -> str:
    return (
        "Allow reading it." if isinstance(error, OSError) and error.errno == errno.EACCES else "Fetch or save it again."
    )


def _names(path: Path, listed: Any) -> tuple[str, ...]:
    if listed.ndim != 1 or len(listed) < 2:
        raise DataError(f"{path}: list_classes has shape {listed.shape}; it must list two or more classes.", _LAYOUT)
    return tuple(name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in listed.tolist())


def _part(path: Path, part: str, names: tuple[str, ...]) -> Arrays:
    images = _images(path, f"{part}_set_x", _read(path, f"{part}_set_x"))
    key = f"{part}_set_y"
    labels = _labels(path, key, _read(path, key), names)
    if len(labels) != len(images):
        raise DataError(f"{path}: {key} has {len(labels)} labels for {len(images)} images.", _LAYOUT)
    return Arrays(images, labels)


def _images(path: Path, key: str, stored: Any) -> Any:
    if stored.ndim == 3:
        stored = stored[..., np.newaxis]
    if stored.ndim != 4 or stored.shape[-1] not in (1, 3) or 0 in stored.shape:
        raise DataError(
            f"{path}: {key} has shape {stored.shape}; images are [N, height, width] or [N, height, width, channels] "
            "with 1 or 3 channels.",
            "Images of different sizes must be resized to one first.",
        )
    if stored.dtype.kind not in "iu":
        raise DataError(
            f"{path}: {key} holds {_kind_words(stored.dtype)}; pixels are whole numbers 0 to 255.", "Store uint8."
        )
    low, high = int(stored.min()), int(stored.max())
    if low < 0 or high > 255:
        raise DataError(f"{path}: {key} holds pixels from {low} to {high}; they are 0 to 255.", "Store uint8.")
    return stored.astype(np.uint8)


def _labels(path: Path, key: str, stored: Any, names: tuple[str, ...]) -> Any:
    classes = len(names)
    if stored.dtype.kind not in "iufb":
        raise DataError(f"{path}: {key} holds {_kind_words(stored.dtype)}; labels are whole numbers.", _LAYOUT)
    if stored.ndim == 2 and stored.shape[1] == classes and 1 not in stored.shape:
        stored = _from_one_hot(path, key, stored)
    if stored.ndim == 2 and 1 in stored.shape:
        stored = stored.reshape(-1)
    if stored.ndim != 1:
        raise DataError(
            f"{path}: {key} has shape {stored.shape}; labels are [N], [1, N] or one-hot [N, {classes}].", _LAYOUT
        )
    if stored.dtype.kind not in "iu" and not np.array_equal(stored, np.rint(stored)):
        raise DataError(f"{path}: {key} holds labels that are not whole numbers ({stored.dtype}).", _LAYOUT)
    wrong = np.flatnonzero((stored < 0) | (stored >= classes))
    if len(wrong):
        raise DataError(
            f"{path}: {key}[{wrong[0]}] is {stored[wrong[0]]}, but list_classes has {classes} classes (0 to "
            f"{classes - 1}).",
            f"{len(wrong):,} of {len(stored):,} labels are out of range.",
        )
    return stored.astype(np.int32)


def _kind_words(dtype: Any) -> str:
    """What an array holds, as users call it."""
    if dtype.names is not None:
        return f"records of {', '.join(dtype.names)}"
    return "text" if dtype.kind in "OSU" else str(dtype)


def _from_one_hot(path: Path, key: str, stored: Any) -> Any:
    wrong = np.flatnonzero((np.count_nonzero(stored, axis=1) != 1) | (stored.max(axis=1) != 1))
    if len(wrong):
        raise DataError(
            f"{path}: {key}[{wrong[0]}] is {stored[wrong[0]].tolist()}, which is not one-hot.",
            "Each row has a single 1, at its class.",
        )
    return stored.argmax(axis=1)


def _shape(part: Arrays) -> str:
    height, width, channels = part.images.shape[1:]
    return f"{height}x{width}x{channels}"
