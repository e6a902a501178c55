"""A TFDS data set on disk, read without the tfds package.

One image feature and one class label are needed, in TFRecord shards. For `data make` alone. Neighbour:
`data/tfds_metadata.py` reads and checks what the data set says of itself. Imports no TensorFlow.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from resnet_bench.config.fields import Value
from resnet_bench.config.shards import WriteShardsConfig
from resnet_bench.data import example, framing
from resnet_bench.data import tfds_metadata as metadata
from resnet_bench.data.image_supply import LEAVE_OUT, ImageSupply, Picture, Task, picture
from resnet_bench.data.sources.base import DataSource
from resnet_bench.errors import DataError


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
        root = metadata.version_folder(Path(data).expanduser())
        info, name = metadata.read_info(root)
        self._image, self._label, self.classes = metadata.read_features(root)
        self._files, lengths = metadata.shards(root, info, name, split)
        self._ends = list(itertools.accumulate(lengths))
        self.count = self._ends[-1] if self._ends else 0
        if not self.count:
            raise DataError(f"{root / metadata.INFO}: split {split} holds no record.", "Choose another with --split.")
        self.prefix = f"{name}-{split}"
        self.class_names = metadata.class_names(root, self._label, self.classes)
        self.made_with: dict[str, str] = {}
        self.left_out = ""
        self.made_from: dict[str, Value] = {
            "source": "tfds",
            "name": name,
            "version": info.version or root.name,
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
            raise DataError(f"{path}, record {damage.index}: {damage.reason}.", metadata.PREPARE) from damage
        if given < last:
            raise DataError(f"{path} holds {given} records, but {metadata.INFO} says {expected}.", metadata.PREPARE)

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
