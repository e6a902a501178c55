"""Streamed parts: each epoch and each batch can be made again, and every test image is seen once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnet_bench.data.datasets import Augmentation, Dataset
from resnet_bench.data.sources import open_dataset
from resnet_bench.errors import DataError
from tests.data.test_datasets import folders
from tests.support.data_files import encoded, example, good_shard, write_shard

pytest.importorskip("tensorflow")
EVERYTHING = Augmentation(crop=True, shift=True, flip=True, crop_area_min=0.3)


@pytest.fixture(params=["folder", "tfrecord"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    """Ten training and five test images in five classes, 16x16."""
    if request.param == "folder":
        root = folders(tmp_path / "photos", "a", "b", "c", "d", "e", images=3)
        return open_dataset("folder", str(root), test_share=0.3, image_size=(16, 16))
    for name, shards in (("train", 2), ("test", 1)):
        for shard in range(shards):
            good_shard(tmp_path / f"{name}-{shard}", 5)
    return open_dataset(
        "tfrecord",
        str(tmp_path / "train-*"),
        test_data=str(tmp_path / "test-*"),
        classes=5,
        image_size=(16, 16),
    )


def batches(data: Dataset, number: int, skip: int = 0) -> list[tuple[Any, Any]]:
    found = data.train.epoch(number, 2, seed=3, augmentation=EVERYTHING, skip=skip)
    return [(np.asarray(images), np.asarray(labels)) for images, labels in found]


def test_an_epoch_can_be_made_again_from_any_batch(data: Dataset) -> None:
    whole = batches(data, 1)
    assert len(whole) == 5
    assert whole[0][0].shape == (2, 16, 16, 3)
    assert Counter(int(label) for _, labels in whole for label in labels) == dict.fromkeys(range(5), 2)
    for skip in (0, 1, 4, 5):
        rest = batches(data, 1, skip)
        assert len(rest) == 5 - skip
        for (wanted, labels), (got, same) in zip(whole[skip:], rest, strict=True):
            assert np.array_equal(wanted, got)
            assert np.array_equal(labels, same)
    assert [labels.tolist() for _, labels in batches(data, 2)] != [labels.tolist() for _, labels in whole]


def test_every_test_image_is_seen_once_and_the_last_batch_may_be_short(data: Dataset) -> None:
    assert data.test is not None
    found = list(data.test.in_order(2))
    assert [len(labels) for _, labels in found] == [2, 2, 1]
    assert sorted(int(label) for _, labels in found for label in labels) == [0, 1, 2, 3, 4]
    assert found[0][0].dtype == np.uint8
    assert data.test.crop == "centre"


def test_a_label_out_of_range_and_a_damaged_image_are_named(tmp_path: Path) -> None:
    write_shard(tmp_path / "train-0", [example(encoded(), 1), example(encoded(), 9)])
    wrong = open_dataset("tfrecord", str(tmp_path / "train-0"), classes=5, image_size=(16, 16)).train
    with pytest.raises(DataError, match=r"train-0.*record 1.*"):
        list(wrong.in_order(2))
    root = folders(tmp_path / "photos", "a", "b", images=2)
    (root / "b" / "1.jpg").write_bytes(b"no image")
    part = open_dataset("folder", str(root), test_share=0.5, split_seed=0, image_size=(16, 16))
    assert part.test is not None
    bad = next(one for one in (part.train, part.test) if any("b/1" in name for name in one.source.files))  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="image") as caught:
        list(bad.in_order(1))
    explained = bad.explain(caught.value)
    assert explained is not None
    assert str(root / "b" / "1.jpg") in str(explained)
