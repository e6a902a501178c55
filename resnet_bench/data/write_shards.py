"""Writing TFRecord shards: images in parallel, each shard completely or not at all, resumable after a kill.

A shard is written below `.making/` in the output folder, synced, and renamed into place once its facts are stored; the
manifest is written last. A second start keeps the finished shards and writes the rest: the bytes of a shard depend on
the supply alone. Neighbours: `image_supply` says what hands out images, `shard_stats` counts them,
`manifest` says what was written, `verify_shards` verifies it. Imports no TensorFlow.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from resnet_bench.config.fields import Value
from resnet_bench.config.printable import encode_json
from resnet_bench.data.image_supply import ImageSupply, Picture, Task
from resnet_bench.data.manifest import MANIFEST_NAME, Manifest, read_manifest
from resnet_bench.data.shard_stats import ShardContents, ShardStats, summed_up
from resnet_bench.errors import DataError

FORMAT = "shards-1"
MAKING = ".making"
IMAGES_PER_SHARD = 1250  # ImageNet's usual 1,024 shards of 1,281,167 images
LEAST_SHARDS = 8
_AHEAD = 4  # tasks per thread that are begun before they are needed
_PLAN = "plan.json"


@dataclass(frozen=True)
class WriteProgress:
    """Progress: images done of all, bytes written, and the images found from an earlier start."""

    images: int
    of: int
    bytes: int
    found: int


@dataclass(frozen=True)
class WriteResult:
    """The manifest of the folder, and how many of its shards existed before."""

    manifest: Manifest
    shards_found: int


def auto_shards(images: int) -> int:
    """About 1,250 images per shard, but at least 8 shards, so that they can be read in parallel."""
    return max(min(LEAST_SHARDS, images), round(images / IMAGES_PER_SHARD))


def write_shards(
    supply: ImageSupply,
    output: Path,
    shards: int,
    threads: int,
    *,
    skip: bool = False,
    on_progress: Callable[[WriteProgress], None] = lambda _: None,
) -> WriteResult:
    """Write the supply's images to `shards` files in `output`, made if missing. Blocks until all is written.

    skip: bad images are left out and named in the manifest, else the first one raises. Raises `DataError` for a
    folder that holds other files or shards of other options, that another process is writing to, or that cannot be
    written.
    """
    if shards > supply.count:
        raise DataError(
            f"--shards {shards} is more than there are images ({supply.count}).", "Each shard holds at least one."
        )
    try:
        return write_all(supply, output, shards, threads, skip=skip, on_progress=on_progress)
    except OSError as error:
        raise DataError(
            f"{error.filename or output}: {error.strerror or error}.",
            "Make room or choose another folder; the same command continues where this one stopped.",
        ) from error


def write_all(
    supply: ImageSupply,
    output: Path,
    shards: int,
    threads: int,
    *,
    skip: bool = False,
    on_progress: Callable[[WriteProgress], None] = lambda _: None,
) -> WriteResult:
    """As `write_shards`, but a folder that cannot be written raises `OSError`, for a caller with a better remedy."""
    plan: dict[str, Value] = {"format": FORMAT, "shards": shards, **supply.made_from}
    with _claimed(output):
        return _Job(supply, output, shards, threads, skip, plan, on_progress).run()


@contextmanager
def _claimed(output: Path) -> Iterator[None]:
    """Lock the folder for this process; the lock ends with the process, however it ends."""
    import fcntl

    existed = output.exists()
    (output / MAKING).mkdir(parents=True, exist_ok=True)
    with (output / MAKING / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f"{output}: another process is writing to it.", "Wait for it, or use another folder."
            ) from None
        try:
            yield
        except BaseException:
            left = {path.name for path in (output / MAKING).iterdir()} - {"lock"}
            if not left:  # refused before anything was written: leave the folder as it was
                shutil.rmtree(output / MAKING)
                if not existed:
                    output.rmdir()
            raise


class _Job:
    """One start: which shards exist, which are to be written, and the progress."""

    def __init__(
        self,
        supply: ImageSupply,
        output: Path,
        shards: int,
        threads: int,
        skip: bool,
        plan: dict[str, Value],
        on_progress: Callable[[WriteProgress], None],
    ) -> None:
        self._supply, self._output, self._threads, self._skip, self._plan = supply, output, threads, skip, plan
        self._making = output / MAKING
        self._names = [f"{supply.prefix}-{index:05d}-of-{shards:05d}.tfrecord" for index in range(shards)]
        self._on_progress = on_progress
        self._images = self._bytes = self._found = 0

    def run(self) -> WriteResult:
        """Write the missing shards."""
        manifest = read_manifest(self._output)
        self._check_plan(manifest)
        known = self._known(manifest)
        self._found = self._images = sum(self._span(index)[1] - self._span(index)[0] for index in known)
        contents: list[ShardContents] = []
        with ThreadPoolExecutor(self._threads) as pool:
            try:
                for index, name in enumerate(self._names):
                    contents.append(known[index] if index in known else self._make_shard(pool, index, name))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        if manifest is None:
            supply = self._supply
            manifest = summed_up(
                contents, FORMAT, self._plan, supply.made_with, supply.classes, supply.class_names, supply.left_out
            )
            if not manifest.images:
                raise DataError(f"None of the {self._supply.count} images can be read.", "Check what --data names.")
            write_whole(self._output / MANIFEST_NAME, self._making, msgspec.json.format(encode_json(manifest)))
        else:
            self._check_same(manifest, contents)
        shutil.rmtree(self._making, ignore_errors=True)
        return WriteResult(manifest, len(known))

    def _span(self, index: int) -> tuple[int, int]:
        count, shards = self._supply.count, len(self._names)
        return count * index // shards, count * (index + 1) // shards

    def _check_plan(self, manifest: Manifest | None) -> None:
        """Refuse a folder with shards of other options, or with other files; else store these options."""
        stored = self._making / _PLAN
        before = manifest.made_from if manifest is not None else None
        if before is None and stored.exists():
            before = msgspec.json.decode(stored.read_bytes(), type=dict[str, Value])
        if before is not None:
            differs = sorted(key for key in before.keys() | self._plan.keys() if before.get(key) != self._plan.get(key))
            if differs:
                was = ", ".join(f"{key} {before.get(key)} (now {self._plan.get(key)})" for key in differs)
                raise DataError(
                    f"{self._output} holds shards made with other options: {was}.",
                    "Use another folder, or delete this one.",
                )
            return
        others = sorted(path.name for path in self._output.iterdir() if not path.name.startswith("."))
        if others:
            raise DataError(
                f"{self._output} holds {others[0]} and {len(others) - 1} more files that this command did not write.",
                "Use an empty folder or a new one.",
            )
        write_whole(stored, self._making, encode_json(self._plan))

    def _known(self, manifest: Manifest | None) -> dict[int, ShardContents]:
        """The finished shards by number: their facts are stored and their size is right."""
        found: dict[int, ShardContents] = {}
        listed = {shard.name: ShardContents(shard=shard) for shard in manifest.shards} if manifest is not None else {}
        for index, name in enumerate(self._names):
            contents = listed.get(name) or self._noted(name)
            with contextlib.suppress(FileNotFoundError):
                if contents is not None and (self._output / name).stat().st_size == contents.shard.bytes:
                    found[index] = contents
        return found

    def _noted(self, name: str) -> ShardContents | None:
        try:
            return msgspec.json.decode((self._making / f"{name}.json").read_bytes(), type=ShardContents)
        except FileNotFoundError:
            return None

    def _make_shard(self, pool: ThreadPoolExecutor, index: int, name: str) -> ShardContents:
        """Write one shard, store its facts, and move it into place."""
        part = self._making / f"{name}.part"
        stats = ShardStats()
        with part.open("wb") as file:
            for picture in self._pictures(pool, index, stats):
                file.write(picture.record)
                stats.add(picture)
                self._images += 1
                self._bytes += len(picture.record)
                self._on_progress(WriteProgress(self._images, self._supply.count, self._bytes, self._found))
            file.flush()
            os.fsync(file.fileno())
        contents = stats.contents(name)
        write_whole(self._making / f"{name}.json", self._making, encode_json(contents))
        part.replace(self._output / name)
        return contents

    def _pictures(self, pool: ThreadPoolExecutor, index: int, stats: ShardStats) -> Iterator[Picture]:
        """The shard's pictures in order, made by all threads; bad ones are noted or raise."""
        for future in in_order(pool, self._supply.tasks(*self._span(index)), self._threads * _AHEAD):
            try:
                yield future.result()
            except DataError as error:
                if not self._skip:
                    raise
                stats.skipped.append(error.message)

    def _check_same(self, manifest: Manifest, contents: list[ShardContents]) -> None:
        """Shards that were written again must be those that the manifest lists."""
        for listed, made in zip(manifest.shards, contents, strict=True):
            if listed.sha256 != made.shard.sha256:
                raise DataError(
                    f"{self._output / listed.name} was written again and differs from what {MANIFEST_NAME} lists: "
                    "its source has changed.",
                    "Delete the folder and write it again.",
                )


def in_order(pool: ThreadPoolExecutor, tasks: Iterable[Task], ahead: int) -> Iterator[Future[Picture]]:
    """The futures of the tasks in order; at most `ahead` of them are submitted before they are needed."""
    waiting: deque[Future[Picture]] = deque()
    for task in tasks:
        waiting.append(pool.submit(task))
        if len(waiting) >= ahead:
            yield waiting.popleft()
    yield from waiting


def write_whole(path: Path, beside: Path, content: bytes) -> None:
    """Write a file by renaming a synced one from the folder `beside`."""
    part = beside / f"{path.name}.part"
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
