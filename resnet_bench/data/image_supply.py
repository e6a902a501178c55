"""What shards are written from: images one by one, in a fixed order.

An `ImageSupply` hands out one task per image; a task gives a `Picture`: a framed record and its facts. The sources
that `data make` accepts have one each (`sources/photos.py`, `sources/folder.py`, `sources/tfds.py`); `write_shards`
runs the tasks.
Labels are stored from 1, as ImageNet's are. Imports no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from resnet_bench.config.fields import Value
from resnet_bench.data import example, framing
from resnet_bench.data.encoded_image import image_problem, read_header
from resnet_bench.errors import DataError

LEAVE_OUT = "Repair or remove it, or pass --on-bad-record skip to leave it out."


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

    prefix: how its shards' names begin. class_names: in order of labels, empty if they have none.
    made_from: all that decides the bytes, so that a restart is distinguished from another job.
    made_with: the versions of the encoders. left_out: what was not read of the data, in words; empty if nothing.
    """

    prefix: str
    count: int
    classes: int
    class_names: tuple[str, ...]
    made_from: dict[str, Value]
    made_with: dict[str, str]
    left_out: str

    def tasks(self, start: int, stop: int) -> Iterator[Task]:
        """A task for each image from number `start` to before `stop`; a task raises `DataError` for a bad image."""


def picture(encoded: bytes, label: int, where: str, more: dict[str, str | bytes | int]) -> Picture:
    """A picture of encoded bytes and a label that counts from 0.

    Decodes it once. where: names the image in the `DataError` for bytes that the pipeline cannot read. more: further
    features of the record.
    """
    problem = image_problem(encoded)
    header = read_header(encoded)
    if problem is not None or header is None:
        raise DataError(f"{where}: {problem or 'its header cannot be read'} ({len(encoded)} bytes).", LEAVE_OUT)
    values: dict[str, str | bytes | int] = {
        "image/height": header.height,
        "image/width": header.width,
        "image/colorspace": header.mode,
        "image/channels": header.channels,
        example.LABEL: label + 1,
        "image/format": header.form,
        example.ENCODED: encoded,
        **more,
    }
    record = framing.frame(example.encode(values))
    encoding = f"{header.form} {header.mode}"
    return Picture(record, header.width, header.height, len(encoded), label + 1, encoding)
