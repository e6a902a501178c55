"""scikit-learn's scanned digits: 1,797 real images of 8x8 pixels in ten classes, no download.

From the test set of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, UCI, 1998).
"""

from __future__ import annotations

import numpy as np

from resnet_bench.data.datasets.base import stratified
from resnet_bench.data.datasets.memory import Arrays
from resnet_bench.errors import ConfigError

CLASSES = 6
ALL_CLASSES = 10
BRIGHTEST = 16


def load(classes: int, test_share: float, split_seed: int) -> tuple[Arrays, Arrays]:
    """Train and test part of the digits 0 to `classes` - 1: uint8 [N, 8, 8, 1], ink bright on black."""
    if not 2 <= classes <= ALL_CLASSES:
        raise ConfigError(f"--classes {classes} is not possible with --dataset digits.", "It takes 2 to 10.")
    from sklearn.datasets import load_digits

    found = load_digits()
    chosen = found.target < classes
    images = np.rint(found.images[chosen] * (255 / BRIGHTEST)).astype(np.uint8)[..., np.newaxis]
    labels = found.target[chosen].astype(np.int32)
    train, test = stratified(labels, test_share, split_seed)
    return Arrays(images[train], labels[train]), Arrays(images[test], labels[test])
