"""A folder of class subfolders as a data set: `ROOT/CLASS/image.jpg`, classes in sorted order.

The class of an image is the position of its top-level folder among all of them, sorted by name. Every
format that TensorFlow decodes is read, by content and not by name: JPEG, PNG, GIF and WebP (first frame),
BMP. Makes a `Source` for `pipeline`. Imports no TensorFlow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from resnet_bench.data.manifest import SAMPLED_IMAGES, identity, image_means, spread
from resnet_bench.data.source import Source
from resnet_bench.errors import DataError
from resnet_bench.records.run import DataFacts

DECODABLE = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp"})
UNDECODABLE = frozenset({".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".psd", ".ppm", ".pgm", ".svg"})
_LAYOUT = "It must hold one subfolder of images per class: FOLDER/CLASS/image.jpg."
REMEDY = "Repair or remove the file, or pass --on-bad-record skip."


def open_folder(data: str, classes: int, on_bad_record: Literal["error", "skip"]) -> Source:
    """The images under `data` with their classes, sorted by class folder and path.

    Files that are no images (by extension) are ignored. An image in a format that TensorFlow cannot
    decode is a `DataError`, or counted as unreadable with "skip"; so are a class beyond `classes` and a file
    that may not be read. Raises `DataError` for a missing or empty folder too.
    """
    root = Path(data).expanduser()
    folders = class_folders(root)
    if len(folders) > classes and on_bad_record == "error":
        raise DataError(
            f"--data {data} has {len(folders)} class subfolders, but --classes is {classes}.",
            f"Pass --classes {len(folders)}, or --on-bad-record skip to leave the others out.",
        )
    paths: list[Path] = []
    labels: list[int] = []
    unreadable = 0
    for label, folder in enumerate(folders):
        for path in _files(folder):
            suffix = path.suffix.lower()
            if suffix in UNDECODABLE and on_bad_record == "error":
                raise DataError(f"{path}: TensorFlow cannot decode {suffix} images.", f"Convert it to JPEG. {REMEDY}")
            bad = suffix in UNDECODABLE or label >= classes
            if on_bad_record == "skip":
                bad = bad or not os.access(path, os.R_OK)
            unreadable += bad
            if not bad:
                paths.append(path)
                labels.append(label)
    if not paths:
        raise DataError(f"--data {data} holds no image that can be read ({', '.join(sorted(DECODABLE))}).", _LAYOUT)
    return Source(
        kind="images",
        files=tuple(str(path) for path in paths),
        labels=tuple(labels),
        facts=_facts(root, paths, len(folders)),
        remedy=REMEDY,
        unreadable=unreadable,
        records=len(paths),
    )


def class_folders(root: Path) -> list[Path]:
    """The class folders below `root`, sorted by name: a class' number is its place. Raises `DataError`."""
    if not root.exists():
        raise DataError(f"--data {root} does not exist.", "Name a folder of class subfolders.")
    if not root.is_dir():
        raise DataError(
            f"--data {root} is a file, but --source folder reads a folder.", "For TFRecord shards: --source tfrecord."
        )
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise DataError(f"--data {root} has no subfolders.", _LAYOUT)
    return folders


def _files(folder: Path) -> Iterator[Path]:
    """Images below a class folder, subfolders included, in sorted order; hidden files are left out."""
    for where, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in DECODABLE | UNDECODABLE:
                yield Path(where, name)


def _facts(root: Path, paths: list[Path], classes_found: int) -> DataFacts:
    try:
        sizes = [path.stat().st_size for path in paths]
        names = [path.relative_to(root).as_posix() for path in paths]
        sampled = (paths[index].read_bytes() for index in spread(len(paths), SAMPLED_IMAGES))
        mean_pixels, bytes_per_pixel = image_means(sampled)
        manifest_hash = identity(names, paths, sizes)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}).", REMEDY) from error
    return DataFacts(
        source="folder",
        manifest_hash=manifest_hash,
        images=len(paths),
        files=len(paths),
        bytes=sum(sizes),
        mean_pixels=mean_pixels,
        mean_bytes_per_pixel=bytes_per_pixel,
        classes_found=classes_found,
    )
