"""Shards and HDF5 files: what each command reads, and what it says of those that are something else or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.gauntlet.inputs import Inputs
from tests.gauntlet.rows import RUN, TRAIN, Row, check, table

SHARD_RUN = RUN + " --mode input --source tfrecord --classes 2 --data {shards/NAME}"
SHARD_CHECK = "data check {shards/NAME} --threads 1"
ARRAY_TRAIN = TRAIN + " --data {arrays/NAME}"

SOUND = ("good", "set [v1]", "with_readme", "with_labels", "with_index", "with_dataset_info", "with_hidden")

OTHER_FORMATS = {
    "gzip": ("gzip-compressed", "Decompress"),
    "zlib": ("zlib-compressed", "Decompress"),
    "lfs": ("a Git LFS pointer",),
    "web_page": ("a web page",),
    "hdf5": ("an HDF5 file",),
    "zip": ("a ZIP archive",),
    "image": ("an image",),
    "words": ("a text file",),
}
DAMAGED = {
    "short": ("ends after 3",),
    "cut": ("cut off",),
    "cut_header": ("ends after 5",),
    "flipped_length": ("length is corrupt",),
    "zeros": ("corrupt",),
}
WRONG_CONTENT = {
    "flipped_data": ("checksum",),
    "no_example": ("not a tf.train.Example",),
    "other_keys": ("image/encoded is missing",),
    "no_label": ("image/class/label is missing",),
    "negative_label": ("label -5 is below",),
    "text_label": ("does not hold one value of int64",),
}
"""What `data check` finds; a pipeline meets it when it decodes."""


def _shards() -> Iterator[Row]:
    for name in SOUND:
        yield Row(f"run_{name}", SHARD_RUN.replace("NAME", name))
        yield Row(f"check_{name}", SHARD_CHECK.replace("NAME", name), says=("No errors.",))
    for name, says in (OTHER_FORMATS | DAMAGED).items():
        yield Row(f"check_{name}", SHARD_CHECK.replace("NAME", name), 3, ("train-00000-of-00001", says[0]))
    for name, says in WRONG_CONTENT.items():
        yield Row(f"check_{name}", SHARD_CHECK.replace("NAME", name), 3, ("train-00000-of-00001", *says))
    yield Row(
        "check_large_label", SHARD_CHECK.replace("NAME", "large_label") + " --classes 2", 3, ("label 1099511627776",)
    )
    for verb, command in (("run", SHARD_RUN), ("check", SHARD_CHECK)):
        yield Row(f"{verb}_empty", command.replace("NAME", "empty"), 3, ("no shards",))
        yield Row(f"{verb}_subfolders", command.replace("NAME", "subfolders"), 3, ("folders (train, val)", "Name one"))
        yield Row(f"{verb}_missing", command.replace("{shards/NAME}", "/nowhere/a"), 3, ("matches no file",))
        yield Row(f"{verb}_remote", command.replace("{shards/NAME}", "'gs://b/train-*'"), 3, ("remote address",))
    yield Row("check_damaged_manifest", SHARD_CHECK.replace("NAME", "manifest_damaged"), 3, ("manifest.json",))
    yield Row("check_latin1_manifest", SHARD_CHECK.replace("NAME", "manifest_latin1"), 3, ("manifest.json",))
    yield Row("run_glob_in_brackets", RUN + " --mode input --source tfrecord --data {shards/set [v1]}/'train-*'")
    yield Row("check_glob_in_brackets", "data check {shards/set [v1]}/'train-*'", says=("No errors.",))
    yield Row("run_unquoted_glob", RUN + " --source tfrecord --data a b", 2, ("b", "quote"))


SOUND_ARRAYS = ("good.h5", "good.hdf5", "one_hot.h5", "column.h5", "row.h5", "grey.h5")
REFUSED_ARRAYS = {
    "text_labels.h5": ("train_set_y holds text", "whole numbers"),
    "external_link.h5": ("train_set_x is a link to gone.h5", "not there"),
    "soft_link.h5": ("train_set_x is a link to /nothing", "not there"),
    "label_link.h5": ("train_set_y is a link to /nothing", "not there"),
    "group.h5": ("train_set_x is a group",),
    "compound_labels.h5": ("train_set_y holds records of a, b",),
    "no_images.h5": ("no key train_set_x",),
    "no_test.h5": ("no key test_set_x", "--test-data"),
    "no_names.h5": ("no key list_classes",),
    "one_name.h5": ("two or more classes",),
    "scalar_names.h5": ("two or more classes",),
    "more_names.h5": ("no image of class 6",),
    "floats.h5": ("holds float32", "whole numbers 0 to 255"),
    "sixteen_bits.h5": ("they are 0 to 255",),
    "flat.h5": ("train_set_x has shape (24, 768)",),
    "channels_first.h5": ("with 1 or 3 channels",),
    "four_channels.h5": ("with 1 or 3 channels",),
    "labels_from_1.h5": ("list_classes has 6 classes",),
    "nan_label.h5": ("not whole numbers",),
    "infinite_label.h5": ("train_set_y",),
    "huge_label.h5": ("train_set_y",),
    "half_label.h5": ("not whole numbers",),
    "fewer_labels.h5": ("23 labels for 24 images",),
    "scalar_labels.h5": ("train_set_y has shape ()",),
    "other_keys.h5": ("X_train",),
    "nothing.h5": ("it holds nothing",),
    "cut.h5": ("cannot be read as HDF5",),
    "lfs.h5": ("a Git LFS pointer",),
    "web_page.h5": ("a web page",),
    "zip.h5": ("a ZIP archive",),
    "empty.h5": ("it is empty",),
    "matlab.h5": ("cannot be read as HDF5",),
    "folder.h5": ("is a folder",),
}


def _arrays() -> Iterator[Row]:
    for name in SOUND_ARRAYS:
        yield Row(f"train_{name}", ARRAY_TRAIN.replace("NAME", name))
    for name, says in REFUSED_ARRAYS.items():
        yield Row(f"train_{name}", ARRAY_TRAIN.replace("NAME", name), 3, (name, *says))
    own_size = ARRAY_TRAIN.replace("--image-size 32 ", "")
    for name, size in (("tiny_images.h5", "4x4"), ("large_images.h5", "5000x8"), ("narrow_images.h5", "64x7")):
        yield Row(f"own_size_{name}", own_size.replace("NAME", name), 3, (f"images of {size}", "--image-size"))
        yield Row(f"resized_{name}", ARRAY_TRAIN.replace("NAME", name))
    yield Row("missing", TRAIN + " --data /nowhere/a.h5", 3, ("/nowhere/a.h5 does not exist",))
    yield Row("remote", TRAIN + " --data https://host/a.h5", 3, ("remote address",))


@table(_shards(), _arrays())
def test_a_file_is_read_or_named_for_what_it_is(row: Row, inputs: Inputs, tmp_path: Path) -> None:
    check(row, inputs, tmp_path / "out")
