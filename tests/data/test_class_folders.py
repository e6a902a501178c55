"""The walk over class folders: each real file once, what is left out is counted, what is suspicious is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_bench.data import class_folders
from resnet_bench.data.class_folders import FolderWalk, listing_progress, train_and_test_folders
from resnet_bench.data.sources import find_source, open_dataset
from resnet_bench.data.sources.folder import FolderImages, open_folder
from resnet_bench.errors import DataError
from tests.support.data_files import encoded


def tree(root: Path, *classes: str, images: int = 2) -> Path:
    for name in classes or ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number in range(images):
            (root / name / f"{number}.jpg").write_bytes(encoded(seed=number))
    return root


def found(root: Path) -> tuple[list[str], str]:
    walk = FolderWalk(root)
    return [path.relative_to(root).as_posix() for path, _ in walk.images()], walk.left_out_words()


PLAIN = ["cat/0.jpg", "cat/1.jpg", "dog/0.jpg", "dog/1.jpg"]


def self_loop(root: Path) -> None:
    (root / "cat" / "current").symlink_to(".")


def two_loops(root: Path) -> None:
    for name in ("cat", "dog"):
        (root / name / "up").symlink_to("..")


def link_to_another_class(root: Path) -> None:
    (root / "cat" / "more").symlink_to("../dog")


def checkpoints(root: Path) -> None:
    for folder in (root, root / "cat"):
        (folder / ".ipynb_checkpoints").mkdir()
        (folder / ".ipynb_checkpoints" / "0.jpg").write_bytes(encoded())


def thumbnails(root: Path) -> None:
    for folder in (root / "@eaDir" / "cat", root / "cat" / "@eaDir", root / "__MACOSX" / "cat"):
        folder.mkdir(parents=True)
        (folder / "0.jpg").write_bytes(encoded())
    (root / "cat" / "._0.jpg").write_bytes(b"\0\5\x16\7")
    (root / "cat" / "Thumbs.db").write_bytes(b"\xd0\xcf")


def fifo(root: Path) -> None:
    os.mkfifo(root / "cat" / "pipe.jpg")


def hard_link(root: Path) -> None:
    (root / "cat" / "again.jpg").hardlink_to(root / "cat" / "0.jpg")
    (root / "cat" / "0.jpg").rename(root / "cat" / "b.jpg")
    (root / "cat" / "again.jpg").rename(root / "cat" / "0.jpg")


def others(root: Path) -> None:
    (root / "README.txt").write_text("outside")
    (root / "dog" / "a.txt").write_text("no image")
    (root / "dog" / "b.txt").write_text("no image")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (self_loop, "1 folder reached twice through links"),
        (two_loops, "2 folders reached twice through links"),
        (link_to_another_class, "1 folder reached twice through links"),
        (checkpoints, "2 hidden files and folders"),
        (thumbnails, "1 hidden file or folder, 4 housekeeping files and folders"),
        (fifo, "1 special file (FIFO, socket or device)"),
        (hard_link, "1 file reached twice through links"),
        (others, "2 files that are not images, 1 file outside the class folders"),
    ],
)
def test_each_real_image_is_read_once_and_the_rest_is_counted(
    tmp_path: Path, change: Callable[[Path], None], words: str
) -> None:
    root = tree(tmp_path / "set")
    change(root)
    images, left_out = found(root)
    assert images == PLAIN
    assert sorted(left_out.split(", ")) == sorted(words.split(", "))
    (notice,) = open_folder(str(root), 10, "error").notices
    assert notice.message == f"Not read from {root}: {left_out}."
    assert FolderImages(str(root), 0, "error").left_out == left_out


def test_classes_that_are_links_to_folders_elsewhere_are_read(tmp_path: Path) -> None:
    tree(tmp_path / "store")
    (tmp_path / "set").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).symlink_to(tmp_path / "store" / name)
    assert found(tmp_path / "set") == (PLAIN, "")


@pytest.mark.parametrize("which", [".", "cat"])
def test_a_folder_that_may_not_be_listed_is_named(tmp_path: Path, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path / "set")
    real = Path.iterdir

    def iterdir(path: Path) -> object:
        if path == root / which:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    for on_bad_record in ("error", "skip"):
        with pytest.raises(DataError, match="cannot be listed") as caught:
            open_folder(str(root), 10, on_bad_record)
        assert str(root / which) in caught.value.message


@pytest.mark.parametrize("names", [("train", "val"), ("Training", "TEST"), ("train", "validation", "test")])
def test_parts_are_no_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        tree(tmp_path / "set" / name)
    root = str(tmp_path / "set")
    for refused in (lambda: open_folder(root, 10, "error"), lambda: FolderImages(root, 0, "error")):
        with pytest.raises(DataError, match="parts of a data set, not classes") as caught:
            refused()
        assert f"--data {tmp_path}/set/" in caught.value.remedy


def test_training_reads_train_and_tests_on_val(tmp_path: Path) -> None:
    tree(tmp_path / "set" / "train", images=3)
    tree(tmp_path / "set" / "val", images=1)
    root = str(tmp_path / "set")
    assert find_source("folder").sizes(root) == (2, None)
    data = open_dataset("folder", root)
    assert data.class_names == ("cat", "dog")
    assert data.test is not None
    assert (data.train.count, data.test.count) == (6, 2)
    (notice,) = data.notices
    assert f"{root}/train is read for training, {root}/val for testing" in notice.message
    assert open_dataset("folder", f"{root}/train", test_data=f"{root}/val").facts == data.facts


def test_a_folder_with_train_alone_is_split(tmp_path: Path) -> None:
    tree(tmp_path / "set" / "train", images=4)
    data = open_dataset("folder", str(tmp_path / "set"), test_share=0.25)
    assert data.test is not None
    assert (data.train.count, data.test.count) == (6, 2)
    (tmp_path / "other" / "val").mkdir(parents=True)
    assert train_and_test_folders(tmp_path / "other") is None


def test_one_class_is_refused_and_the_folder_below_is_named(tmp_path: Path) -> None:
    tree(tmp_path / "photos" / "flowers", "daisy", "rose")
    for ask in (find_source("folder").sizes, lambda data: open_dataset("folder", data)):
        with pytest.raises(DataError, match=r"1 class subfolder \(flowers\), but a classifier needs two") as caught:
            ask(str(tmp_path / "photos"))
        assert str(tmp_path / "photos" / "flowers") in caught.value.remedy


def test_a_long_listing_reports_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_folders, "PROGRESS_INTERVAL_S", 0.0)
    heard: list[int] = []
    with listing_progress(heard.append):
        found(tree(tmp_path))
    assert heard == [1, 2, 3, 4]
    found(tmp_path)
    assert len(heard) == 4


def test_a_file_is_judged_by_its_content_where_its_name_is_of_a_format_that_is_not_read(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "cat" / "2.tiff").write_bytes(encoded())
    (root / "cat" / "3.jfif").write_bytes(encoded())
    assert len(open_folder(str(root), 10, "error").files) == 6
    (root / "cat" / "4.tiff").write_bytes(encoded("TIFF"))
    with pytest.raises(DataError, match=r"4\.tiff: its format is TIFF"):
        open_folder(str(root), 10, "error")
    assert open_folder(str(root), 10, "skip").unreadable == 1
