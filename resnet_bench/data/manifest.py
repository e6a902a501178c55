"""The identity of a data set: a hash that follows its content, and what its images are like.

Two kinds exist. A set that this tool writes carries a `manifest.json` with the checksum of every shard,
and its identity is the hash of those. For files that were there before, reading everything would take
longer than measuring, so the identity is a hash over a sample (`identity`). Used by the sources `photos`,
`tfrecord` and `folder`, by `write_shards` and by `verify_shards`. Imports no TensorFlow.
"""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from resnet_bench.config.fields import Value
from resnet_bench.data.encoded_image import read_header
from resnet_bench.errors import DataError
from resnet_bench.records.saved import UNREADABLE

EDGE_BYTES = 64 * 1024
SAMPLED_FILES = 2048
SAMPLED_IMAGES = 256
MANIFEST_NAME = "manifest.json"


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a written set."""

    name: str
    images: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a written set holds. `sizes` counts images by "WIDTHxHEIGHT"; `made_with` names the encoder.

    bytes_per_pixel: a histogram by steps of 0.05 (each key is a step's middle). label_range: the lowest and highest
    stored label. skipped: bad images that were left out. left_out: files of the source that are no images, in words.
    made_from: the options that decide every byte. Empty in the sets of
    embedded photographs that older versions wrote.
    """

    format: str
    images: int
    seed: int
    bytes: int
    mean_pixels: float
    mean_bytes_per_pixel: float
    sizes: dict[str, int]
    made_with: dict[str, str]
    shards: tuple[Shard, ...]
    bytes_per_pixel: dict[str, int] = {}
    encodings: dict[str, int] = {}
    classes: int | None = None
    class_names: tuple[str, ...] = ()
    label_range: tuple[int, int] | None = None
    skipped: tuple[str, ...] = ()
    left_out: str = ""
    made_from: dict[str, Value] = {}

    def hash(self) -> str:
        """SHA-256 over the shards' checksums: equal exactly if all records are equal, in whichever folder."""
        return hashlib.sha256("\n".join(shard.sha256 for shard in self.shards).encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None if there is none. Raises `DataError` if it cannot be read."""
    path = folder / MANIFEST_NAME
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(codecs.BOM_UTF8), type=Manifest)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    except UNREADABLE as error:
        raise DataError(
            f"{path} is not a manifest of this tool ({error}).", "Delete it, or name another folder."
        ) from error


def file_sha256(path: Path) -> str:
    """SHA-256 of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identity(names: Sequence[str], paths: Sequence[Path], sizes: Sequence[int]) -> str:
    """SHA-256 over every file's name and size, and the first and last 64 KiB of up to 2,048 files.

    names: what identifies a file inside its set (base name of a shard, class folder and name of an
    image), so that moving a set changes nothing. The sampled files are spread evenly; with up to 2,048
    files all are sampled. A change in the middle of a large file that keeps its size goes unnoticed.
    """
    digest = hashlib.sha256()
    for name, size in zip(names, sizes, strict=True):
        digest.update(os.fsencode(name) + f"\0{size}\n".encode())
    for index in spread(len(paths), SAMPLED_FILES):
        with paths[index].open("rb") as file:
            digest.update(file.read(EDGE_BYTES))
            if sizes[index] > EDGE_BYTES:
                file.seek(max(EDGE_BYTES, sizes[index] - EDGE_BYTES))
                digest.update(file.read(EDGE_BYTES))
    return digest.hexdigest()


def spread(count: int, wanted: int) -> range | list[int]:
    """Up to `wanted` of the indices 0..count-1, evenly spaced."""
    if count <= wanted:
        return range(count)
    return [index * count // wanted for index in range(wanted)]


def image_means(encoded: Iterable[bytes]) -> tuple[float | None, float | None]:
    """Mean pixels of the images, and their bytes over their pixels, read from the headers alone.

    Images whose header cannot be read are left out; (None, None) if none is left.
    """
    pixels: list[int] = []
    size_bytes = 0
    for data in encoded:
        header = read_header(data)
        if header is not None:
            pixels.append(header.width * header.height)
            size_bytes += len(data)
    if not pixels:
        return None, None
    return sum(pixels) / len(pixels), size_bytes / sum(pixels)
