"""Data sets whose images lie in memory: uint8 arrays, shuffled and augmented batch by batch.

`sources/digits.py` and `sources/h5.py` read the arrays. Neighbour: `files.py` streams from files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from resnet_bench.data.datasets.augment import Augmentation, augmented
from resnet_bench.data.datasets.base import Batch, Crop, Dataset, order_of
from resnet_bench.data.encoded_image import LUMA
from resnet_bench.errors import BenchError
from resnet_bench.records.run import DataFacts


@dataclass(frozen=True)
class Arrays:
    """images uint8 [N, H, W, C], labels int32 [N]."""

    images: Any
    labels: Any


@dataclass(frozen=True)
class MemoryPart:
    """A `DatasetPart` over arrays; `base.DatasetPart` says what its methods promise."""

    arrays: Arrays
    crop: Crop = "whole"

    @property
    def count(self) -> int:
        """How many images it has."""
        return len(self.arrays.labels)

    def epoch(
        self, number: int, batch_size: int, seed: int, augmentation: Augmentation, skip: int = 0
    ) -> Iterator[Batch]:
        """Shuffled whole batches; the noise of a batch follows from seed, epoch and its place alone."""
        order = order_of(self.count, number, seed)
        for step in range(skip, self.count // batch_size):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            noise = np.random.default_rng((seed, number, step))
            yield augmented(self.arrays.images[chosen], augmentation, noise), self.arrays.labels[chosen]

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Every image once."""
        for start in range(0, self.count, batch_size):
            yield self.arrays.images[start : start + batch_size], self.arrays.labels[start : start + batch_size]

    def explain(self, failure: BaseException) -> BenchError | None:
        """None: arrays are checked when they are read."""
        del failure
        return None


def fitted(images: Any, size: tuple[int, int], channels: int) -> Any:
    """Images uint8 [N, h, w, c] as uint8 [N, *size, channels]: resized bilinearly as a whole (Pillow, which
    averages where it shrinks), greyscale repeated into three channels, colour reduced to its luma."""
    if images.shape[-1] != channels:
        if channels == 3:
            images = np.repeat(images, 3, axis=-1)
        else:
            images = np.rint(images @ np.array(LUMA)).astype(np.uint8)[..., np.newaxis]
    if images.shape[1:3] == tuple(size):
        return images
    height, width = size
    fit = np.empty((len(images), height, width, channels), np.uint8)
    for index, image in enumerate(images):
        picture = Image.fromarray(image[:, :, 0] if channels == 1 else image)
        resized = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
        fit[index] = resized.reshape(height, width, channels)
    return fit


def memory_dataset(
    source: str, names: tuple[str, ...], train: Arrays, test: Arrays, image_size: tuple[int, int], channels: int
) -> Dataset:
    """A data set of two parts in memory, fitted to size and channels; its identity is a hash of all pixels and labels
    before that, and of what they are fitted to."""
    digest = hashlib.sha256(repr((image_size, channels, names)).encode())
    parts = []
    for part in (train, test):
        digest.update(part.images.tobytes())
        digest.update(part.labels.tobytes())
        parts.append(MemoryPart(Arrays(fitted(part.images, image_size, channels), part.labels)))
    images = [part.images for part in (train, test)]
    return Dataset(
        class_names=names,
        train=parts[0],
        test=parts[1],
        facts=DataFacts(
            source=source,
            manifest_hash=digest.hexdigest(),
            images=sum(len(part) for part in images),
            bytes=sum(part.nbytes for part in images),
            mean_pixels=float(images[0].shape[1] * images[0].shape[2]),
            classes_found=len(names),
        ),
    )
