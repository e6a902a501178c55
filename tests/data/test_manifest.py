"""The identity of data follows content, not place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.data import manifest
from tests.support.data_files import encoded, flip_byte


def _identity(*paths: Path) -> str:
    return manifest.identity([path.name for path in paths], paths, [path.stat().st_size for path in paths])


def test_a_moved_file_keeps_its_identity(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.copy(tmp_path / "a", tmp_path / "elsewhere"))
    assert _identity(tmp_path / "a") == _identity(moved)


@pytest.mark.parametrize("position", [0, 999, 199_999])
def test_a_change_at_either_end_changes_the_identity(tmp_path: Path, position: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 200_000)
    before = _identity(path)
    flip_byte(path, position)
    assert _identity(path) != before


def test_a_change_in_the_middle_of_a_large_file_is_documented_to_go_unnoticed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 200_000)
    before = _identity(path)
    flip_byte(path, 100_000)
    assert _identity(path) == before


@given(count=st.integers(0, 5000), wanted=st.integers(1, 300))
def test_spread_takes_distinct_indices_in_order(count: int, wanted: int) -> None:
    chosen = list(manifest.spread(count, wanted))
    assert len(chosen) == min(count, wanted)
    assert chosen == sorted(set(chosen))
    assert all(0 <= index < count for index in chosen)


def test_means_come_from_the_headers() -> None:
    images = [encoded(size=(10, 20)), encoded(size=(30, 20), form="PNG")]
    pixels, bytes_per_pixel = manifest.image_means([*images, b"no image"])
    assert pixels == (200 + 600) / 2
    assert bytes_per_pixel == sum(map(len, images)) / 800


def test_means_of_nothing_are_unknown() -> None:
    assert manifest.image_means([b"no image"]) == (None, None)
