"""What all input peers share: where the JPEGs lie, which window is cut, and the reference that outputs are held
against. NumPy and Pillow only.

The window follows the kernel of TensorFlow's `sample_distorted_bounding_box` (Szegedy et al. 2015): aspect ratio
uniform, height uniform between those of the smallest and the largest area, ten attempts, else the whole image.
"""

from __future__ import annotations

import glob
import io
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from resnet_bench.data import example, framing

AREA = (0.08, 1.0)
ASPECT = (3 / 4, 4 / 3)
ATTEMPTS = 10
COVER = 0.875
ENCODED = "image/encoded"
COMPARED = 64
"""Images whose output is held against the reference."""

Window = tuple[int, int, int, int]
"""y, x, height, width."""


@dataclass(frozen=True)
class Span:
    """Where an encoded image lies in a file."""

    path: str
    offset: int
    length: int

    def read(self) -> bytes:
        """The encoded image."""
        file = os.open(self.path, os.O_RDONLY)
        try:
            return os.pread(file, self.length, self.offset)
        finally:
            os.close(file)


def spans_of(pattern: str) -> list[Span]:
    """The images of all shards, in order, found once beforehand: no peer parses records while it is timed."""
    found = []
    for path in sorted(glob.glob(pattern)):  # noqa: PTH207 (a pattern with folders, as --data takes it)
        for frame in framing.walk(Path(path)):
            record = framing.payload(Path(path), frame)
            (encoded,) = example.decode(record)[ENCODED]
            assert isinstance(encoded, bytes)
            start = frame.offset + framing.HEADER_BYTES + record.index(encoded)
            found.append(Span(path, start, len(encoded)))
    return found


def random_window(height: int, width: int, random: np.random.Generator) -> Window:
    """A random-resized-crop's window."""
    for _ in range(ATTEMPTS):
        aspect = float(random.uniform(*ASPECT))
        least, most = (round(math.sqrt(share * height * width / aspect)) for share in AREA)
        most = min(most, height, math.floor((width + 0.5 - 1e-7) / aspect))
        tall = int(random.integers(min(least, most), most + 1))
        wide = round(tall * aspect)
        if 0 < tall <= height and 0 < wide <= width and AREA[0] * height * width <= tall * wide:
            top, left = random.integers(0, height - tall + 1), random.integers(0, width - wide + 1)
            return int(top), int(left), tall, wide
    return 0, 0, height, width


def centre_window(height: int, width: int, size: int) -> Window:
    """Evaluation's window: what the centre of `size` is after the image was resized to cover size / 0.875."""
    scale = max(size / height, size / width) / COVER
    side = min(round(size / scale), height, width)
    return (height - side) // 2, (width - side) // 2, side, side


def reference(encoded: bytes, size: int) -> Any:
    """The centre window of an image, float64 [size, size, 3]: decoded whole by Pillow (libjpeg's accurate
    transform, smooth upscaling) and resized bilinearly with half-pixel centres and no antialiasing."""
    with Image.open(io.BytesIO(encoded)) as image:
        pixels = np.asarray(image.convert("RGB"), np.float64)
    height, width = pixels.shape[:2]
    top, left, tall, wide = centre_window(height, width, size)
    return _bilinear(pixels[top : top + tall, left : left + wide], size)


def _bilinear(pixels: Any, size: int) -> Any:
    for axis in (0, 1):
        length = pixels.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, length - 1)
        shape = [1, 1, 1]
        shape[axis] = size
        part = (at - low).reshape(shape)
        pixels = np.take(pixels, low, axis) * (1 - part) + np.take(pixels, high, axis) * part
    return pixels


def difference(images: Any, encoded: list[bytes], size: int) -> float:
    """Mean absolute difference to the reference in levels of 0 to 255; images: uint8 [N, size, size, 3]."""
    return float(
        np.mean(
            [
                np.abs(one.astype(np.float64) - reference(data, size)).mean()
                for one, data in zip(images, encoded, strict=True)
            ]
        )
    )
