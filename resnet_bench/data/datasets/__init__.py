"""Data sets to train on and to be judged by: a train part, a test part, the names of the classes.

`open_set` gives any of them behind one interface. `digits` and `h5` hold their images in memory (`memory.py`);
`files.py` streams a folder or TFRecords through `data/pipeline.py`. Importing this package imports no
TensorFlow; reading a streamed part does.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from resnet_bench.config import DataConfig
from resnet_bench.data.datasets.augment import Augmentation
from resnet_bench.data.datasets.base import Crop, Dataset, DatasetPart, padded
from resnet_bench.data.datasets.memory import Arrays, MemoryPart, fitted
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.records.run import DataFacts
from resnet_bench.runtime.resolve import resolve_data

__all__ = [
    "Arrays",
    "Augmentation",
    "Crop",
    "Dataset",
    "DatasetPart",
    "Kind",
    "MemoryPart",
    "fitted",
    "kind_of",
    "open_set",
    "padded",
    "sizes_of",
]

Kind = Literal["digits", "h5", "folder", "tfrecord"]
IMAGE_SIZE = (64, 64)
TEST_SHARE = 0.2
_H5_SUFFIXES = frozenset({".h5", ".hdf5", ".hdf"})


def kind_of(dataset: Kind | Literal["auto"], data: str | None) -> Kind:
    """Which kind "auto" is: digits without `data`, h5 by the file's suffix, a folder that has subfolders, else
    TFRecords. Raises `ConfigError` where a kind that reads files has none, or digits have some."""
    if dataset == "auto":
        if data is None:
            return "digits"
        path = Path(data).expanduser()
        if path.suffix.lower() in _H5_SUFFIXES:
            return "h5"
        holds_folders = path.is_dir() and any(entry.is_dir() for entry in path.iterdir())
        return "folder" if holds_folders else "tfrecord"
    if dataset == "digits" and data is not None:
        raise ConfigError(
            f"--data {data} is given, but --dataset digits reads no files.", "Use --dataset h5, folder or tfrecord."
        )
    if dataset != "digits" and data is None:
        example = {"h5": "signs.h5", "folder": "flowers", "tfrecord": "'imagenet/train-*'"}[dataset]
        raise ConfigError(f"--dataset {dataset} needs --data.", f"For instance --data {example}.")
    return dataset


def sizes_of(kind: Kind, data: str | None) -> tuple[int | None, tuple[int, int] | None]:
    """How many classes a set has by default and the size of its images, each None where it does not say.

    Quick, and without TensorFlow: reads names of folders, or the head of an h5 file. Raises `DataError`.
    """
    if kind == "digits":
        from resnet_bench.data.datasets import digits

        return digits.CLASSES, None
    if kind == "h5":
        from resnet_bench.data.datasets import h5

        assert data is not None
        return h5.sizes(data)
    if kind == "folder":
        from resnet_bench.data import folder

        assert data is not None
        return len(folder.class_folders(Path(data).expanduser())), None
    return None, None


def open_set(
    dataset: Kind | Literal["auto"] = "digits",
    data: str | None = None,
    *,
    test_data: str | None = None,
    test_share: float = TEST_SHARE,
    split_seed: int = 0,
    image_size: tuple[int, int] | None = None,
    channels: Literal[1, 3] = 3,
    classes: int | None = None,
    reading: DataConfig | None = None,
) -> Dataset:
    """A data set with its parts: images uint8 [height, width, `channels`], labels from 0.

    `data` and `test_data` are files, folders or globs as the kind has it. Where one of digits or a folder has
    no test part of its own, `test_share` of each class becomes it, the same for the same `split_seed`.
    `image_size` None is an h5 file's own size, else 64x64; other sizes are resized. `classes` None is what the
    set has: six for digits (0 to 5; up to ten on request); TFRecords do not say and need it. `reading` sets the
    tf.data pipeline of folders and TFRecords (nothing "auto" left in it). Blocks while files are read or
    listed. Raises `DataError` for what the files hold, `ConfigError` for a combination that makes no sense.
    """
    kind = kind_of(dataset, data)
    if kind == "digits":
        if test_data is not None:
            raise ConfigError(f"--test-data {test_data} is given, but --dataset digits has its own test part.")
        return _digits(classes, image_size or IMAGE_SIZE, channels, test_share, split_seed)
    assert data is not None
    if kind == "h5":
        return _h5(data, test_data, classes, image_size, channels)
    from resnet_bench.data.datasets import files

    settings = reading or resolve_data(DataConfig(source=kind), 2)
    view = files.View(image_size or IMAGE_SIZE, channels, settings)
    if kind == "folder":
        return files.open_folder_set(data, test_data, test_share, split_seed, classes, view)
    return files.open_tfrecord_set(data, test_data, classes, view)


def _digits(
    classes: int | None, image_size: tuple[int, int], channels: int, test_share: float, split_seed: int
) -> Dataset:
    from resnet_bench.data.datasets import digits

    train, test = digits.load(classes or digits.CLASSES, test_share, split_seed)
    names = tuple(str(digit) for digit in range(classes or digits.CLASSES))
    return _in_memory("digits", names, train, test, image_size, channels)


def _h5(
    data: str,
    test_data: str | None,
    classes: int | None,
    image_size: tuple[int, int] | None,
    channels: int,
) -> Dataset:
    from resnet_bench.data.datasets import h5

    train, test, names = h5.load(data, test_data)
    if classes is not None and classes != len(names):
        raise DataError(
            f"{data}: list_classes names {len(names)} classes, but --classes is {classes}.",
            f"Use --classes {len(names)}, or leave it out.",
        )
    height, width = train.images.shape[1:3]
    return _in_memory("h5", names, train, test, image_size or (height, width), channels)


def _in_memory(
    source: str, names: tuple[str, ...], train: Arrays, test: Arrays, image_size: tuple[int, int], channels: int
) -> Dataset:
    digest = hashlib.sha256(repr((image_size, channels, names)).encode())
    parts = []
    for part in (train, test):
        digest.update(part.images.tobytes())
        digest.update(part.labels.tobytes())
        parts.append(MemoryPart(Arrays(fitted(part.images, image_size, channels), part.labels)))
    images = [part.images for part in (train, test)]
    return Dataset(
        class_names=names,
        train=parts[0],
        test=parts[1],
        facts=DataFacts(
            source=source,
            manifest_hash=digest.hexdigest(),
            images=sum(len(part) for part in images),
            bytes=sum(part.nbytes for part in images),
            mean_pixels=float(images[0].shape[1] * images[0].shape[2]),
            classes_found=len(names),
        ),
    )
