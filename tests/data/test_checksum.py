"""The vectorised CRC-32C is the same checksum as the loop's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.data import checksum, framing


def _slow(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = framing._TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@settings(deadline=None)
@given(data=st.binary(min_size=4, max_size=1200))
def test_it_is_the_crc_of_the_loop(data: bytes) -> None:
    assert checksum.crc32c(data) == _slow(data)


@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 8, 33])
@pytest.mark.parametrize("more", [-3, -1, 0, 1])
def test_whole_and_broken_lanes(lanes: int, more: int) -> None:
    data = bytes(range(251)) * 40
    data = data[: lanes * checksum.LANE_BYTES + more]
    assert checksum.crc32c(data) == _slow(data)


def test_framing_takes_it_for_long_records() -> None:
    data = b"a long record " * 1000
    assert framing.crc32c(data) == _slow(data)
