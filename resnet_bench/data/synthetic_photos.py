"""Photographs like ImageNet's, cropped from the two in scikit-learn: their pixels, sizes and encodings.

Sizes follow `SIZES`, encodings `ENCODINGS`; together they come close to what is known of ImageNet's
training images (most are 500x375 or 375x500; about 469x387 pixels and 110 kB on average). Each image is
another crop of a photograph, resampled and half of the time mirrored, with a label at random. The same seed
and Pillow version give the same bytes. Neighbours: `sources/photos.py` hands them to `write_shards`, `size_mix` parses
other recipes. scikit-learn is located, never imported (it is slow to import).
"""

from __future__ import annotations

import importlib.util
import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from resnet_bench.data import example as wire
from resnet_bench.errors import DataError

STORED_CLASSES = 1000
PHOTOGRAPHS = ("china.jpg", "flower.jpg")
# (width, height): share
SIZES = {
    (500, 375): 0.40,
    (375, 500): 0.12,
    (500, 333): 0.12,
    (640, 480): 0.06,
    (333, 500): 0.05,
    (400, 300): 0.05,
    (320, 240): 0.05,
    (300, 225): 0.03,
    (250, 250): 0.03,
    (480, 640): 0.02,
    (500, 500): 0.02,
    (800, 600): 0.02,
    (200, 150): 0.02,
    (1024, 768): 0.01,
}
# (JPEG quality, chroma subsampling): share
ENCODINGS = {(97, "4:4:4"): 0.55, (97, "4:2:0"): 0.25, (95, "4:2:0"): 0.20}
T = TypeVar("T")


@dataclass(frozen=True)
class PhotoRecipe:
    """The mix of a data set: shares of (width, height), and of (JPEG quality, chroma subsampling).

    bytes_per_pixel: shares of target densities; then the JPEG quality that comes nearest is searched for, image by
    image, and `encodings` gives the subsampling alone.
    """

    sizes: dict[tuple[int, int], float]
    encodings: dict[tuple[int, str], float]
    bytes_per_pixel: dict[float, float] | None = None


IMAGENET = PhotoRecipe(SIZES, ENCODINGS)
_SMALLEST_CROP = 0.6
# Multiples of a metallic mean, modulo 1, fill 0..1 evenly: a small set has the right shares too, in mixed order.
_GOLDEN, _SILVER, _BRONZE = 0.6180339887498949, 0.41421356237309515, 0.30277563773199456


@dataclass(frozen=True)
class Photo:
    """One encoded image and the values of its Example. `label` counts from 1, as ImageNet's do."""

    name: str
    encoded: bytes
    width: int
    height: int
    label: int
    quality: int
    subsampling: str


def example(photo: Photo) -> bytes:
    """A serialized tf.train.Example in the schema of ImageNet's TFRecords."""
    return wire.encode(
        {
            "image/height": photo.height,
            "image/width": photo.width,
            "image/colorspace": "RGB",
            "image/channels": 3,
            wire.LABEL: photo.label,
            "image/class/synset": f"n{photo.label:08d}",
            "image/class/text": f"class {photo.label}",
            "image/format": "JPEG",
            "image/filename": photo.name,
            wire.ENCODED: photo.encoded,
        }
    )


def make_photo(originals: list[Image.Image], number: int, seed: int, recipe: PhotoRecipe = IMAGENET) -> Photo:
    """Photograph `number`: it depends on the originals, number and seed alone."""
    draw = random.Random(f"{seed}/{number}")
    phase = random.Random(f"{seed}").random()
    width, height = _pick(recipe.sizes, phase + number * _GOLDEN)
    quality, subsampling = _pick(recipe.encodings, phase + number * _SILVER)
    original = originals[draw.randrange(len(originals))]
    scale = min(original.width / width, original.height / height) * draw.uniform(_SMALLEST_CROP, 1.0)
    left = draw.uniform(0, original.width - width * scale)
    top = draw.uniform(0, original.height - height * scale)
    box = (left, top, min(original.width, left + width * scale), min(original.height, top + height * scale))
    image = original.resize((width, height), Image.Resampling.LANCZOS, box=box)
    if draw.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if recipe.bytes_per_pixel is not None:
        wanted = _pick(recipe.bytes_per_pixel, phase + number * _BRONZE) * width * height
        quality, encoded = _nearest(image, wanted, subsampling)
    else:
        encoded = _jpeg(image, quality, subsampling)
    label = 1 + draw.randrange(STORED_CLASSES)
    return Photo(f"photo_{number:06d}.JPEG", encoded, width, height, label, quality, subsampling)


def _jpeg(image: Image.Image, quality: int, subsampling: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()


def _nearest(image: Image.Image, wanted_bytes: float, subsampling: str) -> tuple[int, bytes]:
    """The JPEG quality from 5 to 100 whose size comes nearest, found by bisection, and the encoded image."""
    low, high = 5, 100
    tried: dict[int, bytes] = {}
    while low <= high:
        middle = (low + high) // 2
        tried[middle] = _jpeg(image, middle, subsampling)
        if len(tried[middle]) < wanted_bytes:
            low = middle + 1
        else:
            high = middle - 1
    best = min(tried, key=lambda quality: abs(len(tried[quality]) - wanted_bytes))
    return best, tried[best]


def _pick(shares: dict[T, float], point: float) -> T:
    """The key whose interval of 0..1, by shares, holds the fractional part of `point`."""
    left = point % 1.0
    for key, share in shares.items():
        left -= share
        if left < 0:
            return key
    return key


def originals_of() -> list[Image.Image]:
    """The photographs that all others are cropped from, decoded. Raises `DataError` if they are missing."""
    return [_original(name) for name in PHOTOGRAPHS]


def _original(name: str) -> Image.Image:
    found = importlib.util.find_spec("sklearn")
    path = Path(found.origin or "").parent / "datasets" / "images" / name if found else None
    if path is None or not path.is_file():
        raise DataError(
            f"The photograph {name} that scikit-learn ships is not installed.", "Reinstall scikit-learn with pip."
        )
    with Image.open(path) as image:
        return image.convert("RGB")
