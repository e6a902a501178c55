"""Tiny data sets for the tests of `resnet_bench.data`: encoded images, shards, and a resolved configuration."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from resnet_bench.config import Config
from resnet_bench.config.options import build
from resnet_bench.data import framing, synthetic_photos
from resnet_bench.records.machine import Machine
from resnet_bench.runtime.cpu import Threads
from resnet_bench.runtime.resolve import resolve

THREADS = Threads(intra_op=1, inter_op=1, data=2)


def encoded(form: str = "JPEG", size: tuple[int, int] = (48, 40), mode: str = "RGB", seed: int = 0) -> bytes:
    """A smooth image of `size` (width, height), other colours for each seed."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    planes = [(40 * seed + 3 * x) % 200, (2 * y + 20 * seed) % 200, (x + y + 10 * seed) % 200]
    image = Image.fromarray(np.stack(planes, -1).astype(np.uint8)).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def example(image: bytes | None, label: int | None) -> bytes:
    """A serialized Example in ImageNet's schema; None leaves the feature out."""
    import tensorflow as tf

    feature: dict[str, Any] = {}
    if image is not None:
        feature["image/encoded"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image]))
    if label is not None:
        feature["image/class/label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    return bytes(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def write_shard(path: Path, records: Iterable[bytes]) -> list[int]:
    """Writes a TFRecord file; the offset of each record's header."""
    offsets, data = [], b""
    for record in records:
        offsets.append(len(data))
        data += framing.frame(record)
    path.write_bytes(data)
    return offsets


def good_shard(path: Path, count: int, first: int = 0) -> list[int]:
    """A shard of `count` small images whose stored labels are 1 + first, 2 + first, ..."""
    return write_shard(path, [example(encoded(seed=first + i), 1 + first + i) for i in range(count)])


def photos_of(
    count: int, recipe: synthetic_photos.PhotoRecipe = synthetic_photos.IMAGENET
) -> list[synthetic_photos.Photo]:
    """The first photographs of seed 0."""
    originals = synthetic_photos.originals_of()
    return [synthetic_photos.make_photo(originals, number, 0, recipe) for number in range(count)]


def flip_byte(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(bytes(data))


def config(**values: Any) -> Config:
    """A resolved configuration for 2 CPUs: 32-pixel images, batches of 4, 10 classes."""
    given = {"image_size": (32, 32), "batch_size": 4, "classes": 10, "mode": "eval"} | values
    machine = Machine(device_kind="cpu", device="/CPU:0", cpus=2)
    return resolve(build(given)[0], machine)[0]
