"""scikit-learn's scanned digits: 1,797 real images of 8x8 pixels in ten classes, no download.

From the test set of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, UCI, 1998).
"""

from __future__ import annotations

import numpy as np

from resnet_bench.data.datasets import Arrays, Dataset, memory_dataset, stratified
from resnet_bench.data.sources.base import IMAGE_SIZE, DatasetRequest, DataSource
from resnet_bench.errors import ConfigError

CLASSES = 6
ALL_CLASSES = 10
BRIGHTEST = 16


class DigitsSource(DataSource):
    """Digits 0 to 5 by default, split into train and test part class by class."""

    name = "digits"

    def sizes(self, data: str | None) -> tuple[int | None, tuple[int, int] | None]:
        """Six classes; no size of their own, for 8x8 pixels are enlarged."""
        del data
        return CLASSES, None

    def open_dataset(self, request: DatasetRequest) -> Dataset:
        """Both parts in memory. Raises `ConfigError` for a number of classes that there is not."""
        if request.test_data is not None:
            raise ConfigError(
                f"--test-data {request.test_data} is given, but --source digits has its own test part.",
                "Leave it out; --test-share sets the size of the test part.",
            )
        classes = request.classes or CLASSES
        train, test = load(classes, request.test_share, request.split_seed)
        names = tuple(str(digit) for digit in range(classes))
        size = request.image_size or IMAGE_SIZE
        return memory_dataset(self.name, names, train, test, size, request.channels)


SOURCE = DigitsSource()


def load(classes: int, test_share: float, split_seed: int) -> tuple[Arrays, Arrays]:
    """Train and test part of the digits 0 to `classes` - 1: uint8 [N, 8, 8, 1], ink bright on black."""
    if not 2 <= classes <= ALL_CLASSES:
        raise ConfigError(f"--classes {classes} is not possible with --source digits.", "It takes 2 to 10.")
    from sklearn.datasets import load_digits

    found = load_digits()
    chosen = found.target < classes
    images = np.rint(found.images[chosen] * (255 / BRIGHTEST)).astype(np.uint8)[..., np.newaxis]
    labels = found.target[chosen].astype(np.int32)
    train, test = stratified(labels, test_share, split_seed)
    return Arrays(images[train], labels[train]), Arrays(images[test], labels[test])
