"""What every data set offers: `Dataset`, the `DatasetPart` protocol, its split, and batches of one size.

Neighbours: `memory.py` and `files.py` implement parts, `augment.py` changes images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from resnet_bench.data.datasets.augment import Augmentation
from resnet_bench.errors import BenchError
from resnet_bench.records.base import Notice
from resnet_bench.records.run import DataFacts

Crop = Literal["whole", "centre"]
Batch = tuple[Any, Any]


class DatasetPart(Protocol):
    """The train or the test part of a data set. Images are uint8 [B, H, W, C], labels int32 [B]."""

    @property
    def count(self) -> int:
        """How many images it has."""

    @property
    def crop(self) -> Crop:
        """Which part of an image evaluation uses: the whole, or the centre (87.5 % of the shorter side)."""

    def epoch(
        self, number: int, batch_size: int, seed: int, augmentation: Augmentation, skip: int = 0
    ) -> Iterator[Batch]:
        """Whole batches of epoch `number`, shuffled and augmented; without the first `skip` of them.

        The same number and seed give the same batches, whatever was skipped or read before. Images that do not
        fill a batch are left out, different ones in each epoch.
        """

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Every image once, not augmented, in a fixed order; the last batch may be smaller."""

    def explain(self, failure: BaseException) -> BenchError | None:
        """The file behind an exception that iterating raised; None if the data is not at fault."""


@dataclass(frozen=True)
class Dataset:
    """A data set for training and evaluation. `test` is None if none was given and none can be split off.

    Label k is `class_names[k]`. `facts` describe both parts together; `notices` say which
    files were chosen and which left out.
    """

    class_names: tuple[str, ...]
    train: DatasetPart
    test: DatasetPart | None
    facts: DataFacts
    notices: tuple[Notice, ...] = ()


def padded(images: Any, labels: Any, batch_size: int) -> tuple[Any, Any, int]:
    """(images [batch_size, ...], labels [batch_size], n): the first n are real, the others repeat the last.

    A compiled function then sees one shape only.
    """
    count = len(labels)
    if count == batch_size:
        return images, labels, count
    chosen = np.minimum(np.arange(batch_size), count - 1)
    return np.asarray(images)[chosen], np.asarray(labels)[chosen], count


def order_of(count: int, number: int, seed: int) -> Any:
    """The order of `count` images in epoch `number`, int64 [count]."""
    return np.random.default_rng((seed, number)).permutation(count)


def stratified(labels: Any, share: float, seed: int) -> tuple[Any, Any]:
    """Indices of the train and of the test part, each sorted: of every class, `share` of its images are test,
    rounded, but at least one where it has two, and never all."""
    random = np.random.default_rng(seed)
    test: list[Any] = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        wanted = min(max(1, round(share * len(own))), len(own) - 1)
        test.append(random.permutation(own)[:wanted])
    chosen = np.sort(np.concatenate(test))
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen
