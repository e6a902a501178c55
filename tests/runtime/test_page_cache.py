"""The page cache: what lies in it, and what cannot be told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resnet_bench.runtime import page_cache


def file(tmp_path: Path, name: str = "a", size: int = 1 << 20) -> str:
    path = tmp_path / name
    path.write_bytes(b"x" * size)
    return str(path)


def test_what_was_just_read_is_resident(tmp_path: Path) -> None:
    path = file(tmp_path)
    Path(path).read_bytes()
    assert page_cache.resident_share([path]) == 1.0


def test_an_evicted_file_is_gone_or_said_to_be_there(tmp_path: Path) -> None:
    paths = [file(tmp_path, "a"), file(tmp_path, "b")]
    page_cache.evict(paths)
    share = page_cache.resident_share(paths)
    assert share is not None
    assert share in (0.0, 1.0)  # 1.0 on a file system that keeps everything, such as tmpfs
    Path(paths[0]).read_bytes()
    if share == 0.0:
        assert page_cache.resident_share(paths) == pytest.approx(0.5, abs=0.01)


def test_a_stranger_s_file_cannot_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert page_cache.resident_share([path]) is None


def test_missing_and_empty_files(tmp_path: Path) -> None:
    page_cache.evict([str(tmp_path / "missing")])
    assert page_cache.resident_share([str(tmp_path / "missing")]) is None
    assert page_cache.resident_share([file(tmp_path, size=0)]) is None


def test_many_files_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "SAMPLED_FILES", 3)
    asked: list[str] = []

    def pages(path: str) -> tuple[int, int]:
        asked.append(path)
        return 1, 1

    monkeypatch.setattr(page_cache, "_resident_pages", pages)
    assert page_cache.resident_share([str(number) for number in range(9)]) == 1.0
    assert asked == ["0", "3", "6"]
