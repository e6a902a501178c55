"""The embedded data set: JPEG TFRecords like ImageNet's, written once to a cache folder by an atomic rename.

The same seed and Pillow version give the same bytes. Yields files and a `Manifest`. Neighbours: `crops` makes the
images, `tfrecord` reads them.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec
import PIL
from PIL import features

from resnet_bench.data.manifest import MANIFEST_NAME, Manifest, Shard, file_sha256
from resnet_bench.data.synthetic_photos import IMAGENET, PhotoRecipe, example, make_photos
from resnet_bench.errors import DataError
from resnet_bench.records.run import DataFacts

FORMAT = "photos-1"
SHARDS = 8
CACHE_VARIABLE = "RESNET_BENCH_CACHE"
_STALE_S = 24 * 3600


def default_cache_dir() -> Path:
    """RESNET_BENCH_CACHE, else XDG_CACHE_HOME/resnet_bench, else ~/.cache/resnet_bench."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "resnet_bench"


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


def remedy(cache_dir: Path) -> str:
    """What to try when a cached set turns out to be damaged."""
    return f"Delete the folder below {cache_dir}; the next run writes it again."


def _load(folder: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST_NAME).read_bytes(), type=Manifest)
        wrong = [s.name for s in manifest.shards if (folder / s.name).stat().st_size != s.bytes]
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"{folder} is damaged ({error}).", "Delete it; the next run writes it again.") from error
    if wrong:
        raise DataError(
            f"{folder / wrong[0]} does not have the size that {MANIFEST_NAME} names.",
            "Delete the folder; the next run writes it again.",
        )
    return manifest


def _write_set(folder: Path, count: int, seed: int, threads: int) -> None:
    """Everything into a folder beside the final one, then a rename: readers see all or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder.parent)
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        manifest = write_shards(making, count, seed, threads)
        (making / MANIFEST_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
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


def write_shards(folder: Path, count: int, seed: int, threads: int, recipe: PhotoRecipe = IMAGENET) -> Manifest:
    """Writes `count` photographs to up to 8 shards in an existing folder and says what was written."""
    import tensorflow as tf

    names: list[str] = []
    sizes: Counter[str] = Counter()
    encoded_bytes = pixels = 0
    shards = min(SHARDS, count)
    images = [count * (shard + 1) // shards - count * shard // shards for shard in range(shards)]
    photos = make_photos(count, seed, threads, recipe)
    try:
        for shard in range(shards):
            names.append(f"photos-{shard:05d}-of-{shards:05d}.tfrecord")
            with tf.io.TFRecordWriter(str(folder / names[-1])) as writer:
                for _ in range(images[shard]):
                    photo = next(photos)
                    writer.write(example(photo))
                    sizes[f"{photo.width}x{photo.height}"] += 1
                    encoded_bytes += len(photo.encoded)
                    pixels += photo.width * photo.height
    except tf.errors.OpError as error:
        raise OSError(None, error.message) from error
    entries = tuple(
        Shard(name=name, images=held, bytes=(folder / name).stat().st_size, sha256=file_sha256(folder / name))
        for name, held in zip(names, images, strict=True)
    )
    return Manifest(
        format=FORMAT,
        images=count,
        seed=seed,
        bytes=sum(entry.bytes for entry in entries),
        mean_pixels=pixels / count,
        mean_bytes_per_pixel=encoded_bytes / pixels,
        sizes=dict(sizes.most_common()),
        made_with={"pillow": PIL.__version__, "libjpeg": str(features.version("jpg"))},
        shards=entries,
    )
