"""TFRecord shards: listing, facts, and the readable stretches around damage."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.data import read_shards, verify_shards
from resnet_bench.data.sources import DatasetRequest, Segment, SourceFiles, find_source, tfrecord
from resnet_bench.errors import DataError
from tests.support.data_files import encoded, example, flip_byte, good_shard, write_shard


def _read(source: SourceFiles) -> list[bytes]:
    return [
        record
        for segment in source.segments
        for record in read_shards.records_from(segment.path, segment.offset).take(segment.records).as_numpy_iterator()
    ]


def test_a_glob_a_file_and_a_folder_name_shards_in_sorted_order(tmp_path: Path) -> None:
    for name in ("train-2", "train-0", "train-1"):
        good_shard(tmp_path / name, 1)
    (tmp_path / "manifest.json").write_text("{}")
    names = ["train-0", "train-1", "train-2"]
    assert [path.name for path in tfrecord.list_shards(f"{tmp_path}/train-*").files] == names
    assert [path.name for path in tfrecord.list_shards(str(tmp_path)).files] == names
    assert tfrecord.list_shards(f"{tmp_path}/train-1").files == (tmp_path / "train-1",)


def test_a_name_with_brackets_is_taken_as_it_is(tmp_path: Path) -> None:
    good_shard(tmp_path / "train[1]", 1)
    assert tfrecord.list_shards(f"{tmp_path}/train[1]").files == (tmp_path / "train[1]",)


@pytest.mark.parametrize("name", ["set [v1]", "set*", "a?b"])
def test_the_folder_part_of_a_glob_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    good_shard(tmp_path / name / "train-0", 1)
    good_shard(tmp_path / name / "train-1", 1)
    found = tfrecord.list_shards(f"{tmp_path}/{name}/train-[0]").files
    assert found == (tmp_path / name / "train-0",)
    assert verify_shards.check(f"{tmp_path}/{name}/*", 1).files == 2


def test_files_beside_shards_are_left_out_and_told(tmp_path: Path) -> None:
    good_shard(tmp_path / "train-0", 2)
    good_shard(tmp_path / "train-1", 2)
    for name in ("README.md", "labels.txt", "train-0.idx", "_SUCCESS", "manifest.json"):
        (tmp_path / name).write_text("no shard")
    for data in (str(tmp_path), f"{tmp_path}/*"):
        source = tfrecord.open_shards(data, "error", 1)
        assert [Path(path).name for path in source.files] == ["train-0", "train-1"]
        (notice,) = source.notices
        assert "4 files that are no shards (README.md, _SUCCESS, labels.txt, ...)" in notice.message
    (tmp_path / "manifest.json").unlink()
    assert verify_shards.check(str(tmp_path), 1).sound
    with pytest.raises(DataError, match=r"README\.md has 8 bytes"):
        tfrecord.open_shards(f"{tmp_path}/README.md", "error", 1)


@pytest.mark.parametrize(
    ("content", "words", "remedy"),
    [
        (b"\x1f\x8b\x08" + bytes(20), "gzip-compressed", "Decompress"),
        (b"\x78\x9c" + bytes(20), "zlib-compressed", "Decompress"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "a web page", "Download"),
        (b"some notes about the shards", "a text file", "Leave it out"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "an HDF5 file", "--source h5"),
    ],
)
def test_a_file_of_another_format_is_named_for_what_it_is(
    tmp_path: Path, content: bytes, words: str, remedy: str
) -> None:
    (tmp_path / "train-0").write_bytes(content)
    with pytest.raises(DataError, match=f"train-0, record 0: the file is {words}, not a TFRecord file") as caught:
        find_source("tfrecord").open_dataset(DatasetRequest(data=str(tmp_path / "train-0"), classes=2))
    assert remedy in caught.value.remedy
    (damage,) = verify_shards.check(str(tmp_path / "train-0"), 1).damaged
    assert words in damage.problem


def test_what_cannot_be_shards_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"gs://bucket/train-\* is a remote address"):
        tfrecord.list_shards("gs://bucket/train-*")
    (tmp_path / "set" / "train").mkdir(parents=True)
    for ask in (tfrecord.list_shards, lambda data: verify_shards.check(data, 1)):
        with pytest.raises(DataError, match=r"holds no shards, but folders \(train\)") as caught:
            ask(str(tmp_path / "set"))
        assert str(tmp_path / "set" / "train") in caught.value.remedy

    def iterdir(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", iterdir)
    for data in (str(tmp_path / "set"), f"{tmp_path}/set/*"):
        for ask in (tfrecord.list_shards, lambda data: verify_shards.check(data, 1)):
            with pytest.raises(DataError, match="cannot be listed"):
                ask(data)


def test_no_match_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train-\* matches no file"):
        tfrecord.list_shards(f"{tmp_path}/train-*")
    (tmp_path / "train-0").touch()
    with pytest.raises(DataError, match="train-0 holds no record"):
        tfrecord.list_shards(f"{tmp_path}/train-*")


def test_facts_count_images_and_describe_them(tmp_path: Path) -> None:
    good_shard(tmp_path / "a", 3)
    good_shard(tmp_path / "b", 2)
    facts = tfrecord.open_shards(f"{tmp_path}/*", "error", 2).facts
    assert (facts.images, facts.files, facts.mean_pixels) == (5, 2, 48 * 40)
    assert facts.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    sizes = sum(len(encoded(seed=seed)) for seed in (0, 1, 2, 0, 1))
    assert facts.mean_bytes_per_pixel == pytest.approx(sizes / (5 * 48 * 40))


def test_the_count_of_a_damaged_set_is_unknown(tmp_path: Path) -> None:
    good_shard(tmp_path / "a", 3)
    flip_byte(tmp_path / "a", 0)
    assert tfrecord.open_shards(f"{tmp_path}/*", "error", 2).facts.images is None


def test_parse_reads_image_and_label() -> None:
    image, label = read_shards.parse(tf.constant(example(b"bytes", 7)))
    assert (image.numpy(), label.numpy()) == (b"bytes", 7)


def test_skip_leaves_out_records_with_corrupt_data_and_keeps_those_after_them(tmp_path: Path) -> None:
    offsets = good_shard(tmp_path / "a", 6)
    good = list(tf.data.TFRecordDataset(str(tmp_path / "a")).as_numpy_iterator())
    for record in (0, 3, 5):
        flip_byte(tmp_path / "a", offsets[record] + 20)
    good_shard(tmp_path / "b", 2)
    source = tfrecord.open_shards(f"{tmp_path}/*", "skip", 2)
    assert (source.unreadable, source.records) == (3, 5)
    assert _read(source)[:3] == [good[1], good[2], good[4]]


def test_skip_counts_the_rest_of_a_file_after_a_corrupt_length_once(tmp_path: Path) -> None:
    offsets = good_shard(tmp_path / "a", 6)
    flip_byte(tmp_path / "a", offsets[2])
    source = tfrecord.open_shards(f"{tmp_path}/*", "skip", 2)
    assert (source.unreadable, source.records) == (1, 2)


def test_skip_goes_on_after_a_cut_file(tmp_path: Path) -> None:
    good_shard(tmp_path / "a", 3)
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-5])
    good_shard(tmp_path / "b", 3)
    source = tfrecord.open_shards(f"{tmp_path}/*", "skip", 2)
    assert (source.unreadable, source.records) == (1, 5)


def test_skip_without_one_readable_record_is_refused(tmp_path: Path) -> None:
    good_shard(tmp_path / "a", 2)
    flip_byte(tmp_path / "a", 0)
    with pytest.raises(DataError, match="no record can be read"):
        tfrecord.open_shards(f"{tmp_path}/*", "skip", 2)


def test_an_intact_file_is_one_segment(tmp_path: Path) -> None:
    good_shard(tmp_path / "a", 4)
    source = tfrecord.open_shards(f"{tmp_path}/*", "skip", 2)
    assert source.segments == (Segment(str(tmp_path / "a"), 0, 4),)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), count=st.integers(2, 7))
def test_exactly_the_records_with_flipped_data_are_lost(
    data: st.DataObject, count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("salvage") / "shard"
    payloads = [bytes([number]) * (number + 3) for number in range(count)]
    offsets = write_shard(path, payloads)
    bad = data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1))
    for record in bad:
        flip_byte(path, offsets[record] + 12)
    source = tfrecord.open_shards(str(path), "skip", 2)
    assert _read(source) == [payload for number, payload in enumerate(payloads) if number not in bad]
    assert source.unreadable == len(bad)
