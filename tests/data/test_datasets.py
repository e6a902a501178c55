"""Data sets for training: what their parts promise, and what is refused. Without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.data.datasets import Arrays, Augmentation, MemoryPart, fitted, padded, stratified
from resnet_bench.data.datasets.augment import augmented
from resnet_bench.data.sources import detect_source, find_source, open_dataset
from resnet_bench.errors import ConfigError, DataError
from tests.support.data_files import encoded

SIDE = 6


def signs(path: Path, **changes: Any) -> Path:
    """A hand-sign file of three classes: ten train and five test images; `changes` replace keys, None drops one."""
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "train_set_x": random.integers(0, 256, (10, SIDE, SIDE, 3), np.uint8),
        "train_set_y": np.arange(10) % 3,
        "test_set_x": random.integers(0, 256, (5, SIDE, SIDE, 3), np.uint8),
        "test_set_y": np.arange(5) % 3,
        "list_classes": np.array([b"zero", b"one", b"two"]),
        **changes,
    }
    with h5py.File(path, "w") as file:
        for key, value in arrays.items():
            if value is not None:
                file[key] = value
    return path


def arrays_of(part: Any) -> Arrays:
    assert isinstance(part, MemoryPart)
    return part.arrays


def test_digits_are_six_classes_of_real_scans_at_64_pixels_in_three_channels() -> None:
    digits = open_dataset()
    assert digits.class_names == ("0", "1", "2", "3", "4", "5")
    assert digits.test is not None
    assert (digits.train.count, digits.test.count, digits.facts.images) == (867, 216, 1083)
    images = arrays_of(digits.train).images
    assert images.shape == (867, 64, 64, 3)
    assert images.dtype == np.uint8
    assert images.max() == 255
    assert np.array_equal(images[..., 0], images[..., 2])
    shares = np.bincount(arrays_of(digits.test).labels) / 216
    assert shares == pytest.approx(np.full(6, 1 / 6), abs=0.01)
    assert open_dataset(classes=10).facts.images == 1797


def test_the_split_is_the_same_for_a_seed_and_its_identity_another_for_another() -> None:
    first, again, other = (open_dataset(split_seed=seed, image_size=(8, 8)) for seed in (0, 0, 1))
    assert np.array_equal(arrays_of(first.test).images, arrays_of(again.test).images)
    assert first.facts == again.facts
    assert first.facts.manifest_hash != other.facts.manifest_hash


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=80), st.floats(0.01, 0.99), st.integers(0, 99))
def test_a_stratified_split_takes_its_share_of_each_class_and_leaves_some(
    labels: list[int], share: float, seed: int
) -> None:
    every = np.array(labels)
    train, test = stratified(every, share, seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    for label in np.unique(every):
        own, chosen = int(np.sum(every == label)), int(np.sum(every[test] == label))
        assert chosen == min(max(1, round(share * own)), own - 1)


def test_an_epoch_shows_each_image_at_most_once_in_an_order_of_its_own() -> None:
    part = MemoryPart(Arrays(np.zeros((10, 4, 4, 1), np.uint8), np.arange(10, dtype=np.int32)))
    first, second = ([labels.tolist() for _, labels in part.epoch(number, 4, 0, Augmentation())] for number in (0, 1))
    assert [len(batch) for batch in first] == [4, 4]
    assert len({image for batch in first for image in batch}) == 8
    assert first != second


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 3),
    st.integers(0, 5),
    st.builds(Augmentation, crop=st.booleans(), shift=st.booleans(), flip=st.booleans()),
)
def test_a_skipped_batch_changes_none_that_follows(number: int, skip: int, how: Augmentation) -> None:
    images = np.random.default_rng(1).integers(0, 256, (12, 16, 16, 3), np.uint8)
    part = MemoryPart(Arrays(images, np.arange(12, dtype=np.int32)))
    whole, rest = (list(part.epoch(number, 2, 5, how, skip=start)) for start in (0, skip))
    assert len(rest) == len(whole) - skip
    for (wanted, labels), (got, same) in zip(whole[skip:], rest, strict=True):
        assert np.array_equal(wanted, got)
        assert np.array_equal(labels, same)


def test_augmentation_changes_what_it_says_and_keeps_shape_and_type() -> None:
    image = np.zeros((1, 16, 16, 1), np.uint8)
    image[0, 8, 2] = 255
    noise = np.random.default_rng
    flips = {int(augmented(image, Augmentation(flip=True), noise(seed)).argmax()) for seed in range(20)}
    assert flips == {8 * 16 + 2, 8 * 16 + 13}
    for seed in range(20):
        row, column = divmod(int(augmented(image, Augmentation(shift=True), noise(seed)).argmax()), 16)
        assert abs(row - 8) <= 2
        assert abs(column - 2) <= 2
        cropped = augmented(image, Augmentation(crop=True), noise(seed))
        assert (cropped.shape, cropped.dtype) == (image.shape, np.uint8)
    assert augmented(image, Augmentation(), noise(0)) is image


def test_images_are_fitted_to_size_and_channels() -> None:
    grey = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1) * 80
    colour = fitted(grey, (4, 6), 3)
    assert colour.shape == (1, 4, 6, 3)
    assert colour[0, 0, 0, 0] == 0
    assert colour[0, 3, 5, 2] == 240
    assert fitted(np.full((1, 2, 2, 3), (255, 0, 0), np.uint8), (2, 2), 1)[0, 0, 0, 0] == 76


def test_a_short_batch_is_padded_to_one_shape() -> None:
    images, labels, count = padded(np.arange(3)[:, None], np.arange(3), 5)
    assert (labels.tolist(), count, images.shape) == ([0, 1, 2, 2, 2], 3, (5, 1))


def test_an_h5_file_is_read_with_its_own_size_classes_and_names(tmp_path: Path) -> None:
    path = signs(tmp_path / "signs.h5")
    found = open_dataset("auto", str(path))
    assert find_source("h5").sizes(str(path)) == (3, (SIDE, SIDE))
    assert found.class_names == ("zero", "one", "two")
    assert found.test is not None
    assert (found.train.count, found.test.count) == (10, 5)
    with h5py.File(path) as file:
        assert np.array_equal(arrays_of(found.train).images, file["train_set_x"][...])


@pytest.mark.parametrize("form", [lambda y: y[np.newaxis], lambda y: y[:, np.newaxis], lambda y: np.eye(3)[y]])
def test_labels_may_be_rows_columns_or_one_hot(tmp_path: Path, form: Callable[[Any], Any]) -> None:
    plain = np.arange(10) % 3
    path = signs(tmp_path / "signs.h5", train_set_y=form(plain))
    assert arrays_of(open_dataset("h5", str(path)).train).labels.tolist() == plain.tolist()


def test_a_train_and_a_test_file_make_a_set(tmp_path: Path) -> None:
    train = signs(tmp_path / "train.h5", test_set_x=None, test_set_y=None)
    test = signs(tmp_path / "test.h5", train_set_x=None, train_set_y=None)
    found = open_dataset("h5", str(train), test_data=str(test))
    assert found.test is not None
    assert found.test.count == 5
    with pytest.raises(DataError, match=r"train.h5 has no key test_set_x.*--test-data"):
        open_dataset("h5", str(train))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train_set_y": None}, "has no key train_set_y"),
        ({"list_classes": None}, "has no key list_classes"),
        ({"list_classes": np.array([b"one"])}, r"list_classes has shape \(1,\)"),
        ({"train_set_x": np.zeros((10, SIDE), np.uint8)}, r"train_set_x has shape \(10, 6\)"),
        ({"train_set_x": np.zeros((10, SIDE, SIDE, 4), np.uint8)}, "1 or 3 channels"),
        ({"train_set_x": np.zeros((10, SIDE, SIDE, 3), np.float32)}, "train_set_x holds float32"),
        ({"train_set_x": np.full((10, SIDE, SIDE, 3), 300)}, "from 300 to 300"),
        ({"train_set_x": np.zeros((9, SIDE, SIDE, 3), np.uint8)}, "10 labels for 9 images"),
        ({"test_set_x": np.zeros((5, 8, 8, 3), np.uint8)}, "test_set_x has images of 8x8x3, but .* 6x6x3"),
        ({"train_set_y": np.array([0, 1, 2, 7, 0, 1, 2, 0, 1, 2])}, r"train_set_y\[3\] is 7, but list_classes has 3"),
        ({"train_set_y": np.zeros(10, int)}, r"no image of class 1 \(one\)"),
        ({"train_set_y": np.ones((10, 3))}, r"train_set_y\[0\] is .* not one-hot"),
        ({"train_set_y": np.arange(10) / 3}, "not whole numbers"),
        ({"train_set_y": np.array([b"one"] * 10)}, "train_set_y holds text; labels are whole numbers"),
        ({"train_set_y": np.zeros(10, [("a", "i4"), ("b", "f4")])}, "train_set_y holds records of a, b"),
        ({"train_set_x": np.array([b"pixels"] * 10).reshape(10, 1, 1)}, "train_set_x holds text; pixels are"),
    ],
)
def test_what_an_h5_file_has_wrong_is_named(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    path = signs(tmp_path / "signs.h5", **changes)
    with pytest.raises(DataError, match=says) as caught:
        open_dataset("h5", str(path))
    assert str(path) in str(caught.value)


def test_a_missing_file_and_one_that_is_no_hdf5_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no hdf5")
    with pytest.raises(DataError, match="does not exist"):
        open_dataset("h5", str(tmp_path / "none.h5"))
    with pytest.raises(DataError, match="cannot be read as HDF5"):
        open_dataset("h5", str(tmp_path / "text.h5"))


@pytest.mark.parametrize(
    ("link", "target"),
    [
        (h5py.ExternalLink("gone.h5", "/images"), r"gone\.h5, /images"),
        (h5py.SoftLink("/nothing"), "/nothing"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, link: object, target: str) -> None:
    path = signs(tmp_path / "signs.h5", train_set_x=None)
    with h5py.File(path, "a") as file:
        file["train_set_x"] = link
    for ask in (lambda: open_dataset("h5", str(path)), lambda: find_source("h5").sizes(str(path))):
        with pytest.raises(DataError, match=f"train_set_x is a link to {target}, which is not there"):
            ask()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec", "Git LFS pointer"),
        (b"<html></html>", "web page"),
        (b"", "empty"),
    ],
)
def test_a_file_that_is_no_hdf5_is_named_for_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "signs.h5").write_bytes(content)
    with pytest.raises(DataError, match=words):
        open_dataset("auto", str(tmp_path / "signs.h5"))


def test_an_h5_file_of_another_name_is_found_by_its_first_bytes_and_a_missing_path_is_named(tmp_path: Path) -> None:
    path = signs(tmp_path / "signs.mat")
    assert detect_source("auto", str(path)) == "h5"
    with pytest.raises(DataError, match="nothere does not exist"):
        detect_source("auto", str(tmp_path / "nothere"))
    (tmp_path / "shards" / ".making").mkdir(parents=True)
    assert detect_source("auto", str(tmp_path / "shards")) == "tfrecord"


def test_the_number_of_classes_must_be_the_file_s(tmp_path: Path) -> None:
    path = signs(tmp_path / "signs.h5")
    with pytest.raises(DataError, match="names 3 classes, but --classes is 6"):
        open_dataset("h5", str(path), classes=6)


def folders(root: Path, *names: str, images: int = 5) -> Path:
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for index in range(images):
            (root / name / f"{index}.jpg").write_bytes(encoded(seed=number + index))
    return root


def test_a_folder_is_split_class_by_class_or_takes_a_test_folder_of_its_own(tmp_path: Path) -> None:
    train = folders(tmp_path / "train", "ant", "bee", "cat")
    split = open_dataset("auto", str(train))
    assert split.class_names == ("ant", "bee", "cat")
    assert split.test is not None
    assert (split.train.count, split.test.count) == (12, 3)
    both = open_dataset("folder", str(train), test_data=str(folders(tmp_path / "test", "bee", "cat")))
    assert both.test is not None
    assert (both.train.count, both.test.count) == (15, 10)
    assert set(both.test.source.labels) == {1, 2}  # type: ignore[attr-defined]


def test_folders_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    train = folders(tmp_path / "train", "ant", "bee")
    with pytest.raises(DataError, match="dog is a class that the train part does not have"):
        open_dataset("folder", str(train), test_data=str(folders(tmp_path / "test", "dog")))
    with pytest.raises(DataError, match=r"2 class subfolders \(ant, bee\), but --classes is 3"):
        open_dataset("folder", str(train), classes=3)
    with pytest.raises(DataError, match="needs two or more"):
        open_dataset("folder", str(folders(tmp_path / "one", "ant")))
    (train / "cow").mkdir()
    with pytest.raises(DataError, match="cow holds no image"):
        open_dataset("folder", str(train))


def test_auto_follows_from_the_data(tmp_path: Path) -> None:
    assert detect_source("auto", None) == "digits"
    assert detect_source("auto", "signs.HDF5") == "h5"
    assert detect_source("auto", str(folders(tmp_path, "ant"))) == "folder"
    assert detect_source("auto", str(tmp_path / "train-*")) == "tfrecord"
    with pytest.raises(ConfigError, match="--source digits reads no files"):
        detect_source("digits", "x.h5")
    with pytest.raises(ConfigError, match="--source folder needs --data"):
        detect_source("folder", None)
    with pytest.raises(ConfigError, match="--classes 11 is not possible"):
        open_dataset(classes=11)
    with pytest.raises(ConfigError, match="do not say how many classes"):
        open_dataset("tfrecord", str(tmp_path / "train-*"))
