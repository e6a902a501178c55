"""TFRecord shards of 500x375 JPEGs of about 61 kB, for the input campaigns: the field's usual yardstick."""

from __future__ import annotations

from pathlib import Path

from resnet_bench.data.photos import write_shards
from resnet_bench.data.synthetic_photos import PhotoRecipe

YARDSTICK = PhotoRecipe({(500, 375): 1.0}, {(92, "4:2:0"): 1.0})


def write_yardstick(folder: Path, count: int = 512) -> str:
    """Write `count` photographs into `folder`; returns the glob of the shards."""
    write_shards(folder, count, seed=0, threads=2, recipe=YARDSTICK)
    return str(folder / "*.tfrecord")
