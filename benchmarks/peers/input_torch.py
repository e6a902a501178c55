"""PyTorch's DataLoader over Pillow, as its users write it: worker processes, decoding whole images.

Pillow resizes with antialiasing when it makes images smaller, which is what torchvision's RandomResizedCrop gives
for PIL images.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL import __version__ as pillow_version
from torch.utils.data import DataLoader, Dataset, Sampler

from benchmarks.peers import loader
from benchmarks.peers.images import Span, Window, centre_window, random_window

PREFETCH = 2


def cut(encoded: bytes, window_of: Any, size: int) -> Any:
    """A window of an image, decoded by Pillow and resized bilinearly: uint8 [size, size, 3]."""
    with Image.open(io.BytesIO(encoded)) as image:
        top, left, tall, wide = window_of(image.height, image.width)
        pixels = image.convert("RGB")
    box = (left, top, left + wide, top + tall)
    return np.asarray(pixels.resize((size, size), Image.Resampling.BILINEAR, box=box))


class _Images(Dataset[Any]):  # type: ignore[misc]
    def __init__(self, spans: list[Span], size: int, seed: int) -> None:
        self._spans, self._size, self._seed = spans, size, seed
        self._random: np.random.Generator | None = None

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> Any:
        if self._random is None:  # made in the worker process, another stream in each
            self._random = np.random.default_rng((self._seed, os.getpid()))
        random = self._random

        def window(height: int, width: int) -> Window:
            return random_window(height, width, random)

        image = cut(self._spans[index].read(), window, self._size)
        return torch.from_numpy(np.ascontiguousarray(image[:, ::-1]) if random.random() < 0.5 else image.copy())


class _Endless(Sampler[int]):  # type: ignore[misc]
    """Every image once a pass, in another order each."""

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._random = count, np.random.default_rng(seed)

    def __iter__(self) -> Iterator[int]:
        while True:
            yield from self._random.permutation(self._count).tolist()


class Torch:
    """`WORKERS` processes."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {
            "peer": f"PyTorch {torch.__version__} DataLoader, Pillow {pillow_version}",
            "workers": loader.WORKERS,
            "prefetch_factor": PREFETCH,
            "resize": "bilinear, antialiased",
        }

    def batches(self, spans: list[Span], batch: int, size: int, seed: int) -> Iterator[Any]:
        """See `loader.Loader`."""
        torch.set_num_threads(1)
        return iter(
            DataLoader(
                _Images(spans, size, seed),
                batch_size=batch,
                sampler=_Endless(len(spans), seed),
                num_workers=loader.WORKERS,
                prefetch_factor=PREFETCH,
                persistent_workers=True,
            )
        )

    def centre(self, spans: list[Span], size: int) -> Any:
        """See `loader.Loader`."""
        return np.stack([cut(span.read(), lambda h, w: centre_window(h, w, size), size) for span in spans])


if __name__ == "__main__":
    loader.serve(Torch)
