"""OpenCV in threads: `imdecode` of whole images, `resize` without antialiasing; it lets go of Python's lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np

from benchmarks.peers import loader
from benchmarks.peers.images import Span, Window, centre_window, random_window

AHEAD = 2
"""Batches in the making beside the one that is taken."""


def cut(encoded: bytes, window: Window | None, size: int, random: np.random.Generator | None = None) -> Any:
    """A window (None: a random one) of an image, decoded and resized bilinearly by OpenCV: uint8 [size, size, 3]."""
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if window is None:
        assert random is not None
        height, width = pixels.shape[:2]
        window = random_window(height, width, random)
    top, left, tall, wide = window
    resized = cv2.resize(pixels[top : top + tall, left : left + wide], (size, size), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)


def centre_of(encoded: bytes, size: int) -> Any:
    """The centre window as the batches would decode and resize it."""
    height, width = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    return cut(encoded, centre_window(height, width, size), size)


def augmented(span: Span, size: int, random: np.random.Generator) -> Any:
    """A random-resized-crop of an image, flipped at random."""
    image = cut(span.read(), None, size, random)
    return cv2.flip(image, 1) if random.random() < 0.5 else image


class OpenCv:
    """`WORKERS` threads, each making one image at a time into its place in a batch."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.settings: dict[str, Any] = {
            "peer": f"OpenCV {cv2.__version__}, threads",
            "workers": loader.WORKERS,
            "batches_ahead": AHEAD,
            "resize": "bilinear",
        }

    def batches(self, spans: list[Span], batch: int, size: int, seed: int) -> Iterator[Any]:
        """See `loader.Loader`."""
        random = np.random.default_rng(seed)
        order = _endless(len(spans), random)
        pool = ThreadPoolExecutor(loader.WORKERS)

        def start() -> tuple[Any, list[Future[None]]]:
            images = np.empty((batch, size, size, 3), np.uint8)

            def fill(place: int, index: int, own: np.random.Generator) -> None:
                images[place] = augmented(spans[index], size, own)

            own = random.spawn(batch)
            return images, [pool.submit(fill, place, next(order), own[place]) for place in range(batch)]

        waiting = deque(start() for _ in range(1 + AHEAD))
        while True:
            images, futures = waiting.popleft()
            for future in futures:
                future.result()
            waiting.append(start())
            yield images

    def centre(self, spans: list[Span], size: int) -> Any:
        """See `loader.Loader`."""
        return np.stack([centre_of(span.read(), size) for span in spans])


def _endless(count: int, random: np.random.Generator) -> Iterator[int]:
    while True:
        yield from random.permutation(count).tolist()


if __name__ == "__main__":
    loader.serve(OpenCv)
