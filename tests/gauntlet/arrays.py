"""HDF5 files in and beside the hand-sign layout: dangling links, text, other shapes, and files that are no HDF5."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.gauntlet.folders import put
from tests.gauntlet.images import pixels

Make = Callable[[Path], None]
CLASSES, IMAGES = 6, 24


def sound(size: tuple[int, int] = (16, 16), classes: int = CLASSES) -> dict[str, Any]:
    """All keys of the layout."""
    images = np.stack([pixels(size[1], size[0], seed=number) for number in range(IMAGES)])
    labels = np.arange(IMAGES) % classes
    return {
        "train_set_x": images,
        "train_set_y": labels,
        "test_set_x": images[:classes],
        "test_set_y": labels[:classes],
        "list_classes": np.arange(classes),
    }


def _write(path: Path, keys: dict[str, Any]) -> None:
    with h5py.File(path, "w") as file:
        for name, value in keys.items():
            file[name] = value


def _with(**changes: Any) -> Make:
    """The sound file with other keys; None leaves one out; a function changes one."""

    def make(path: Path) -> None:
        keys = sound()
        for name, change in changes.items():
            value = keys.pop(name, None)
            if change is not None:
                keys[name] = change(value) if callable(change) else change
        _write(path, keys)

    return make


def _size(height: int, width: int) -> Make:
    return lambda path: _write(path, sound((height, width)))


def _bytes(content: bytes) -> Make:
    return lambda path: (put(path, content), None)[1]


def _cut(path: Path) -> None:
    _write(path, sound())
    path.write_bytes(path.read_bytes()[:5000])


def _one_bad_label(value: float) -> Callable[[Any], Any]:
    def change(labels: Any) -> Any:
        changed = labels.astype(float)
        changed[3] = value
        return changed

    return change


_NAMES = np.array([b"cat", b"dog"] * (IMAGES // 2))

FILES: dict[str, Make] = {
    "good.h5": _with(),
    "good.hdf5": _with(),
    "one_hot.h5": _with(train_set_y=lambda labels: np.eye(CLASSES)[labels]),
    "column.h5": _with(train_set_y=lambda labels: labels[:, np.newaxis]),
    "row.h5": _with(train_set_y=lambda labels: labels[np.newaxis]),
    "grey.h5": _with(train_set_x=lambda x: x[..., 0], test_set_x=lambda x: x[..., 0]),
    "text_labels.h5": _with(train_set_y=_NAMES),
    "external_link.h5": _with(train_set_x=h5py.ExternalLink("gone.h5", "/train_set_x")),
    "soft_link.h5": _with(train_set_x=h5py.SoftLink("/nothing")),
    "label_link.h5": _with(train_set_y=h5py.SoftLink("/nothing")),
    "group.h5": _with(train_set_x=None, **{"train_set_x/a": np.zeros(3)}),
    "compound_labels.h5": _with(train_set_y=np.zeros(IMAGES, dtype=[("a", "i4"), ("b", "f4")])),
    "no_images.h5": _with(train_set_x=None),
    "no_test.h5": _with(test_set_x=None),
    "no_names.h5": _with(list_classes=None),
    "one_name.h5": _with(list_classes=np.arange(1)),
    "scalar_names.h5": _with(list_classes=np.int64(3)),
    "more_names.h5": _with(list_classes=np.arange(10)),
    "floats.h5": _with(train_set_x=lambda images: (images / 255).astype("f4")),
    "sixteen_bits.h5": _with(train_set_x=lambda images: images.astype("u2") * 257),
    "channels_first.h5": _with(train_set_x=lambda images: images.transpose(0, 3, 1, 2)),
    "flat.h5": _with(train_set_x=lambda images: images.reshape(IMAGES, -1)),
    "four_channels.h5": _with(train_set_x=lambda images: np.concatenate([images, images[..., :1]], -1)),
    "labels_from_1.h5": _with(train_set_y=lambda labels: labels + 1),
    "nan_label.h5": _with(train_set_y=_one_bad_label(np.nan)),
    "infinite_label.h5": _with(train_set_y=_one_bad_label(np.inf)),
    "huge_label.h5": _with(train_set_y=_one_bad_label(2.0**63)),
    "half_label.h5": _with(train_set_y=_one_bad_label(1.5)),
    "fewer_labels.h5": _with(train_set_y=lambda labels: labels[:-1]),
    "scalar_labels.h5": _with(train_set_y=np.int64(3)),
    "other_keys.h5": lambda path: _write(path, {"X_train": np.zeros((4, 8, 8, 3), "u1")}),
    "nothing.h5": lambda path: _write(path, {}),
    "tiny_images.h5": _size(4, 4),
    "large_images.h5": _size(5000, 8),
    "narrow_images.h5": _size(64, 7),
    "cut.h5": _cut,
    "lfs.h5": _bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64),
    "web_page.h5": _bytes(b"<!DOCTYPE html><html><body>Quota exceeded</body></html>"),
    "zip.h5": _bytes(b"PK\x03\x04" + bytes(100)),
    "empty.h5": _bytes(b""),
    "matlab.h5": _bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(200)),
    "folder.h5": lambda path: path.mkdir(),
}
