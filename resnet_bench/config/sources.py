"""What each source of images can do, stated once: what `--data` names for it, who may use it, its defaults. Pure.

`data/sources/` opens the sources, one file per row of `SOURCES`. Read by `checks.py`, `runtime/resolve.py`,
`step/training/schedule.py`, `data/sources/` and `cli/data.py`, none of which tells sources apart by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from resnet_bench.errors import ConfigError

Use = Literal["benchmark", "train", "make"]
"""benchmark: run, sweep, ab and data bench; train: train and evaluate; make: data make."""

BenchmarkSource = Literal["photos", "synthetic", "tfrecord", "folder"]
TrainSource = Literal["digits", "h5", "folder", "tfrecord"]
MakeSource = Literal["photos", "folder", "tfds"]


@dataclass(frozen=True)
class SourceTraits:
    """The facts of one source.

    description: for help texts. uses: the kinds of command that accept it. reads: what `--data` names, empty for a
    source that reads no files; example: such a value. pipeline: whether a benchmark reads it through tf.data, and not
    from a batch that stays on the device. label_offset: what is added to stored labels by default. augmentation: what
    training does to images by default. own_test_part: a training needs no `--test-data` and takes none. make_options:
    the options of `data make` that apply to it.
    """

    description: str
    uses: tuple[Use, ...]
    reads: str = ""
    example: str = ""
    pipeline: bool = True
    label_offset: int = 0
    augmentation: tuple[str, ...] = ("crop", "flip")
    own_test_part: bool = False
    make_options: tuple[str, ...] = ()


SOURCES: dict[str, SourceTraits] = {
    "photos": SourceTraits(
        description="embedded JPEG photographs",
        uses=("benchmark", "make"),
        label_offset=-1,
        make_options=("count", "sizes", "quality", "bytes_per_pixel", "seed"),
    ),
    "synthetic": SourceTraits(
        description="one random batch resident on the device", uses=("benchmark",), pipeline=False
    ),
    "tfrecord": SourceTraits(
        description="ImageNet-style TFRecord shards",
        uses=("benchmark", "train"),
        reads="a glob of shards",
        example="'imagenet/train-*'",
        label_offset=-1,
    ),
    "folder": SourceTraits(
        description="images in class subfolders",
        uses=("benchmark", "train", "make"),
        reads="a folder of class subfolders",
        example="imagenet/train",
        make_options=("data", "seed", "on_bad_record"),
    ),
    "digits": SourceTraits(
        description="scikit-learn's scanned digits", uses=("train",), augmentation=(), own_test_part=True
    ),
    "h5": SourceTraits(
        description="the HDF5 layout of the hand-sign data set",
        uses=("train",),
        reads="an HDF5 file in the hand-sign layout",
        example="signs.h5",
        augmentation=(),
    ),
    "tfds": SourceTraits(
        description="a TFDS data set on disk",
        uses=("make",),
        reads="the folder of one version of a TFDS data set",
        example="tensorflow_datasets/imagenet2012/5.1.0",
        make_options=("data", "split", "on_bad_record"),
    ),
}


def sources_for(use: Use) -> tuple[str, ...]:
    """The sources that a kind of command accepts, in the order of help texts."""
    return {"benchmark": get_args(BenchmarkSource), "train": get_args(TrainSource), "make": get_args(MakeSource)}[use]


def with_pipeline() -> tuple[str, ...]:
    """The sources that a benchmark reads through a tf.data pipeline."""
    return tuple(name for name in sources_for("benchmark") if SOURCES[name].pipeline)


def describe_sources(use: Use) -> str:
    """What the names of `--source` mean, for the help of a kind of command."""
    return "; ".join(
        f"{name}: {SOURCES[name].description}" + (" (--data)" if _reads(name) else "") for name in sources_for(use)
    )


def alternatives(names: Iterable[str]) -> str:
    """Names as a sentence lists them: "photos, tfrecord or folder"."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def check_source(source: str, data: str | None, use: Use) -> ConfigError | None:
    """What is wrong with `--source` and `--data` for a kind of command; None if nothing is."""
    traits = SOURCES[source]
    if use not in traits.uses:
        return unsupported(source, use)
    if traits.reads and not data:
        return ConfigError(f"--source {source} needs --data: {traits.reads}.", f"For instance --data {traits.example}.")
    if data and not traits.reads:
        readers = " or ".join(f"--source {name} ({SOURCES[name].reads})" for name in sources_for(use) if _reads(name))
        return ConfigError(f"--data {data} is given, but --source {source} reads no files.", f"Add {readers}.")
    return None


def unsupported(source: str, use: Use) -> ConfigError:
    """The error for a source that a kind of command does not accept."""
    cannot = {"benchmark": "be benchmarked", "train": "be trained on or evaluated", "make": "be written as shards"}
    return ConfigError(f"--source {source} cannot {cannot[use]}.", f"Use --source {alternatives(sources_for(use))}.")


def _reads(name: str) -> bool:
    return bool(SOURCES[name].reads)
