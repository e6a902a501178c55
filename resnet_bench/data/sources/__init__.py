"""Where images come from: one file per source, found by its name.

A new source is a row in `config/sources.py` and a file here of the same name whose `SOURCE` is a `base.DataSource`.
Importing this package imports no source and no TensorFlow.
"""

from __future__ import annotations

import glob
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from resnet_bench.config import DataConfig
from resnet_bench.config.sources import TrainSource, check_source
from resnet_bench.data.class_folders import holds_folders
from resnet_bench.data.data_paths import cannot_read, existing, is_folder
from resnet_bench.data.sources.base import (
    IMAGE_SIZE,
    TEST_SHARE,
    DatasetRequest,
    DataSource,
    Segment,
    SourceFiles,
)

if TYPE_CHECKING:
    from resnet_bench.data.datasets import Dataset

__all__ = [
    "IMAGE_SIZE",
    "DataSource",
    "DatasetRequest",
    "Segment",
    "SourceFiles",
    "detect_source",
    "find_source",
    "open_dataset",
]

_H5_MAGIC = b"\x89HDF\r\n\x1a\n"
_H5_SUFFIXES = frozenset({".h5", ".hdf5", ".hdf"})


def find_source(name: str) -> DataSource:
    """The source of this name; imports its module."""
    source: DataSource = import_module(f"{__name__}.{name}").SOURCE
    return source


def detect_source(source: TrainSource | Literal["auto"], data: str | None) -> TrainSource:
    """The source that training and evaluation read. "auto": digits without `data`, h5 by the file's suffix or first
    bytes, folder if `data` is a folder with subfolders, else tfrecord. Raises `ConfigError` if source and data do not
    fit, `DataError` for data that is not there.
    """
    if source == "auto":
        if data is None:
            return "digits"
        return _detected(data)
    problem = check_source(source, data, "train")
    if problem is not None:
        raise problem
    return source


def _detected(data: str) -> TrainSource:
    path = Path(data).expanduser()
    if path.suffix.lower() in _H5_SUFFIXES:
        return "h5"
    if not glob.has_magic(data):
        existing(data, "Name an h5 file, a folder of class subfolders, or a glob of TFRecord shards.")
    if is_folder(path):
        return "folder" if holds_folders(path) else "tfrecord"
    return "h5" if path.is_file() and _is_hdf5(path) else "tfrecord"


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_H5_MAGIC)) == _H5_MAGIC
    except OSError as error:
        raise cannot_read(path, error) from error


def open_dataset(
    source: TrainSource | Literal["auto"] = "digits",
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
    """A data set with its train and test part; `base.DatasetRequest` has the arguments.

    Digits have six classes by default (0 to 5; up to ten); TFRecords do not say how many they have, so `classes` must.
    Blocks while files are read or listed. Raises `DataError` and `ConfigError`.
    """
    request = DatasetRequest(
        data=data,
        test_data=test_data,
        test_share=test_share,
        split_seed=split_seed,
        image_size=image_size,
        channels=channels,
        classes=classes,
        reading=reading,
    )
    return find_source(detect_source(source, data)).open_dataset(request)
