"""A folder of class subfolders: `ROOT/CLASS/image.jpg`, classes in sorted order.

Owns the one walk over such a folder, for the pipeline, for training and for `data make`. The class of an image is the
position of its top-level folder among all of them, sorted by name. `encoded_image` says which formats are read.
Imports no TensorFlow.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.config.shards import WriteShardsConfig
from resnet_bench.data.datasets import Dataset, stratified
from resnet_bench.data.datasets.files import FilePart, View, joined, replace_hash
from resnet_bench.data.encoded_image import DECODABLE, UNDECODABLE
from resnet_bench.data.image_supply import LEAVE_OUT, ImageSupply, Picture, Task, picture
from resnet_bench.data.manifest import SAMPLED_IMAGES, identity, image_means, spread
from resnet_bench.data.sources.base import (
    REPAIR,
    REPAIR_OR_SKIP,
    DatasetRequest,
    DataSource,
    SourceFiles,
)
from resnet_bench.errors import DataError
from resnet_bench.records.run import DataFacts

_LAYOUT = "It must hold one subfolder of images per class: FOLDER/CLASS/image.jpg."
_FORMATS = ", ".join(sorted(DECODABLE))
_ANY_CLASSES = 1 << 30


class FolderSource(DataSource):
    """Image files, read as they are."""

    name = "folder"

    def sizes(self, data: str | None) -> tuple[int | None, tuple[int, int] | None]:
        """One class per subfolder; images of any size."""
        assert data is not None, "checked before"
        return len(class_folders(Path(data).expanduser())), None

    def open_files(self, config: Config, threads: int, cache_dir: Path) -> SourceFiles:
        """All images of up to `--classes` class folders."""
        del threads, cache_dir
        assert config.data.data is not None, "checked before"
        return open_folder(config.data.data, config.model.classes, config.data.on_bad_record)

    def open_dataset(self, request: DatasetRequest) -> Dataset:
        """The test part is another such folder, or split off class by class."""
        assert request.data is not None, "checked before"
        names = tuple(entry.name for entry in class_folders(Path(request.data).expanduser()))
        _check_classes(request, names)
        source = replace(open_folder(request.data, len(names), "error"), remedy=REPAIR)
        assert source.labels is not None
        _check_all_present(request.data, names, source.labels)
        if request.test_data is None:
            share, seed = request.test_share, request.split_seed
            train, test = (_chosen(source, part) for part in stratified(np.array(source.labels), share, seed))
            facts = replace_hash(source.facts, f"{source.facts.manifest_hash} {share} {seed}")
        else:
            train, test = source, _relabelled(request.test_data, names)
            facts = joined(source.facts, test.facts)
        view = View.of(request, "folder")
        parts = [FilePart(part, view, len(names)) for part in (train, test)]
        return Dataset(class_names=names, train=parts[0], test=parts[1], facts=facts)

    def open_images(
        self, options: WriteShardsConfig, seed: int, on_bad_record: Literal["error", "skip"]
    ) -> ImageSupply:
        """All images, their bytes unchanged."""
        assert options.data is not None, "checked before"
        return FolderImages(options.data, seed, on_bad_record)


SOURCE = FolderSource()


def open_folder(data: str, classes: int, on_bad_record: Literal["error", "skip"]) -> SourceFiles:
    """The images under `data` with their classes, sorted by class folder and path.

    Files that are no images (by extension) are ignored. An image in a format that TensorFlow cannot
    decode is a `DataError`, or counted as unreadable with "skip"; so are a class beyond `classes` and a file
    that may not be read. Raises `DataError` for a missing or empty folder too.
    """
    root = Path(data).expanduser()
    folders = class_folders(root)
    skip = on_bad_record == "skip"
    if len(folders) > classes and not skip:
        raise DataError(
            f"--data {data} has {len(folders)} class subfolders, but --classes is {classes}.",
            f"Pass --classes {len(folders)}, or --on-bad-record skip to leave the others out.",
        )
    good: list[tuple[Path, int]] = []
    unreadable = 0
    for path, label in walk_images(folders):
        suffix = path.suffix.lower()
        if suffix in UNDECODABLE and not skip:
            raise DataError(
                f"{path}: TensorFlow cannot decode {suffix} images.", f"Convert it to JPEG. {REPAIR_OR_SKIP}"
            )
        if suffix in UNDECODABLE or label >= classes or (skip and not os.access(path, os.R_OK)):
            unreadable += 1
        else:
            good.append((path, label))
    if not good:
        raise DataError(f"--data {data} holds no image that can be read ({_FORMATS}).", _LAYOUT)
    paths = [path for path, _ in good]
    return SourceFiles(
        kind="images",
        files=tuple(str(path) for path in paths),
        labels=tuple(label for _, label in good),
        facts=_facts(root, paths, len(folders)),
        remedy=REPAIR_OR_SKIP,
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


def walk_images(folders: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    """(path, class) of each image file below the class folders, subfolders included, in sorted order.

    A file is an image by its suffix; hidden files are left out.
    """
    for label, folder in enumerate(folders):
        for where, below, names in os.walk(folder, followlinks=True):
            below.sort()
            for name in sorted(names):
                if not name.startswith(".") and Path(name).suffix.lower() in DECODABLE | UNDECODABLE:
                    yield Path(where, name), label


def _facts(root: Path, paths: list[Path], classes_found: int) -> DataFacts:
    try:
        sizes = [path.stat().st_size for path in paths]
        names = [path.relative_to(root).as_posix() for path in paths]
        sampled = (paths[index].read_bytes() for index in spread(len(paths), SAMPLED_IMAGES))
        mean_pixels, bytes_per_pixel = image_means(sampled)
        manifest_hash = identity(names, paths, sizes)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}).", REPAIR_OR_SKIP) from error
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


def _check_classes(request: DatasetRequest, names: tuple[str, ...]) -> None:
    classes = request.classes
    if len(names) < 2 or (classes is not None and classes != len(names)):
        asked = f"--classes is {classes}" if len(names) > 1 else "a classifier needs two or more"
        raise DataError(
            f"{request.data} has {len(names)} class subfolders ({_some(names)}), but {asked}.",
            "Name the folder that holds one subfolder per class.",
        )


def _check_all_present(data: str, names: Sequence[str], labels: Sequence[int]) -> None:
    absent = sorted(set(range(len(names))) - set(labels))
    if absent:
        raise DataError(
            f"{Path(data) / names[absent[0]]} holds no image ({_FORMATS}).",
            "Add images of this class, or remove the folder.",
        )


def _chosen(source: SourceFiles, indices: Any) -> SourceFiles:
    assert source.labels is not None
    files, labels = source.files, source.labels
    return replace(
        source,
        files=tuple(files[index] for index in indices),
        labels=tuple(labels[index] for index in indices),
        records=len(indices),
    )


def _relabelled(test_data: str, names: tuple[str, ...]) -> SourceFiles:
    """A test folder with the labels of the train folder's classes of the same names."""
    own = [entry.name for entry in class_folders(Path(test_data).expanduser())]
    unknown = [name for name in own if name not in names]
    if unknown:
        raise DataError(
            f"{Path(test_data) / unknown[0]} is a class that the train part does not have ({_some(names)}).",
            "Both folders need subfolders of the same names.",
        )
    source = open_folder(test_data, len(own), "error")
    assert source.labels is not None
    return replace(source, labels=tuple(names.index(own[label]) for label in source.labels), remedy=REPAIR)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


