"""TFRecord shards of 500x375 JPEGs of about 61 kB, for the input campaigns: the field's usual yardstick."""

from __future__ import annotations

from pathlib import Path

from resnet_bench.data.sources.photos import PhotoImages
from resnet_bench.data.synthetic_photos import PhotoRecipe
from resnet_bench.data.write_shards import write_shards

YARDSTICK = PhotoRecipe({(500, 375): 1.0}, {(92, "4:2:0"): 1.0})


def write_yardstick(folder: Path, count: int = 512) -> str:
    """Write `count` photographs into `folder`; returns the glob of the shards."""
    images = PhotoImages(count, 0, YARDSTICK, {"sizes": "500x375", "quality": "92"})
    write_shards(images, folder, shards=min(8, count), threads=2)
    return str(folder / "*.tfrecord")
