"""A folder of class subfolders: sorted classes, what is read, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_bench.data.sources.folder import open_folder
from resnet_bench.errors import DataError
from tests.support.data_files import encoded


def _folder(root: Path, classes: tuple[str, ...] = ("cat", "ant", "bee")) -> Path:
    for seed, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for number in range(2):
            (root / name / f"{number}.jpg").write_bytes(encoded(seed=seed + number))
    return root


def test_labels_are_the_positions_of_the_sorted_class_folders(tmp_path: Path) -> None:
    source = open_folder(str(_folder(tmp_path)), 10, "error")
    found = [Path(path).parent.name for path in source.files]
    assert found == ["ant", "ant", "bee", "bee", "cat", "cat"]
    assert source.labels == (0, 0, 1, 1, 2, 2)
    assert source.facts.images == source.facts.files == 6
    assert source.facts.classes_found == 3
    assert source.facts.mean_pixels == 48 * 40


def test_images_in_nested_folders_belong_to_the_top_class_and_other_files_are_ignored(tmp_path: Path) -> None:
    root = _folder(tmp_path)
    (root / "bee" / "more").mkdir()
    (root / "bee" / "more" / "2.PNG").write_bytes(encoded("PNG"))
    (root / "bee" / "notes.txt").write_text("no image")
    (root / "README").write_text("no class")
    source = open_folder(str(root), 10, "error")
    assert len(source.files) == 7
    assert source.labels is not None
    assert source.labels.count(1) == 3


def test_the_identity_ignores_where_the_folder_lies_and_sees_a_renamed_class(tmp_path: Path) -> None:
    here, there = _folder(tmp_path / "a"), _folder(tmp_path / "b")
    hashes = [open_folder(str(root), 10, "error").facts.manifest_hash for root in (here, there)]
    assert hashes[0] == hashes[1]
    (there / "cat").rename(there / "dog")
    assert open_folder(str(there), 10, "error").facts.manifest_hash != hashes[0]


def test_a_missing_folder_a_file_an_empty_folder_and_empty_classes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "hollow" / "class").mkdir(parents=True)
    for name, says in (
        ("missing", "does not exist"),
        ("file", "is a file"),
        ("empty", "no subfolders"),
        ("hollow", "no image"),
    ):
        with pytest.raises(DataError, match=says) as caught:
            open_folder(str(tmp_path / name), 10, "error")
        assert name in caught.value.message
        assert caught.value.remedy


def test_an_image_that_tensorflow_cannot_decode_is_named_or_counted(tmp_path: Path) -> None:
    root = _folder(tmp_path)
    (root / "ant" / "9.tiff").write_bytes(b"II*")
    with pytest.raises(DataError, match=r"9\.tiff: .* is not an image|9\.tiff: its format is TIFF"):
        open_folder(str(root), 10, "error")
    source = open_folder(str(root), 10, "skip")
    assert (source.unreadable, source.records) == (1, 6)


def test_a_link_to_nothing_is_named_or_counted(tmp_path: Path) -> None:
    root = _folder(tmp_path)
    (root / "ant" / "9.jpg").symlink_to(root / "gone.jpg")
    with pytest.raises(DataError, match=r"9\.jpg: cannot be read"):
        open_folder(str(root), 10, "error")
    source = open_folder(str(root), 10, "skip")
    assert (source.unreadable, source.records) == (1, 6)


def test_more_classes_than_the_network_has_are_refused_or_left_out(tmp_path: Path) -> None:
    root = _folder(tmp_path)
    with pytest.raises(DataError, match="3 class subfolders") as caught:
        open_folder(str(root), 2, "error")
    assert "--classes 3" in caught.value.remedy
    source = open_folder(str(root), 2, "skip")
    assert (source.unreadable, source.labels) == (2, (0, 0, 1, 1))
