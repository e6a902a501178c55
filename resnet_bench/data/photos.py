"""The embedded data set: JPEG TFRecords like ImageNet's, cut from the two photographs in scikit-learn.

Sizes follow `SIZES`, encodings `ENCODINGS`; together they come close to what is known of ImageNet's
training images (most are 500x375 or 375x500; about 469x387 pixels and 110 kB on average). Each image is
another crop of a photograph, resampled and half of the time mirrored, with a label at random. Written once
to a cache folder, by an atomic rename; the same seed and Pillow version give the same bytes. Yields files
and a `Manifest`; `tfrecord` reads them. scikit-learn is located, never imported (it is slow to import).
"""

from __future__ import annotations

import errno
import importlib.util
import io
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import PIL
from PIL import Image, features

from resnet_bench.data import example as wire
from resnet_bench.data.manifest import MANIFEST_NAME, Manifest, Shard, file_sha256
from resnet_bench.errors import DataError
from resnet_bench.results import DataFacts

FORMAT = "photos-1"
SHARDS = 8
CACHE_VARIABLE = "RESNET_BENCH_CACHE"
STORED_CLASSES = 1000
PHOTOGRAPHS = ("china.jpg", "flower.jpg")
# (width, height): share
SIZES = {
    (500, 375): 0.40,
    (375, 500): 0.12,
    (500, 333): 0.12,
    (640, 480): 0.06,
    (333, 500): 0.05,
    (400, 300): 0.05,
    (320, 240): 0.05,
    (300, 225): 0.03,
    (250, 250): 0.03,
    (480, 640): 0.02,
    (500, 500): 0.02,
    (800, 600): 0.02,
    (200, 150): 0.02,
    (1024, 768): 0.01,
}
# (JPEG quality, chroma subsampling): share
ENCODINGS = {(97, "4:4:4"): 0.55, (97, "4:2:0"): 0.25, (95, "4:2:0"): 0.20}
T = TypeVar("T")


@dataclass(frozen=True)
class Recipe:
    """The mix of a data set: shares of (width, height), and of (JPEG quality, chroma subsampling).

    bytes_per_pixel: shares of what an image shall take; then the quality that comes nearest is searched for,
    image by image, and `encodings` gives the subsampling alone.
    """

    sizes: dict[tuple[int, int], float]
    encodings: dict[tuple[int, str], float]
    bytes_per_pixel: dict[float, float] | None = None


IMAGENET = Recipe(SIZES, ENCODINGS)
_SMALLEST_CROP = 0.6
_AHEAD = 64
_STALE_S = 24 * 3600
# Fractions of a metallic mean fill 0..1 evenly, so that a small set has the shares too, in a mixed order.
_GOLDEN, _SILVER, _BRONZE = 0.6180339887498949, 0.41421356237309515, 0.30277563773199456


@dataclass(frozen=True)
class Photo:
    """One encoded image and what its Example says of it. `label` counts from 1, as ImageNet's do."""

    name: str
    encoded: bytes
    width: int
    height: int
    label: int
    quality: int
    subsampling: str


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


def write_shards(folder: Path, count: int, seed: int, threads: int, recipe: Recipe = IMAGENET) -> Manifest:
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


def example(photo: Photo) -> bytes:
    """A serialized tf.train.Example in the schema of ImageNet's TFRecords."""
    return wire.encode(
        {
            "image/height": photo.height,
            "image/width": photo.width,
            "image/colorspace": "RGB",
            "image/channels": 3,
            "image/class/label": photo.label,
            "image/class/synset": f"n{photo.label:08d}",
            "image/class/text": f"class {photo.label}",
            "image/format": "JPEG",
            "image/filename": photo.name,
            "image/encoded": photo.encoded,
        }
    )


def make_photos(count: int, seed: int, threads: int, recipe: Recipe = IMAGENET) -> Iterator[Photo]:
    """`count` photographs in order, made by `threads` threads (Pillow releases the lock), a few ahead."""
    originals = originals_of()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, count, _AHEAD):
            numbers = range(start, min(count, start + _AHEAD))
            yield from pool.map(lambda number: make_photo(originals, number, seed, recipe), numbers)


def make_photo(originals: list[Image.Image], number: int, seed: int, recipe: Recipe = IMAGENET) -> Photo:
    """Photograph `number`: it depends on the originals, number and seed alone."""
    draw = random.Random(f"{seed}/{number}")
    phase = random.Random(f"{seed}").random()
    width, height = _pick(recipe.sizes, phase + number * _GOLDEN)
    quality, subsampling = _pick(recipe.encodings, phase + number * _SILVER)
    original = originals[draw.randrange(len(originals))]
    scale = min(original.width / width, original.height / height) * draw.uniform(_SMALLEST_CROP, 1.0)
    left = draw.uniform(0, original.width - width * scale)
    top = draw.uniform(0, original.height - height * scale)
    box = (left, top, min(original.width, left + width * scale), min(original.height, top + height * scale))
    image = original.resize((width, height), Image.Resampling.LANCZOS, box=box)
    if draw.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if recipe.bytes_per_pixel is not None:
        wanted = _pick(recipe.bytes_per_pixel, phase + number * _BRONZE) * width * height
        quality, encoded = _nearest(image, wanted, subsampling)
    else:
        encoded = _jpeg(image, quality, subsampling)
    label = 1 + draw.randrange(STORED_CLASSES)
    return Photo(f"photo_{number:06d}.JPEG", encoded, width, height, label, quality, subsampling)


def _jpeg(image: Image.Image, quality: int, subsampling: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()


def _nearest(image: Image.Image, wanted_bytes: float, subsampling: str) -> tuple[int, bytes]:
    """The JPEG quality from 5 to 100 whose size comes nearest, found by bisection, and the image so encoded."""
    low, high = 5, 100
    tried: dict[int, bytes] = {}
    while low <= high:
        middle = (low + high) // 2
        tried[middle] = _jpeg(image, middle, subsampling)
        if len(tried[middle]) < wanted_bytes:
            low = middle + 1
        else:
            high = middle - 1
    best = min(tried, key=lambda quality: abs(len(tried[quality]) - wanted_bytes))
    return best, tried[best]


def _pick(shares: dict[T, float], point: float) -> T:
    """The key on whose stretch of the line 0..1 the fraction of `point` falls."""
    left = point % 1.0
    for key, share in shares.items():
        left -= share
        if left < 0:
            return key
    return key


def originals_of() -> list[Image.Image]:
    """The photographs that all others are cut from, decoded. Raises `DataError` where they are missing."""
    return [_original(name) for name in PHOTOGRAPHS]


def _original(name: str) -> Image.Image:
    found = importlib.util.find_spec("sklearn")
    path = Path(found.origin or "").parent / "datasets" / "images" / name if found else None
    if path is None or not path.is_file():
        raise DataError(
            f"The photograph {name} that scikit-learn ships is not installed.", "Reinstall scikit-learn with pip."
        )
    with Image.open(path) as image:
        return image.convert("RGB")
