"""Random changes to training images in memory: shift, crop, horizontal flip.

Pure NumPy and Pillow; the random generator is an argument, so that the same seed gives the same images. Streamed parts
crop and flip in `data/pipeline.py`, with the same range of aspect ratios.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

SHIFT_SHARE = 1 / 8
ASPECT_RATIOS = (3 / 4, 4 / 3)


@dataclass(frozen=True)
class Augmentation:
    """What happens to a training image, in this order.

    crop: a random part of `crop_area_min` to 1 of the area is stretched to the image's size. shift: moved by up
    to an eighth of its size, its border repeated. flip: mirrored left to right with probability 0.5.
    """

    crop: bool = False
    shift: bool = False
    flip: bool = False
    crop_area_min: float = 0.08


def augmented(images: Any, how: Augmentation, random: np.random.Generator) -> Any:
    """A changed copy of images uint8 [B, H, W, C]; the images themselves if `how` asks for nothing."""
    if how.crop:
        images = np.stack([_crop(image, how.crop_area_min, random) for image in images])
    if how.shift:
        images = _shift(images, random)
    if how.flip:
        mirrored = random.random(len(images)) < 0.5
        images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    return images


def _shift(images: Any, random: np.random.Generator) -> Any:
    """Each image shifted by its own offset; pixels beyond the border repeat the border."""
    count, height, width = images.shape[:3]
    rows, columns = (
        np.clip(np.arange(size) + random.integers(-reach, reach + 1, (count, 1)), 0, size - 1)
        for size, reach in ((height, int(height * SHIFT_SHARE)), (width, int(width * SHIFT_SHARE)))
    )
    return images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _crop(image: Any, area_min: float, random: np.random.Generator) -> Any:
    """A window of random area and aspect ratio (3/4 to 4/3, uniform on a logarithmic scale), made to fit."""
    height, width, channels = image.shape
    area = random.uniform(area_min, 1.0) * height * width
    low, high = (math.log(bound) for bound in ASPECT_RATIOS)
    ratio = math.exp(random.uniform(low, high))
    box_width, box_height = min(math.sqrt(area * ratio), width), min(math.sqrt(area / ratio), height)
    left, top = random.uniform(0, width - box_width), random.uniform(0, height - box_height)
    picture = Image.fromarray(image[:, :, 0] if channels == 1 else image)
    box = (left, top, left + box_width, top + box_height)
    resized = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=box))
    return resized.reshape(height, width, channels)
