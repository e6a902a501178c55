"""What shards are made of: images one by one, from the embedded photographs or from a folder of classes.

A `ImageSupply` hands out one task per image; a task gives a `Picture`, a framed record and what is known of it.
`tfds` has another supply, `making` carries the tasks out. Labels are stored from 1, as ImageNet's are.
Imports no TensorFlow.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import PIL
from PIL import Image, features

from resnet_bench.config.fields import Value
from resnet_bench.data import example, folder, framing, synthetic_photos
from resnet_bench.errors import DataError

UNREADABLE = "Repair or remove it, or pass --on-bad-record skip to leave it out."


@dataclass(frozen=True)
class Picture:
    """One image as it will lie in a shard: its framed record, size in pixels, bytes, label and encoding."""

    record: bytes
    width: int
    height: int
    encoded_bytes: int
    label: int
    encoding: str


Task = Callable[[], Picture]


class ImageSupply(Protocol):
    """Images in a fixed order.

    prefix: how its shards' names begin. class_names: in order of labels, empty where nobody named them.
    made_from: all that decides the bytes, so that a second start can be told from another job.
    made_with: the versions of what encodes.
    """

    prefix: str
    count: int
    classes: int
    class_names: tuple[str, ...]
    made_from: dict[str, Value]
    made_with: dict[str, str]

    def tasks(self, start: int, stop: int) -> Iterator[Task]:
        """A task for each image from number `start` to before `stop`; a task raises `DataError` for a bad image."""


class Photographs:
    """Crops of the two embedded photographs, resampled and encoded by a recipe."""

    prefix = "photos"
    class_names: tuple[str, ...] = ()
    classes = synthetic_photos.STORED_CLASSES

    def __init__(self, count: int, seed: int, recipe: synthetic_photos.PhotoRecipe, mix: dict[str, str | None]) -> None:
        """mix: the words that the recipe was made of, for the manifest."""
        self.count = count
        self._seed, self._recipe = seed, recipe
        self._originals = synthetic_photos.originals_of()
        self.made_with = {"pillow": PIL.__version__, "libjpeg": str(features.version("jpg"))}
        self.made_from: dict[str, Value] = {"source": "photos", "count": count, "seed": seed}
        self.made_from.update({**mix, **self.made_with})

    def tasks(self, start: int, stop: int) -> Iterator[Task]:
        """Each photograph depends on its number and the seed alone."""
        return (partial(self._picture, number) for number in range(start, stop))

    def _picture(self, number: int) -> Picture:
        photo = synthetic_photos.make_photo(self._originals, number, self._seed, self._recipe)
        return Picture(
            record=framing.frame(synthetic_photos.example(photo)),
            width=photo.width,
            height=photo.height,
            encoded_bytes=len(photo.encoded),
            label=photo.label,
            encoding=f"JPEG {photo.quality} {photo.subsampling}",
        )


class Folder:
    """The images of a folder of class subfolders, in an order shuffled by the seed, their bytes unchanged."""

    prefix = "images"

    def __init__(self, data: str, seed: int, skip: bool) -> None:
        root = Path(data).expanduser()
        source = folder.open_folder(data, 1 << 30, "skip" if skip else "error")
        self.count = len(source.files)
        self.classes = source.facts.classes_found or 0
        self.class_names = tuple(path.name for path in folder.class_folders(root))
        self.made_with: dict[str, str] = {}
        self.made_from: dict[str, Value] = {
            "source": "folder",
            "seed": seed,
            "count": self.count,
            "identity": source.facts.manifest_hash,
            "on_bad_record": "skip" if skip else "error",
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
            raise DataError(f"{path}: cannot be read ({error.strerror}).", UNREADABLE) from error
        name = Path(path).relative_to(self._root).as_posix()
        return picture(encoded, label, path, {"image/filename": name, "image/class/synset": self.class_names[label]})


def picture(encoded: bytes, label: int, where: str, more: dict[str, str | bytes | int]) -> Picture:
    """A picture of encoded bytes and a label that counts from 0; `where` names it in the `DataError` for bytes
    that are no image. Reads the header alone."""
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            (width, height), mode, form = image.size, image.mode, image.format or ""
            channels = len(image.getbands())
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{where}: it is no image that can be read ({len(encoded)} bytes).", UNREADABLE) from error
    values: dict[str, str | bytes | int] = {
        "image/height": height,
        "image/width": width,
        "image/colorspace": mode,
        "image/channels": channels,
        "image/class/label": label + 1,
        "image/format": form,
        "image/encoded": encoded,
        **more,
    }
    return Picture(framing.frame(example.encode(values)), width, height, len(encoded), label + 1, f"{form} {mode}")
