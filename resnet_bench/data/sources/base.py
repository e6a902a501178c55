"""What every source of images offers: `DataSource`, and what it is requested and gives.

A source opens its images for up to three uses: `open_files` for the benchmark pipeline (`open_resident` where there is
no pipeline), `open_dataset` for training and evaluation, `open_images` for `data make`. What it can do is stated in
`config/sources.py`. Neighbours: `pipeline` reads `SourceFiles`, `datasets/` has the train and test parts,
`image_supply` what shards are written from. Imports no TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from resnet_bench.config import Config, DataConfig
from resnet_bench.config.shards import WriteShardsConfig
from resnet_bench.config.sources import SOURCES, SourceTraits, unsupported
from resnet_bench.records.base import Notice
from resnet_bench.records.run import DataFacts

if TYPE_CHECKING:
    from resnet_bench.data.datasets import Dataset
    from resnet_bench.data.image_supply import ImageSupply

IMAGE_SIZE = (64, 64)
"""Of training images, where neither the command nor the data says otherwise."""

TEST_SHARE = 0.2
REPAIR = "Repair or remove the file."
REPAIR_OR_SKIP = "Repair or remove the file, or pass --on-bad-record skip."


@dataclass(frozen=True)
class Segment:
    """A readable stretch of a TFRecord file: `records` records from byte `offset`, -1 for all that follow."""

    path: str
    offset: int = 0
    records: int = -1


@dataclass(frozen=True)
class SourceFiles:
    """The files that the pipeline reads, sorted by path.

    kind: "records" (files are TFRecord shards) or "images" (each file is one encoded image).
    labels: one class per file for "images"; None where the label is in the record.
    label_modulo: fold labels into this many classes, or None to take them as they are.
    segments: the readable stretches of the shards, in the order of `files`.
    unreadable: records that `segments` leaves out.
    records: all records except the unreadable ones; None if they were not counted.
    remedy: what to try when one of these files turns out to be damaged.
    notices: what was left out of the files.
    """

    kind: Literal["records", "images"]
    files: tuple[str, ...]
    facts: DataFacts
    remedy: str
    labels: tuple[int, ...] | None = None
    label_modulo: int | None = None
    segments: tuple[Segment, ...] = ()
    unreadable: int = 0
    records: int | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DatasetRequest:
    """What a training or an evaluation asks of a source.

    data, test_data: files, folders or globs. test_share of each class becomes the test part of a set that has none,
    the same images for the same `split_seed`. image_size None: the data's own size, else `IMAGE_SIZE`. classes None:
    as many as the data has. reading: a resolved `DataConfig` for what is streamed; None for its defaults.
    """

    data: str | None = None
    test_data: str | None = None
    test_share: float = TEST_SHARE
    split_seed: int = 0
    image_size: tuple[int, int] | None = None
    channels: Literal[1, 3] = 3
    classes: int | None = None
    reading: DataConfig | None = None


class DataSource:
    """One source of images. A subclass overrides a method for each use that its traits name; the others refuse.

    All methods block while files are listed or read, and raise `DataError` for what the files hold, `ConfigError` for
    options that do not fit.
    """

    name: ClassVar[str]

    @property
    def traits(self) -> SourceTraits:
        """What it can do."""
        return SOURCES[self.name]

    def sizes(self, data: str | None) -> tuple[int | None, tuple[int, int] | None]:
        """(number of classes by default, (height, width) of the images), each None where the data does not say.

        Quick, and without TensorFlow: reads folder names, or the head of a file.
        """
        del data
        return None, None

    def open_files(self, config: Config, threads: int, cache_dir: Path) -> SourceFiles:
        """The files of a resolved configuration, for the pipeline; checked as far as that is quick."""
        del config, threads, cache_dir
        raise unsupported(self.name, "benchmark")

    def open_resident(self, config: Config, device: str) -> tuple[Any, Any]:
        """One batch (images, labels) on `device`, for a source without a pipeline."""
        del config, device
        raise unsupported(self.name, "benchmark")

    def open_dataset(self, request: DatasetRequest) -> Dataset:
        """The train and test parts: images uint8 [height, width, channels], labels from 0."""
        del request
        raise unsupported(self.name, "train")

    def open_images(
        self, options: WriteShardsConfig, seed: int, on_bad_record: Literal["error", "skip"]
    ) -> ImageSupply:
        """The images one by one, to be written to shards."""
        del options, seed, on_bad_record
        raise unsupported(self.name, "make")
