"""Counting what goes into a shard while it is written: checksum, sizes, bytes per pixel, labels.

`write_shards` adds each picture and keeps the `ShardContents`; a manifest is their sum. Imports no TensorFlow.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from resnet_bench.config.fields import Value
from resnet_bench.data.image_supply import Picture
from resnet_bench.data.manifest import Manifest, Shard

LISTED_SIZES = 50
BYTES_PER_PIXEL_STEP = 0.05


class ShardContents(msgspec.Struct, frozen=True, kw_only=True):
    """What one finished shard holds: stored beside it until the manifest is written."""

    shard: Shard
    pixels: int = 0
    encoded_bytes: int = 0
    label_range: tuple[int, int] | None = None
    sizes: dict[str, int] = {}
    bytes_per_pixel: dict[str, int] = {}
    encodings: dict[str, int] = {}
    skipped: tuple[str, ...] = ()


class ShardStats:
    """Counts what goes into a shard."""

    def __init__(self) -> None:
        self.skipped: list[str] = []
        self._digest = hashlib.sha256()
        self._images = self._bytes = self._pixels = self._encoded_bytes = 0
        self._labels: set[int] = set()
        self._sizes, self._density, self._encodings = Counter[str](), Counter[str](), Counter[str]()

    def add(self, picture: Picture) -> None:
        """Count one picture."""
        area = picture.width * picture.height
        step = int(picture.encoded_bytes / max(1, area) / BYTES_PER_PIXEL_STEP)
        self._digest.update(picture.record)
        self._images += 1
        self._bytes += len(picture.record)
        self._pixels += area
        self._encoded_bytes += picture.encoded_bytes
        self._labels.add(picture.label)
        self._sizes[f"{picture.width}x{picture.height}"] += 1
        self._density[f"{(step + 0.5) * BYTES_PER_PIXEL_STEP:.3f}"] += 1
        self._encodings[picture.encoding] += 1

    def contents(self, name: str) -> ShardContents:
        """What was counted."""
        return ShardContents(
            shard=Shard(name=name, images=self._images, bytes=self._bytes, sha256=self._digest.hexdigest()),
            pixels=self._pixels,
            encoded_bytes=self._encoded_bytes,
            label_range=(min(self._labels), max(self._labels)) if self._labels else None,
            sizes=dict(self._sizes),
            bytes_per_pixel=dict(self._density),
            encodings=dict(self._encodings),
            skipped=tuple(self.skipped),
        )


def summed_up(
    contents: Sequence[ShardContents],
    format_name: str,
    made_from: dict[str, Value],
    made_with: dict[str, str],
    classes: int,
    class_names: tuple[str, ...],
    left_out: str = "",
) -> Manifest:
    """The manifest of all shards; of many sizes the 50 most frequent are listed, the rest as "other"."""
    images = sum(one.shard.images for one in contents)
    pixels = sum(one.pixels for one in contents)
    ranges = [one.label_range for one in contents if one.label_range is not None]
    sizes = _sum(one.sizes for one in contents)
    listed = dict(sizes.most_common(LISTED_SIZES))
    if len(sizes) > LISTED_SIZES:
        listed["other"] = sizes.total() - sum(listed.values())
    return Manifest(
        format=format_name,
        images=images,
        seed=int(made_from.get("seed") or 0),
        bytes=sum(one.shard.bytes for one in contents),
        mean_pixels=pixels / max(1, images),
        mean_bytes_per_pixel=sum(one.encoded_bytes for one in contents) / max(1, pixels),
        sizes=listed,
        made_with=made_with,
        shards=tuple(one.shard for one in contents),
        bytes_per_pixel=dict(sorted(_sum(one.bytes_per_pixel for one in contents).items())),
        encodings=dict(_sum(one.encodings for one in contents).most_common()),
        classes=classes,
        class_names=class_names,
        label_range=(min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None,
        skipped=tuple(words for one in contents for words in one.skipped),
        left_out=left_out,
        made_from=made_from,
    )


def _sum(counts: Iterable[dict[str, int]]) -> Counter[str]:
    total = Counter[str]()
    for one in counts:
        total.update(one)
    return total
