"""Grain over OpenCV: its own shuffling, random maps, reading threads and batching."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import grain
import numpy as np

from benchmarks.peers import loader
from benchmarks.peers.images import Span
from benchmarks.peers.input_opencv import augmented, centre_of

AHEAD = 2
"""Batches' worth of images in the making."""


class _Source:
    """Random access to the images, as Grain wants it."""

    def __init__(self, spans: list[Span]) -> None:
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: Any) -> Span:
        return self._spans[int(index)]


class _Augment(grain.transforms.RandomMap):  # type: ignore[misc]
    """A random-resized-crop, flipped at random."""

    def __init__(self, size: int) -> None:
        self._size = size

    def random_map(self, element: Span, rng: np.random.Generator) -> Any:
        """See Grain."""
        return augmented(element, self._size, rng)


class Grain:
    """`WORKERS` threads; OpenCV lets go of Python's lock while it decodes."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.settings: dict[str, Any] = {
            "peer": f"Grain {grain.__version__}, OpenCV {cv2.__version__}",
            "workers": loader.WORKERS,
            "batches_ahead": AHEAD,
            "resize": "bilinear",
        }

    def batches(self, spans: list[Span], batch: int, size: int, seed: int) -> Iterator[Any]:
        """See `loader.Loader`."""
        images = grain.MapDataset.source(_Source(spans)).seed(seed).shuffle().repeat().random_map(_Augment(size))
        reading = grain.ReadOptions(num_threads=loader.WORKERS, prefetch_buffer_size=AHEAD * batch)
        return iter(images.to_iter_dataset(reading).batch(batch, drop_remainder=True))

    def centre(self, spans: list[Span], size: int) -> Any:
        """See `loader.Loader`."""
        return np.stack([centre_of(span.read(), size) for span in spans])


if __name__ == "__main__":
    loader.serve(Grain)
