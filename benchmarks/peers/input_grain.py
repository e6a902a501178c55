"""Grain over OpenCV: its own shuffling, random maps and batching, in worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import grain
import numpy as np

from benchmarks.peers import loader
from benchmarks.peers.images import Span
from benchmarks.peers.input_opencv import augmented, centre_of

PREFETCH = 2


class _Source:
    """Random access to the images, as Grain wants it."""

    def __init__(self, spans: list[Span]) -> None:
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: Any) -> Span:
        return self._spans[int(index)]


class _Augment(grain.transforms.RandomMap):
    """A random-resized-crop, flipped at random."""

    def __init__(self, size: int) -> None:
        self._size = size

    def random_map(self, element: Span, rng: np.random.Generator) -> Any:
        """See Grain."""
        return augmented(element, self._size, rng)


def _one_thread(_index: int, _count: int) -> None:
    cv2.setNumThreads(1)


class Grain:
    """`WORKERS` processes, one reading thread each."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.settings: dict[str, Any] = {
            "peer": f"Grain {grain.__version__}, OpenCV {cv2.__version__}",
            "workers": loader.WORKERS,
            "per_worker_buffer_size": PREFETCH,
            "resize": "bilinear",
        }

    def batches(self, spans: list[Span], batch: int, size: int, seed: int) -> Iterator[Any]:
        """See `loader.Loader`."""
        images = grain.MapDataset.source(_Source(spans)).seed(seed).shuffle().repeat().random_map(_Augment(size))
        reading = grain.ReadOptions(num_threads=1, prefetch_buffer_size=batch)
        batches = images.batch(batch, drop_remainder=True).to_iter_dataset(reading)
        options = grain.MultiprocessingOptions(num_workers=loader.WORKERS, per_worker_buffer_size=PREFETCH)
        return iter(batches.mp_prefetch(options, worker_init_fn=_one_thread))

    def centre(self, spans: list[Span], size: int) -> Any:
        """See `loader.Loader`."""
        return np.stack([centre_of(span.read(), size) for span in spans])


if __name__ == "__main__":
    loader.serve(Grain)
