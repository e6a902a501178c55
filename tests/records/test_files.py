"""Files are written whole or not at all, with the mode that the umask asks for, and are on the disk on return."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from resnet_bench.errors import RecordError
from resnet_bench.records import files


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
@pytest.mark.usefixtures("umask")
def test_the_mode_follows_the_umask(mask: int, tmp_path: Path) -> None:
    os.umask(mask)
    path = tmp_path / "x.json"
    files.write_atomically(path, b"{}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are flushed to the disk, as they are called at that moment."""
    found: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        found.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def test_the_file_and_then_its_name_are_flushed(tmp_path: Path, synced: list[str]) -> None:
    files.write_atomically(tmp_path / "x.json", b"{}")
    assert [name.endswith(".part") for name in synced] == [True, False]
    assert synced[1] == tmp_path.name


def test_a_file_that_others_wrote_is_flushed_before_it_is_renamed(tmp_path: Path, synced: list[str]) -> None:
    (tmp_path / "new").write_bytes(b"content")
    files.replace_durably(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"content"
    assert synced == ["new", tmp_path.name]


def test_a_folder_that_cannot_be_flushed_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_atomically(tmp_path / "x", b"1")
    assert (tmp_path / "x").read_bytes() == b"1"


def test_a_name_that_is_too_long_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cannot be written"):
        files.write_atomically(tmp_path / ("x" * 300), b"1")


def test_identities_differ_and_times_are_utc() -> None:
    assert files.new_id() != files.new_id()
    assert len(files.new_id()) == 32
    assert files.now().endswith("+00:00")
    assert files.stem("2026-01-31T12:00:00+00:00", "train", "1a2b3c4d5e") == "20260131T120000Z-train-1a2b3c4d"
