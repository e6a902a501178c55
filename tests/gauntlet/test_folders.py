"""Folders of class subfolders: what `run`, `data make` and `train` read, leave out and refuse, all by one walk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gauntlet import images
from tests.gauntlet.inputs import Inputs
from tests.gauntlet.rows import RUN, TRAIN, Row, check, table

FOLDER_RUN = RUN + " --mode input --source folder --data {folders/NAME}"
FOLDER_MAKE = "data make {out}/set --source folder --data {folders/NAME} --shards 1 --threads 1"
FOLDER_TRAIN = TRAIN + " --source folder --data {folders/NAME}"
COMMANDS = {"run": FOLDER_RUN, "make": FOLDER_MAKE, "train": FOLDER_TRAIN}

READ: dict[str, tuple[int, str]] = {
    "plain": (8, ""),
    "self_loop": (8, "1 folder reached twice through links"),
    "two_loops": (8, "2 folders reached twice through links"),
    "class_in_class": (8, "1 folder reached twice through links"),
    "hard_link": (8, "1 file reached twice through links"),
    "fifo": (8, "1 special file"),
    "fifo_beside_classes": (8, "1 file outside the class folders"),
    "socket": (8, "1 special file"),
    "checkpoints": (8, "2 hidden files and folders"),
    "thumbnails": (8, "2 hidden files and folders"),
    "synology": (8, "2 housekeeping files and folders"),
    "git": (8, "2 hidden files and folders"),
    "recycle_bins": (8, "3 housekeeping files and folders"),
    "macos": (8, "1 housekeeping file or folder"),
    "windows": (8, "4 housekeeping files and folders"),
    "side_files": (8, "1 file that is not an image"),
    "folder_named_jpg": (8, ""),
    "nested": (8, ""),
    "suffixes": (8, ""),
    "case_twins": (8, ""),
    "unicode": (8, ""),
    "brackets": (8, ""),
    "markup": (8, ""),
    "escapes": (8, ""),
    "newline": (9, ""),
    "set [v1]*": (8, ""),
    "png_named_jpg": (9, ""),
    "all_kinds": (len(images.READ), ""),
}
"""By name: the images that are read, and what is said of the others."""

REFUSED: dict[str, tuple[str, ...]] = {
    "val_only": ("val/", "parts of a data set, not classes"),
    "empty": ("has no subfolders", "one subfolder of images per class"),
    "only_hidden": ("has no subfolders",),
    "flat": ("has no subfolders",),
    "file": ("is a file", "reads a folder"),
    "dangling_image": ("gone.jpg",),
    "link_to_itself": ("knot.jpg",),
    "no_suffixes": ("no image that can be read", "8 files that are not images"),
}
"""By name: what every command says of a folder that it cannot read. All exit with 3."""

PARTS = ("train_val", "three_parts", "parts_in_capitals")


def _rows_read() -> Iterator[Row]:
    for name, (count, left_out) in READ.items():
        for verb, command in COMMANDS.items():
            counted = (f"{count} images",) if verb == "make" else ()
            says = (*counted, left_out) if verb != "train" else ()
            yield Row(f"{verb}_{name}", command.replace("NAME", name), says=says)


def _rows_refused() -> Iterator[Row]:
    for name, says in REFUSED.items():
        for verb, command in COMMANDS.items():
            yield Row(f"{verb}_{name}", command.replace("NAME", name), 3, says)


def _rows_of_parts() -> Iterator[Row]:
    for name in PARTS:
        for verb in ("run", "make"):
            yield Row(f"{verb}_{name}", COMMANDS[verb].replace("NAME", name), 3, ("parts of a data set, not classes",))
        yield Row(f"train_{name}", FOLDER_TRAIN.replace("NAME", name), says=("read for training", "for testing"))


def _others() -> Iterator[Row]:
    yield Row("train_one_class", FOLDER_TRAIN.replace("NAME", "one_class"), 3, ("two",))
    yield Row("train_one_level_too_high", FOLDER_TRAIN.replace("NAME", "one_level_too_high"), 3, ("two",))
    yield Row("train_empty_class", FOLDER_TRAIN.replace("NAME", "empty_class"), 3, ("bird",))
    for verb, command in COMMANDS.items():
        missing = command.replace("{folders/NAME}", "/nowhere/images")
        yield Row(f"{verb}_missing", missing, 3, ("/nowhere/images does not exist",))
        remote = command.replace("{folders/NAME}", "gs://bucket/images")
        yield Row(f"{verb}_remote", remote, 3, ("remote address", "gs://bucket/images"))
    yield Row("train_detects", TRAIN + " --data {folders/unicode}")
    yield Row("train_missing_undetected", TRAIN + " --data /nowhere/images", 3, ("/nowhere/images does not exist",))


@table(_rows_read(), _rows_refused(), _rows_of_parts(), _others())
def test_a_folder_is_read_or_refused_by_one_rule(row: Row, inputs: Inputs, tmp_path: Path) -> None:
    check(row, inputs, tmp_path / "out")


@pytest.mark.parametrize("verb", ["run", "make"])
@pytest.mark.parametrize("name", ["name_not_utf8", "class_not_utf8"])
def test_a_name_that_is_not_utf8_is_read_or_named(verb: str, name: str, inputs: Inputs, tmp_path: Path) -> None:
    """TensorFlow takes UTF-8 alone, so a pipeline may refuse the file; `data make` need not."""
    row = Row(name, COMMANDS[verb].replace("NAME", name))
    result = check(row, inputs, tmp_path / "out")
    assert "images" in result