class FolderImages:
    """An `ImageSupply` of all images of a folder, in an order shuffled by the seed, their bytes unchanged."""

    prefix = "images"

    def __init__(self, data: str, seed: int, on_bad_record: Literal["error", "skip"]) -> None:
        root = Path(data).expanduser()
        source = open_folder(data, _ANY_CLASSES, on_bad_record)
        self.count = len(source.files)
        self.classes = source.facts.classes_found or 0
        self.class_names = tuple(path.name for path in class_folders(root))
        self.made_with: dict[str, str] = {}
        self.made_from: dict[str, Value] = {
            "source": "folder",
            "seed": seed,
            "count": self.count,
            "identity": source.facts.manifest_hash,
            "on_bad_record": on_bad_record,
        }
        self._root = root
        self._items = list(zip(source.files, source.labels or (), strict=True))
        random.Random(f"{seed}").shuffle(self._items)

    def tasks(self, start: int, stop: int) -> Iterator[Task]:
        """Each reads one file."""
        return (partial(self._picture, *item) for item in self._items[start:stop])

    def _picture(self, path: str, label: int) -> Picture:
        try:
            encoded = Path(path).read_bytes()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}).", LEAVE_OUT) from error
        name = Path(path).relative_to(self._root).as_posix()
        return picture(encoded, label, path, {"image/filename": name, "image/class/synset": self.class_names[label]})
