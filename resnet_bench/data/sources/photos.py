"""The embedded data set: JPEG TFRecords like ImageNet's, written once to a cache folder by an atomic rename.

The same seed and Pillow version give the same bytes. Neighbours: `synthetic_photos` makes the images, `write_shards`
writes them, for the cache as for `data make`.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import PIL
from PIL import features

from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.config.shards import WriteShardsConfig
from resnet_bench.data import framing, size_mix, synthetic_photos, write_shards
from resnet_bench.data.cache_folder import CACHE_VARIABLE
from resnet_bench.data.image_supply import ImageSupply, Picture, Task
from resnet_bench.data.manifest import MANIFEST_NAME, Manifest
from resnet_bench.data.sources.base import DataSource, SourceFiles
from resnet_bench.data.sources.tfrecord import files_of
from resnet_bench.errors import DataError
from resnet_bench.records.run import DataFacts

FORMAT = "photos-1"
SHARDS = 8
_STALE_S = 24 * 3600
_WRITTEN_ANEW = "the next run writes it again."


class PhotosSource(DataSource):
    """Crops of two photographs, with ImageNet's mix of sizes and encodings unless `data make` requests another."""

    name = "photos"

    def open_files(self, config: Config, threads: int, cache_dir: Path) -> SourceFiles:
        """The cached shards of `--photos` images, written first if they are missing."""
        data = config.data
        files, facts = ensure(cache_dir, data.photos, config.runtime.seed, threads)
        remedy = f"Delete the folder below {cache_dir}; {_WRITTEN_ANEW}"
        return replace(files_of(files, facts, data.on_bad_record, threads, remedy), label_modulo=config.model.classes)

    def open_images(
        self, options: WriteShardsConfig, seed: int, on_bad_record: Literal["error", "skip"]
    ) -> ImageSupply:
        """`--count` photographs by the recipe that the mixes give."""
        del on_bad_record
        mix = {"sizes": options.sizes, "quality": options.quality, "bytes_per_pixel": options.bytes_per_pixel}
        recipe = size_mix.recipe(options.sizes, options.quality, options.bytes_per_pixel)
        return PhotoImages(options.count, seed, recipe, mix)


SOURCE = PhotosSource()


def ensure(cache_dir: Path, count: int, seed: int, threads: int) -> tuple[list[Path], DataFacts]:
    """The shards of `count` photographs and their facts; written first where the cache has none.

    Blocks while writing (about 7 ms of a core per image). Raises `DataError` where the cache folder cannot
    be written or holds a damaged set.
    """
    folder = cache_dir / f"{FORMAT}-{count}-seed{seed}"
    if not folder.exists():
        try:
            _write_set(folder, count, seed, threads)
        except OSError as error:
            raise DataError(
                f"The photographs cannot be written to {folder} ({error.strerror or error}).",
                f"Set {CACHE_VARIABLE} to a folder with room for about {count * 0.11 + 1:.0f} MB.",
            ) from error
    manifest = _load(folder)
    facts = DataFacts(
        source="photos",
        manifest_hash=manifest.hash(),
        images=manifest.images,
        files=len(manifest.shards),
        bytes=manifest.bytes,
        mean_pixels=manifest.mean_pixels,
        mean_bytes_per_pixel=manifest.mean_bytes_per_pixel,
    )
    return [folder / shard.name for shard in manifest.shards], facts


def _load(folder: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST_NAME).read_bytes(), type=Manifest)
        wrong = [s.name for s in manifest.shards if (folder / s.name).stat().st_size != s.bytes]
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"{folder} is damaged ({error}).", f"Delete it; {_WRITTEN_ANEW}") from error
    if wrong:
        raise DataError(
            f"{folder / wrong[0]} does not have the size that {MANIFEST_NAME} lists.",
            f"Delete the folder; {_WRITTEN_ANEW}",
        )
    return manifest


def _write_set(folder: Path, count: int, seed: int, threads: int) -> None:
    """Everything into a folder beside the final one, then a rename: readers see all or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder.parent)
    images = PhotoImages(count, seed, synthetic_photos.IMAGENET, {"sizes": size_mix.LIKE_IMAGENET})
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write_shards.write_all(images, making, min(SHARDS, count), threads)
        making.chmod(0o755)
        try:
            making.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            # another process was quicker, with the same content
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _remove_leftovers(parent: Path) -> None:
    """Folders of writers that were killed; a day old, so that none can still be at work."""
    for leftover in parent.glob(f".{FORMAT}-*"):
        try:
            stale = time.time() - leftover.stat().st_mtime > _STALE_S
        except OSError:
            continue
        if stale:
            shutil.rmtree(leftover, ignore_errors=True)


class PhotoImages:
    """An `ImageSupply` of crops of the two embedded photographs, resampled and encoded by a recipe."""

    prefix = "photos"
    class_names: tuple[str, ...] = ()
    classes = synthetic_photos.STORED_CLASSES

    def __init__(self, count: int, seed: int, recipe: synthetic_photos.PhotoRecipe, mix: dict[str, str | None]) -> None:
        """mix: the option values that gave the recipe, for the manifest."""
        self.count = count
        self._seed, self._recipe = seed, recipe
        self._originals = synthetic_photos.originals_of()
        self.left_out = ""
        self.made_with = {"pillow": PIL.__version__, "libjpeg": str(features.version("jpg"))}
        self.made_from: dict[str, Value] = {"source": "photos", "count": count, "seed": seed}
        self.made_from.update({**mix, **self.made_with})

    def tasks(self, start: int, stop: int) -> Iterator[Task]:
        """Each photograph depends on its number and the seed alone."""
        return (partial(self._picture, number) for number in range(start, stop))

    def _picture(self, number: int) -> Picture:
        photo = synthetic_photos.make_photo(self._originals, number, self._seed, self._recipe)
        return Picture(
            record=framing.frame(synthetic_photos.example(photo)),
            width=photo.width,
            height=photo.height,
            encoded_bytes=len(photo.encoded),
            label=photo.label,
            encoding=f"JPEG {photo.quality} {photo.subsampling}",
        )
