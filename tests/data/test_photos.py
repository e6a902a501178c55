"""The embedded photographs: reproducible, like ImageNet in size, and never half written."""

from __future__ import annotations

import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tensorflow as tf
from PIL import Image

from resnet_bench.data import cache_folder, synthetic_photos, write_shards
from resnet_bench.data.manifest import file_sha256, read_manifest
from resnet_bench.data.sources import photos
from resnet_bench.errors import DataError
from tests.support.data_files import photos_of


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    hashes = []
    for name, seed, threads in (("a", 3, 1), ("b", 3, 2), ("c", 4, 1)):
        files, facts = photos.ensure(tmp_path / name, 9, seed, threads)
        hashes.append(facts.manifest_hash)
        assert (facts.images, facts.files, len(files)) == (9, 8, 8)
        assert facts.bytes == sum(path.stat().st_size for path in files)
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_manifest_tells_what_the_shards_hold(tmp_path: Path) -> None:
    folder = photos.ensure(tmp_path, 12, 0, 2)[0][0].parent
    manifest = read_manifest(folder)
    assert manifest is not None
    assert [file_sha256(folder / shard.name) for shard in manifest.shards] == [s.sha256 for s in manifest.shards]
    images, pixels, encoded_bytes, labels = 0, 0, 0, set()
    for shard in manifest.shards:
        for record in tf.data.TFRecordDataset(str(folder / shard.name)).as_numpy_iterator():
            feature = tf.train.Example.FromString(record).features.feature
            data = feature["image/encoded"].bytes_list.value[0]
            image = Image.open(io.BytesIO(data))
            stored = [feature[f"image/{side}"].int64_list.value[0] for side in ("width", "height", "channels")]
            assert [*image.size, len(image.getbands())] == stored
            assert (image.format, feature["image/format"].bytes_list.value[0]) == ("JPEG", b"JPEG")
            labels.add(feature["image/class/label"].int64_list.value[0])
            images, pixels, encoded_bytes = images + 1, pixels + image.width * image.height, encoded_bytes + len(data)
    assert images == manifest.images == sum(manifest.sizes.values()) == 12
    assert manifest.mean_pixels == pixels / 12
    assert manifest.mean_bytes_per_pixel == encoded_bytes / pixels
    assert min(labels) >= 1
    assert max(labels) <= 1000


def test_every_image_is_another_one() -> None:
    made = photos_of(40)
    assert len({photo.encoded for photo in made}) == 40
    assert [photo.name for photo in made] == [f"photo_{number:06d}.JPEG" for number in range(40)]


def test_the_distribution_is_close_to_imagenets() -> None:
    assert sum(synthetic_photos.SIZES.values()) == pytest.approx(1)
    assert sum(synthetic_photos.ENCODINGS.values()) == pytest.approx(1)
    width = sum(size[0] * share for size, share in synthetic_photos.SIZES.items())
    height = sum(size[1] * share for size, share in synthetic_photos.SIZES.items())
    assert [width, height] == pytest.approx([469, 387], rel=0.03)
    made = photos_of(100)
    assert sum(photo.width for photo in made) / 100 == pytest.approx(width, rel=0.05)
    assert sum(len(photo.encoded) for photo in made) / 100 == pytest.approx(110e3, rel=0.1)


def test_the_cache_is_written_once(tmp_path: Path) -> None:
    files, facts = photos.ensure(tmp_path, 3, 0, 1)
    written = [path.stat().st_mtime_ns for path in files]
    again, same_facts = photos.ensure(tmp_path, 3, 0, 1)
    assert (again, same_facts) == (files, facts)
    assert [path.stat().st_mtime_ns for path in again] == written


def test_writers_at_once_do_each_other_no_harm(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: photos.ensure(tmp_path, 4, 0, 1), range(3)))
    assert found[0] == found[1] == found[2]
    assert len(list(tmp_path.iterdir())) == 1


def test_leftovers_of_a_killed_writer_are_not_used_and_go_after_a_day(tmp_path: Path) -> None:
    fresh, old = tmp_path / ".photos-1-3-seed0-fresh", tmp_path / ".photos-1-3-seed0-old"
    for leftover in (fresh, old):
        leftover.mkdir()
        (leftover / "photos-00000-of-00003.tfrecord").write_bytes(b"half")
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    files, _ = photos.ensure(tmp_path, 3, 0, 1)
    assert files[0].stat().st_size > 4
    assert fresh.exists()
    assert not old.exists()


def test_a_failed_write_leaves_nothing_and_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write_shards, "write_all", full)
    with pytest.raises(DataError, match="No space left") as caught:
        photos.ensure(tmp_path, 3, 0, 1)
    assert "RESNET_BENCH_CACHE" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        photos.ensure(tmp_path / "file" / "cache", 3, 0, 1)
    assert "RESNET_BENCH_CACHE" in caught.value.remedy


def test_a_damaged_set_is_named(tmp_path: Path) -> None:
    files, _ = photos.ensure(tmp_path, 3, 0, 1)
    files[1].write_bytes(files[1].read_bytes()[:-1])
    with pytest.raises(DataError, match=files[1].name) as caught:
        photos.ensure(tmp_path, 3, 0, 1)
    assert "Delete" in caught.value.remedy
    (files[0].parent / "manifest.json").unlink()
    with pytest.raises(DataError, match="is damaged"):
        photos.ensure(tmp_path, 3, 0, 1)


def test_the_default_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNET_BENCH_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_folder.default_cache_dir() == Path("/a")
    monkeypatch.delenv("RESNET_BENCH_CACHE")
    assert cache_folder.default_cache_dir() == Path("/b/resnet_bench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert cache_folder.default_cache_dir() == Path("/c/.cache/resnet_bench")
