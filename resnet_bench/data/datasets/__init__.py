"""Data sets to train on and to evaluate with: a train part, a test part, the names of the classes.

`memory.py` holds images in memory, `files.py` streams them through `data/pipeline.py`; `data/sources/` opens both
(`sources.open_dataset`). Importing this package imports no TensorFlow; reading a streamed part does.
"""

from __future__ import annotations

from resnet_bench.data.datasets.augment import Augmentation
from resnet_bench.data.datasets.base import Crop, Dataset, DatasetPart, padded, stratified
from resnet_bench.data.datasets.memory import Arrays, MemoryPart, fitted, memory_dataset

__all__ = [
    "Arrays",
    "Augmentation",
    "Crop",
    "Dataset",
    "DatasetPart",
    "MemoryPart",
    "fitted",
    "memory_dataset",
    "padded",
    "stratified",
]
