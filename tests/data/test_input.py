"""open_input: what every source hands to a step, and skipping."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from resnet_bench.data import Input, open_input
from resnet_bench.errors import DataError
from tests.support.data_files import THREADS, config, encoded, example, flip_byte, good_shard, write_shard


def _open(tmp_path: Path, **values: Any) -> Input:
    return open_input(config(**values), THREADS, tmp_path / "cache", "/CPU:0")


def _take(inp: Input, batches: int) -> list[Any]:
    assert inp.dataset is not None
    return list(inp.dataset.take(batches).as_numpy_iterator())


def _mixed(tmp_path: Path) -> str:
    """Ten records in two shards; bad: one checksum, one image, one label, one feature."""
    offsets = good_shard(tmp_path / "train-0", 4)
    flip_byte(tmp_path / "train-0", offsets[1] + 30)
    good = [example(encoded(seed=seed), 1 + seed) for seed in range(3)]
    bad = [example(b"no image", 1), example(encoded(), 99), example(None, 1)]
    write_shard(tmp_path / "train-1", [good[0], bad[0], good[1], bad[1], good[2], bad[2]])
    return f"{tmp_path}/train-*"


def test_importing_the_package_imports_no_tensorflow(child: Callable[..., str]) -> None:
    assert child("import sys, resnet_bench.data; print('tensorflow' in sys.modules, 'sklearn' in sys.modules)") == (
        "False False\n"
    )


def test_synthetic_data_is_resident_and_has_no_pipeline(tmp_path: Path) -> None:
    inp = _open(tmp_path, source="synthetic", mode="train")
    assert inp.dataset is None
    assert inp.resident is not None
    assert inp.resident[0].shape == (4, 32, 32, 3)
    assert (inp.facts.source, inp.facts.images, inp.skipped()) == ("synthetic", None, 0)
    assert inp.explain(ValueError()) is None


@pytest.mark.parametrize("mode", ["train", "eval", "infer", "input"])
def test_photos_come_as_uint8_batches_with_labels_folded_into_the_classes(tmp_path: Path, mode: str) -> None:
    inp = _open(tmp_path, source="photos", photos=6, mode=mode)
    for images, labels in _take(inp, 4):
        assert (images.shape, images.dtype) == ((4, 32, 32, 3), np.uint8)
        assert (labels.shape, labels.dtype) == ((4,), np.int32)
        assert labels.min() >= 0
        assert labels.max() < 10
    assert inp.facts.images == 6


def test_a_greyscale_network_gets_one_channel(tmp_path: Path) -> None:
    (images, _), *_ = _take(_open(tmp_path, source="photos", photos=4, channels=1), 1)
    assert images.shape == (4, 32, 32, 1)


@pytest.mark.parametrize(
    ("mode", "cache"),
    [("train", "none"), ("train", "records"), ("eval", "none"), ("eval", "records"), ("eval", "images")],
)
def test_skip_goes_on_and_counts_each_bad_record_once(tmp_path: Path, mode: str, cache: str) -> None:
    inp = _open(
        tmp_path, source="tfrecord", data=_mixed(tmp_path), on_bad_record="skip", mode=mode, cache=cache, flip=False
    )
    batches = _take(inp, 9)
    assert inp.skipped() == 4
    counts = np.bincount(np.concatenate([labels for _, labels in batches]), minlength=10)
    assert counts.sum() == 36
    assert counts[:4].tolist() == [12, 6, 12, 6]
    assert inp.dataset is not None
    next(iter(inp.dataset))
    assert inp.skipped() == 4


def test_nothing_is_skipped_in_good_data(tmp_path: Path) -> None:
    good_shard(tmp_path / "a", 5)
    inp = _open(tmp_path, source="tfrecord", data=str(tmp_path / "a"), on_bad_record="skip")
    _take(inp, 5)
    assert inp.skipped() == 0


@pytest.mark.parametrize("cache", ["none", "images"])
def test_data_without_one_good_record_ends_in_an_error(tmp_path: Path, cache: str) -> None:
    write_shard(tmp_path / "a", [example(b"no image", 1), example(encoded(), 99)])
    with pytest.raises(DataError, match="None of the 2 records") as caught:
        _open(tmp_path, source="tfrecord", data=str(tmp_path / "a"), on_bad_record="skip", cache=cache)
    assert "a, record 0" in caught.value.message


def test_a_folder_is_read_and_its_bad_files_skipped(tmp_path: Path) -> None:
    for label, name in enumerate(("ant", "bee")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "set" / name / f"{number}.jpg").write_bytes(encoded(seed=label + number))
    (tmp_path / "set" / "ant" / "1.jpg").write_bytes(b"no image")
    inp = _open(tmp_path, source="folder", data=str(tmp_path / "set"), on_bad_record="skip", batch_size=5)
    (_, labels), *_ = _take(inp, 2)
    assert labels.tolist() == [0, 0, 1, 1, 1]
    assert inp.skipped() == 1


def test_a_label_offset_is_added(tmp_path: Path) -> None:
    write_shard(tmp_path / "a", [example(encoded(), label) for label in (5, 6, 7, 8)])
    (_, labels), *_ = _take(_open(tmp_path, source="tfrecord", data=str(tmp_path / "a"), label_offset=-5), 1)
    assert labels.tolist() == [0, 1, 2, 3]


def test_an_error_inside_a_compiled_step_is_explained_too(tmp_path: Path) -> None:
    write_shard(tmp_path / "a", [example(b"no image", 1)])
    inp = _open(tmp_path, source="tfrecord", data=str(tmp_path / "a"))
    assert inp.dataset is not None

    @tf.function  # type: ignore[untyped-decorator]
    def step(iterator: Any) -> Any:
        return tf.reduce_sum(tf.cast(next(iterator)[0], tf.float32))

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        step(iter(inp.dataset))
    error = inp.explain(caught.value)
    assert error is not None
    assert "a, record 0" in error.message
