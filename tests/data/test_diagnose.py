"""After a failure: which record it was, in words that help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from resnet_bench.data import Input, open_input
from tests.support.data_files import THREADS, config, encoded, example, flip_byte, good_shard, write_shard


def _open(tmp_path: Path, pattern: str = "train-*", **values: Any) -> Input:
    settings = {"source": "tfrecord", "data": str(tmp_path / pattern)} | values
    return open_input(config(**settings), THREADS, tmp_path / "cache", "/CPU:0")


def _explained(inp: Input) -> str:
    assert inp.dataset is not None
    with pytest.raises(tf.errors.OpError) as caught:
        for _ in inp.dataset.take(20):
            pass
    error = inp.explain(caught.value)
    assert error is not None
    assert error.kind == "data"
    assert "--on-bad-record skip" in error.remedy
    return str(error)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_corrupt_data_names_file_and_record(tmp_path: Path, mode: str) -> None:
    good_shard(tmp_path / "train-0", 4)
    offsets = good_shard(tmp_path / "train-1", 4)
    flip_byte(tmp_path / "train-1", offsets[2] + 30)
    assert f"{tmp_path}/train-1, record 2: its data is corrupt" in _explained(_open(tmp_path, mode=mode))


def test_a_corrupt_length_names_file_and_record(tmp_path: Path) -> None:
    offsets = good_shard(tmp_path / "train-0", 4)
    flip_byte(tmp_path / "train-0", offsets[3])
    assert "train-0, record 3: its length is corrupt" in _explained(_open(tmp_path))


def test_a_cut_file_names_the_record_that_is_cut(tmp_path: Path) -> None:
    good_shard(tmp_path / "train-0", 4)
    (tmp_path / "train-0").write_bytes((tmp_path / "train-0").read_bytes()[:-7])
    good_shard(tmp_path / "train-1", 4)
    assert "train-0, record 3: the file is cut off: 7 bytes" in _explained(_open(tmp_path))


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b"no proto", "is not a tf.train.Example"),
        (example(None, 1), "feature image/encoded is missing"),
        (example(encoded(), None), "feature image/class/label is missing"),
        (example(b"\xff\xd8\xff no image", 1), "JPEG image is damaged or cut off"),
        (example(b"", 1), r"its image \(0 bytes\) cannot be read: it is empty"),
        (example(encoded(size=(200, 200))[:-3000], 1), "JPEG image is damaged or cut off"),
        (example(encoded(), 11), r"label 11 with --label-offset -1 is 10, outside 0\.\.9"),
        (example(encoded(), 0), r"label 0 with --label-offset -1 is -1, outside 0\.\.9"),
    ],
    ids=["no example", "no image", "no label", "not an image", "empty", "cut", "label too large", "label too small"],
)
def test_bad_content_names_file_record_and_reason(tmp_path: Path, record: bytes, says: str) -> None:
    good = [example(encoded(seed=seed), 1) for seed in range(3)]
    good_shard(tmp_path / "train-0", 2)
    write_shard(tmp_path / "train-1", [*good, record])
    with pytest.raises(AssertionError, match=rf"(?s)train-1, record 3: .*{says}"):
        raise AssertionError(_explained(_open(tmp_path, decode="full")))


def test_an_undecodable_file_in_a_folder_is_named(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "0.jpg").write_bytes(encoded())
    (tmp_path / "set" / "ant" / "1.jpg").write_bytes(b"no image")
    assert "set/ant/1.jpg: its image (8 bytes)" in _explained(_open(tmp_path, "set", source="folder"))


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    good_shard(tmp_path / "train-0", 4)
    good_shard(tmp_path / "train-1", 4)
    inp = _open(tmp_path)
    (tmp_path / "train-1").unlink()
    assert "train-1: cannot be read (No such file" in _explained(inp)


def test_a_failure_that_is_not_the_datas_is_not_explained(tmp_path: Path) -> None:
    good_shard(tmp_path / "train-0", 4)
    inp = _open(tmp_path)
    assert inp.explain(ValueError("elsewhere")) is None
    assert inp.explain(tf.errors.InvalidArgumentError(None, None, "elsewhere")) is None
