"""A TFDS data set on disk, read without the tfds package.

`dataset_info.json` names the splits and their shards, `features.json` what a record holds: both are JSON
forms of the messages in tfds' own `features.proto` and `dataset_info.proto`. One image feature and one class
label are needed, in TFRecord shards. For `data make` alone. Imports no TensorFlow.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from resnet_bench.config.fields import Value
from resnet_bench.config.shards import WriteShardsConfig
from resnet_bench.data import example, framing
from resnet_bench.data.image_supply import LEAVE_OUT, ImageSupply, Picture, Task, picture
from resnet_bench.data.sources.base import DataSource
from resnet_bench.errors import DataError

INFO, FEATURES = "dataset_info.json", "features.json"
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_PREPARE = "Prepare the data set again with tfds."
_CONVERT = "Convert the data set to a folder of class subfolders and use --source folder."
_LAYOUT = f"Name the folder of one version, the one that holds {INFO}: .../imagenet2012/5.1.0."


class TfdsSource(DataSource):
    """One split of a data set that tfds prepared."""

    name = "tfds"

    def open_images(
        self, options: WriteShardsConfig, seed: int, on_bad_record: Literal["error", "skip"]
    ) -> ImageSupply:
        """The images of `--split`."""
        del seed, on_bad_record
        assert options.data is not None, "checked before"
        return TfdsImages(options.data, options.split)


SOURCE = TfdsSource()


class TfdsImages:
    """An `ImageSupply` of one split, in the stored order, the bytes of the images unchanged."""

    def __init__(self, data: str, split: str) -> None:
        root = _version_folder(Path(data).expanduser())
        info = _json(root / INFO)
        self._image, self._label, self.classes = _features(root / FEATURES)
        name = str(info.get("name") or root.parent.name)
        self._files, lengths = _shards(root, info, name, split)
        self._ends = list(itertools.accumulate(lengths))
        self.count = self._ends[-1] if self._ends else 0
        if not self.count:
            raise DataError(f"{root / INFO}: split {split} holds no record.", "Choose another with --split.")
        self.prefix = f"{name}-{split}"
        self.class_names = _class_names(root / f"{self._label}.labels.txt", self.classes)
        self.made_with: dict[str, str] = {}
        self.left_out = ""
        self.made_from: dict[str, Value] = {
            "source": "tfds",
            "name": name,
            "version": str(info.get("version") or root.name),
            "split": split,
            "count": self.count,
            "bytes": sum(path.stat().st_size for path in self._files),
        }

    def tasks(self, start: int, stop: int) -> Iterator[Task]:
        """Each reads one record; the headers of the shards are read meanwhile."""
        begin = 0
        for path, end in zip(self._files, self._ends, strict=True):
            if begin < stop and end > start:
                yield from self._file_tasks(path, max(0, start - begin), min(end, stop) - begin, end - begin)
            begin = end

    def _file_tasks(self, path: Path, first: int, last: int, expected: int) -> Iterator[Task]:
        given = first
        try:
            for frame in itertools.islice(framing.walk(path), first, last):
                yield partial(self._picture, path, frame)
                given += 1
        except framing.DamageError as damage:
            raise DataError(f"{path}, record {damage.index}: {damage.reason}.", _PREPARE) from damage
        if given < last:
            raise DataError(f"{path} holds {given} records, but {INFO} says {expected}.", _PREPARE)

    def _picture(self, path: Path, frame: framing.Frame) -> Picture:
        where = f"{path}, record {frame.index}"
        try:
            features = example.decode(framing.payload(path, frame))
        except (framing.DamageError, example.WireError) as error:
            raise DataError(f"{where}: it cannot be read ({error}).", LEAVE_OUT) from error
        images, labels = features.get(self._image, []), features.get(self._label, [])
        if len(images) != 1 or not isinstance(images[0], bytes):
            raise DataError(f"{where}: feature {self._image} holds no image.", LEAVE_OUT)
        if len(labels) != 1 or not isinstance(labels[0], int) or not 0 <= labels[0] < self.classes:
            raise DataError(f"{where}: feature {self._label} holds no label in 0..{self.classes - 1}.", LEAVE_OUT)
        names = {"image/class/text": self.class_names[labels[0]]} if self.class_names else {}
        filename = next((value for value in features.get("file_name", []) if isinstance(value, bytes)), None)
        more: dict[str, str | bytes | int] = {**names, **({"image/filename": filename} if filename else {})}
        return picture(images[0], labels[0], where, more)


def _version_folder(root: Path) -> Path:
    """The folder with the metadata: the one named, or the only version below it."""
    if (root / INFO).is_file():
        return root
    if not root.is_dir():
        raise DataError(f"--data {root} is not a folder.", _LAYOUT)
    below = sorted(path.parent for path in root.glob(f"*/{INFO}"))
    if len(below) != 1:
        found = f"has {len(below)} versions ({', '.join(path.name for path in below)})" if below else f"has no {INFO}"
        raise DataError(f"--data {root} {found}.", _LAYOUT)
    return below[0]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).", _LAYOUT) from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}).", _PREPARE) from error
    if not isinstance(content, dict):
        raise DataError(f"{path} does not hold a JSON object.", _PREPARE)
    return content


def _features(path: Path) -> tuple[str, str, int]:
    """(name of the image feature, name of the label feature, number of classes)."""
    content = _json(path)
    fields = content.get("featuresDict", {}).get("features")
    if not isinstance(fields, dict):
        raise DataError(
            f"{path}: {content.get('pythonClassName', 'its content')} is not supported; a FeaturesDict is.",
            _CONVERT,
        )
    images = [name for name, field in fields.items() if _class(field) == "Image"]
    labels = [name for name, field in fields.items() if _class(field) == "ClassLabel"]
    if len(images) != 1 or len(labels) != 1:
        kinds = ", ".join(f"{name} ({_class(field)})" for name, field in fields.items())
        raise DataError(
            f"{path}: it has {len(images)} Image and {len(labels)} ClassLabel features, one of each is supported. "
            f"It holds {kinds}.",
            _CONVERT,
        )
    return images[0], labels[0], int(fields[labels[0]].get("classLabel", {}).get("numClasses", 0))


def _class(field: Any) -> str:
    return str(field.get("pythonClassName", "")).rpartition(".")[2] if isinstance(field, dict) else ""


def _shards(root: Path, info: dict[str, Any], name: str, split: str) -> tuple[list[Path], list[int]]:
    """The files of a split and how many records each holds."""
    form = info.get("fileFormat", "tfrecord")
    if form != "tfrecord":
        raise DataError(
            f"{root / INFO}: file format {form} is not supported; tfrecord is.",
            "Prepare it with tfds' file_format='tfrecord'.",
        )
    splits = {one.get("name"): one for one in info.get("splits", [])}
    if split not in splits:
        raise DataError(f"{root / INFO} has no split {split}.", f"--split takes one of {', '.join(map(str, splits))}.")
    lengths = [int(length) for length in splits[split].get("shardLengths", [])]
    if not lengths:
        raise DataError(f"{root / INFO}: split {split} has no shardLengths (written by tfds before 2020).", _LAYOUT)
    template = str(splits[split].get("filepathTemplate") or _TEMPLATE)
    files = [root / _file_name(template, name, split, index, len(lengths)) for index in range(len(lengths))]
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise DataError(
            f"{missing[0]} is missing, and {len(missing) - 1} more of {len(files)} shards.",
            _PREPARE,
        )
    return files, lengths


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


def _class_names(path: Path, classes: int) -> tuple[str, ...]:
    """The names that tfds stores beside the data, one per line; empty if there are none."""
    try:
        names = tuple(path.read_text(encoding="utf-8").split("\n"))[:classes]
    except OSError:
        return ()
    return names if len(names) == classes and all(names) else ()
