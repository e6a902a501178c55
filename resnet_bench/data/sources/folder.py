"""A folder of class subfolders: `ROOT/CLASS/image.jpg`, for the pipeline, for training and for `data make`.

The class of an image is the position of its top-level folder among all of them, sorted by name. Neighbours:
`class_folders` walks the folder, `encoded_image` says which images are read. Imports no TensorFlow.
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
from resnet_bench.config.printable import utf8
from resnet_bench.config.shards import WriteShardsConfig
from resnet_bench.data.class_folders import LAYOUT, FolderWalk, train_and_test_folders
from resnet_bench.data.data_paths import cannot_read, list_folder, local_path
from resnet_bench.data.datasets import Dataset, stratified
from resnet_bench.data.datasets.files import FilePart, View, joined, replace_hash
from resnet_bench.data.encoded_image import DECODABLE, UNDECODABLE, format_problem
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
from resnet_bench.records.base import Notice
from resnet_bench.records.run import DataFacts

_FORMATS = ", ".join(sorted(DECODABLE))
_ANY_CLASSES = 1 << 30
_HEAD_BYTES = 256


class FolderSource(DataSource):
    """Image files, read as they are."""

    name = "folder"

    def sizes(self, data: str | None) -> tuple[int | None, tuple[int, int] | None]:
        """One class per subfolder, two or more; images of any size."""
        assert data is not None, "checked before"
        train, _ = _parts(data, None)
        names = _names(FolderWalk(local_path(train)))
        _check_classes(train, names, None)
        return len(names), None

    def open_files(self, config: Config, threads: int, cache_dir: Path) -> SourceFiles:
        """All images of up to `--classes` class folders."""
        del threads, cache_dir
        assert config.data.data is not None, "checked before"
        return open_folder(config.data.data, config.model.classes, config.data.on_bad_record)

    def open_dataset(self, request: DatasetRequest) -> Dataset:
        """The test part is another such folder, or `val/` beside `train/`, or split off class by class."""
        assert request.data is not None, "checked before"
        data, test_data = _parts(request.data, request.test_data)
        walk = FolderWalk(local_path(data))
        names = _names(walk)
        _check_classes(data, names, request.classes)
        source = replace(_open(walk, data, len(names), "error"), remedy=REPAIR)
        assert source.labels is not None
        _check_all_present(data, names, source.labels)
        if test_data is None:
            share, seed = request.test_share, request.split_seed
            train, test = (_chosen(source, part) for part in stratified(np.array(source.labels), share, seed))
            facts = replace_hash(source.facts, f"{source.facts.manifest_hash} {share} {seed}")
        else:
            train, test = source, _relabelled(test_data, names)
            facts = joined(source.facts, test.facts)
        view = View.of(request, "folder")
        parts = [FilePart(part, view, len(names)) for part in (train, test)]
        return Dataset(
            class_names=names,
            train=parts[0],
            test=parts[1],
            facts=facts,
            notices=(*_parts_notices(request, data, test_data), *train.notices, *test.notices),
        )

    def open_images(
        self, options: WriteShardsConfig, seed: int, on_bad_record: Literal["error", "skip"]
    ) -> ImageSupply:
        """All images, their bytes unchanged."""
        assert options.data is not None, "checked before"
        return FolderImages(options.data, seed, on_bad_record)


SOURCE = FolderSource()


def open_folder(data: str, classes: int, on_bad_record: Literal["error", "skip"]) -> SourceFiles:
    """The images under `data` with their classes, sorted by class folder and path.

    What is no image is left out, and a notice counts it. A file in a format that is not read is a `DataError`, or
    counted as unreadable with "skip"; so are a class beyond `classes` and a file that may not be read. Raises
    `DataError` for a missing or empty folder too, and for one that cannot be listed.
    """
    return _open(FolderWalk(local_path(data)), data, classes, on_bad_record)


def _open(walk: FolderWalk, data: str, classes: int, on_bad_record: Literal["error", "skip"]) -> SourceFiles:
    found = len(walk.folders)
    skip = on_bad_record == "skip"
    if found > classes and not skip:
        raise DataError(
            f"--data {data} has {found} class subfolders, but --classes is {classes}.",
            f"Pass --classes {found}, or --on-bad-record skip to leave the others out.",
        )
    good: list[tuple[Path, int]] = []
    unreadable = 0
    for path, label in walk.images():
        problem = _format_problem(path)
        if problem is not None and not skip:
            raise DataError(f"{path}: {problem}.", f"Convert it to JPEG. {REPAIR_OR_SKIP}")
        if problem is not None or label >= classes or (skip and not os.access(path, os.R_OK)):
            unreadable += 1
        else:
            good.append((path, label))
    left_out = walk.left_out_words()
    if not good:
        besides = f" Left out: {left_out}." if left_out else ""
        raise DataError(f"--data {data} holds no image that can be read ({_FORMATS}).{besides}", LAYOUT)
    paths = [path for path, _ in good]
    return SourceFiles(
        kind="images",
        files=tuple(str(path) for path in paths),
        labels=tuple(label for _, label in good),
        facts=_facts(walk.root, paths, found),
        remedy=REPAIR_OR_SKIP,
        unreadable=unreadable,
        records=len(paths),
        notices=(Notice.make("files_left_out", data=data, what=left_out),) if left_out else (),
    )


def _format_problem(path: Path) -> str | None:
    """Why a file whose suffix names a format that is not read cannot be read; None where its content can."""
    if path.suffix.lower() not in UNDECODABLE:
        return None
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None  # reading it says what is wrong
    return format_problem(head)


def _facts(root: Path, paths: list[Path], classes_found: int) -> DataFacts:
    try:
        sizes = [path.stat().st_size for path in paths]
        names = [path.relative_to(root).as_posix() for path in paths]
        sampled = (paths[index].read_bytes() for index in spread(len(paths), SAMPLED_IMAGES))
        mean_pixels, bytes_per_pixel = image_means(sampled)
        manifest_hash = identity(names, paths, sizes)
    except OSError as error:
        raise cannot_read(root, error, REPAIR_OR_SKIP) from error
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


def _parts(data: str, test_data: str | None) -> tuple[str, str | None]:
    """The folders of the train and the test part: `train/` and `val/` of a folder that holds such parts alone."""
    found = train_and_test_folders(local_path(data))
    if found is None:
        return data, test_data
    train, test = found
    return str(train), test_data or (None if test is None else str(test))


def _parts_notices(request: DatasetRequest, data: str, test_data: str | None) -> tuple[Notice, ...]:
    if data == request.data:
        return ()
    test = f"{test_data} for testing" if test_data is not None else "a part of it for testing"
    return (Notice.make("parts_of_folder", data=str(request.data), train=data, test=test),)


def _names(walk: FolderWalk) -> tuple[str, ...]:
    """The classes, as they are shown and stored."""
    return tuple(utf8(folder.name) for folder in walk.folders)


def _check_classes(data: str, names: tuple[str, ...], classes: int | None) -> None:
    if len(names) >= 2 and classes in (None, len(names)):
        return
    asked = f"--classes is {classes}" if len(names) > 1 else "a classifier needs two or more"
    inside = [path for path in list_folder(Path(data).expanduser() / names[0]) if path.is_dir()]
    below = f" If its classes lie in {Path(data) / names[0]}, name that." if len(names) == 1 and len(inside) > 1 else ""
    raise DataError(
        f"{data} has {len(names)} class subfolder{'s' * (len(names) != 1)} ({_some(names)}), but {asked}.",
        f"Name the folder that holds one subfolder per class.{below}",
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
    walk = FolderWalk(local_path(test_data, "--test-data"))
    own = _names(walk)
    unknown = [name for name in own if name not in names]
    if unknown:
        raise DataError(
            f"{Path(test_data) / unknown[0]} is a class that the train part does not have ({_some(names)}).",
            "Both folders need subfolders of the same names.",
        )
    source = _open(walk, test_data, len(own), "error")
    assert source.labels is not None
    return replace(source, labels=tuple(names.index(own[label]) for label in source.labels), remedy=REPAIR)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


class FolderImages:
    """An `ImageSupply` of all images of a folder, in an order shuffled by the seed, their bytes unchanged."""

    prefix = "images"

    def __init__(self, data: str, seed: int, on_bad_record: Literal["error", "skip"]) -> None:
        root = local_path(data)
        walk = FolderWalk(root)
        source = _open(walk, data, _ANY_CLASSES, on_bad_record)
        self.left_out = walk.left_out_words()
        self.count = len(source.files)
        self.classes = source.facts.classes_found or 0
        self.class_names = _names(walk)
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
