"""What the two metadata files of a TFDS data set say, checked: they come from wherever the data does.

`dataset_info.json` names the splits and their shards, `features.json` what a record holds: both are JSON forms of the
messages in tfds' own `features.proto` and `dataset_info.proto`, in which whole numbers are text. Names from them become
parts of file names, so they hold no separator. Neighbour: `sources/tfds.py` reads the records. Imports no TensorFlow.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from resnet_bench.config.printable import printable
from resnet_bench.data.data_paths import existing, is_folder, list_folder
from resnet_bench.errors import DataError

INFO, FEATURES = "dataset_info.json", "features.json"
LAYOUT = f"Name the folder of one version, the one that holds {INFO}: .../imagenet2012/5.1.0."
PREPARE = "Prepare the data set again with tfds."
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_CONVERT = "Convert the data set to a folder of class subfolders and use --source folder."
_NAME = re.compile(r"[\w+-][\w.+-]*")

T = TypeVar("T")
_Count = Annotated[int, Meta(ge=0, le=2**48)]


class TfdsSplit(msgspec.Struct, frozen=True, rename="camel"):
    """A part of the data set: its shards by how many records each holds."""

    name: str = ""
    shard_lengths: tuple[_Count, ...] = ()
    filepath_template: str | None = None


class Info(msgspec.Struct, frozen=True, rename="camel"):
    """`dataset_info.json`."""

    name: str | None = None
    version: str | None = None
    file_format: str = "tfrecord"
    splits: tuple[TfdsSplit, ...] = ()


class _ClassLabel(msgspec.Struct, frozen=True, rename="camel"):
    num_classes: _Count = 0


class _Feature(msgspec.Struct, frozen=True, rename="camel"):
    python_class_name: str = ""
    class_label: _ClassLabel = _ClassLabel()

    @property
    def kind(self) -> str:
        """The class, without its module."""
        return self.python_class_name.rpartition(".")[2]


class _FeaturesDict(msgspec.Struct, frozen=True):
    features: dict[str, _Feature] = {}


class _Features(msgspec.Struct, frozen=True, rename="camel"):
    python_class_name: str = "its content"
    features_dict: _FeaturesDict | None = None


def version_folder(root: Path) -> Path:
    """The folder with the metadata: the one named, or the only version below it."""
    if not is_folder(existing(str(root), LAYOUT)):
        raise DataError(f"--data {root} is not a folder.", LAYOUT)
    inside = list_folder(root)
    if root / INFO in inside:
        return root
    below = [path for path in inside if is_folder(path) and path / INFO in list_folder(path)]
    if len(below) != 1:
        found = f"has {len(below)} versions ({', '.join(path.name for path in below)})" if below else f"has no {INFO}"
        raise DataError(f"--data {root} {found}.", LAYOUT)
    return below[0]


def read_info(root: Path) -> tuple[Info, str]:
    """`dataset_info.json` of a version's folder, and the name of the data set."""
    info = _read(root / INFO, Info)
    if info.file_format != "tfrecord":
        raise DataError(
            f"{root / INFO}: file format {printable(info.file_format)} is not supported; tfrecord is.",
            "Prepare it with tfds' file_format='tfrecord'.",
        )
    return info, _checked_name(info.name or root.absolute().parent.name, "name of the data set", root / INFO)


def read_features(root: Path) -> tuple[str, str, int]:
    """From `features.json`: name of the image feature, name of the label feature, number of classes."""
    path = root / FEATURES
    content = _read(path, _Features)
    if content.features_dict is None:
        kind = printable(content.python_class_name)
        raise DataError(f"{path}: {kind} is not supported; a FeaturesDict is.", _CONVERT)
    fields = content.features_dict.features
    images = [name for name, field in fields.items() if field.kind == "Image"]
    labels = [name for name, field in fields.items() if field.kind == "ClassLabel"]
    if len(images) != 1 or len(labels) != 1:
        kinds = ", ".join(f"{name} ({field.kind})" for name, field in fields.items())
        raise DataError(
            f"{path}: it has {len(images)} Image and {len(labels)} ClassLabel features, one of each is supported. "
            f"It holds {printable(kinds)}.",
            _CONVERT,
        )
    return images[0], _checked_name(labels[0], "name of the label", path), fields[labels[0]].class_label.num_classes


def shards(root: Path, info: Info, name: str, wanted: str) -> tuple[list[Path], list[int]]:
    """The files of a split and how many records each holds."""
    splits = {split.name: split for split in info.splits}
    if wanted not in splits:
        known = printable(", ".join(splits)) or "none"
        raise DataError(f"{root / INFO} has no split {wanted}.", f"--split takes one of {known}.")
    split = splits[wanted]
    _checked_name(split.name, "name of the split", root / INFO)
    lengths = list(split.shard_lengths)
    if not lengths:
        raise DataError(f"{root / INFO}: split {wanted} has no shardLengths (written by tfds before 2020).", PREPARE)
    template = split.filepath_template or _TEMPLATE
    names = [_file_name(template, name, wanted, index, len(lengths)) for index in range(len(lengths))]
    files = [root / _checked_name(each, "file name", root / INFO) for each in names]
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise DataError(f"{missing[0]} is missing, and {len(missing) - 1} more of {len(files)} shards.", PREPARE)
    return files, lengths


def class_names(root: Path, label: str, classes: int) -> tuple[str, ...]:
    """The names that tfds stores beside the data, one per line; empty if there are none."""
    try:
        names = tuple((root / f"{label}.labels.txt").read_text(encoding="utf-8-sig").split("\n"))[:classes]
    except (OSError, UnicodeDecodeError):
        return ()
    return names if len(names) == classes and all(names) else ()


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=kind, strict=False)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).", LAYOUT) from error
    except msgspec.ValidationError as error:
        raise DataError(f"{path} is not as tfds writes it: {printable(str(error))}.", PREPARE) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}).", PREPARE) from error


def _checked_name(name: str, what: str, path: Path) -> str:
    """Refuse a name that would lead to another folder, or that a terminal or shell would misread."""
    if _NAME.fullmatch(name) is None:
        raise DataError(
            f"{path}: the {what}, {printable(name)!r}, is not allowed: letters, digits, _, -, + and . are.", PREPARE
        )
    return name


def _file_name(template: str, name: str, split: str, index: int, count: int) -> str:
    values = {
        "DATASET": name,
        "SPLIT": split,
        "FILEFORMAT": "tfrecord",
        "SHARD_INDEX": f"{index:05d}",
        "NUM_SHARDS": f"{count:05d}",
        "SHARD_X_OF_Y": f"{index:05d}-of-{count:05d}",
    }
    for key, value in values.items():
        template = template.replace(f"{{{key}}}", value)
    return template
