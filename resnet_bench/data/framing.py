"""TFRecord framing in plain Python: where each record starts, and how a file is damaged.

A record is an 8-byte little-endian length, a masked CRC-32C of those 8 bytes, the payload, and a
masked CRC-32C of the payload (TensorFlow's `tensorflow/core/lib/io/record_writer.h`; the mask is
`rotate_right(crc, 15) + 0xa282ead8`). TensorFlow's own reader does the fast reading; this module counts
records by their headers and names the damaged one. Neighbours: `checksum` computes long checksums, `example`
decodes payloads. Imports no TensorFlow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from resnet_bench.data import checksum

HEADER_BYTES = 12
FOOTER_BYTES = 4
OVERHEAD_BYTES = HEADER_BYTES + FOOTER_BYTES
_DECOMPRESS = "Decompress it: shards are read uncompressed."
_IMAGES = "For a folder of images: --source folder."
_OTHER_FORMATS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    ((b"\x1f\x8b",), "gzip-compressed", _DECOMPRESS),
    ((b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"), "zlib-compressed", _DECOMPRESS),
    ((b"\x28\xb5\x2f\xfd",), "zstd-compressed", _DECOMPRESS),
    ((b"version http",), "a Git LFS pointer", "Fetch the file itself: git lfs pull."),
    ((b"<!DOCTYPE", b"<!doctype", b"<html", b"<HTML"), "a web page", "Download the file again."),
    ((b"\x89HDF",), "an HDF5 file", "For training: --source h5."),
    ((b"PK\x03\x04",), "a ZIP archive", "Unpack it."),
    ((b"\xff\xd8\xff", b"\x89PNG"), "an image", _IMAGES),
)
_MASK_DELTA = 0xA282EAD8
_CASTAGNOLI_REFLECTED = 0x82F63B78
_LONG_BYTES = 2048  # from here on NumPy is quicker than a loop


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ (_CASTAGNOLI_REFLECTED if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of `data`: about 10 MB/s for headers, some hundred MB/s for whole records."""
    if len(data) >= _LONG_BYTES:
        return checksum.crc32c(data)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked_crc32c(data: bytes) -> int:
    """The CRC as TFRecord files store it."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def frame(payload: bytes) -> bytes:
    """One record as stored: header, payload, footer."""
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked_crc32c(length)) + payload + struct.pack("<I", masked_crc32c(payload))


@dataclass(frozen=True)
class Frame:
    """The place of a record: its 0-based number in the file, the offset of its header, its payload's bytes."""

    index: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        """Offset of the next record's header."""
        return self.offset + OVERHEAD_BYTES + self.length


class DamageError(Exception):
    """The file cannot be read on from record `index`, whose header would start at `offset`.

    remedy: what to do about a file that is no TFRecord file at all; empty for one that is damaged.
    """

    def __init__(self, index: int, offset: int, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy
        self.index = index
        self.offset = offset
        self.reason = reason


def walk(path: Path, offset: int = 0, index: int = 0) -> Iterator[Frame]:
    """The records of a file from `offset` on, by their headers alone; payloads are not read.

    Raises `DamageError` if a length is corrupt or a record is cut off, `OSError` if the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb", buffering=0) as file:
        while offset < size:
            found = _frame_at(file, index, offset, size)
            yield found
            index, offset = index + 1, found.end


def _frame_at(file: BinaryIO, index: int, offset: int, size: int) -> Frame:
    file.seek(offset)
    return frame_of(file.read(HEADER_BYTES), index, offset, size)


def frame_of(header: bytes, index: int, offset: int, size: int) -> Frame:
    """The place of record `index`, from the bytes read at `offset` of a file of `size` bytes.

    Raises `DamageError` if its length is corrupt or the record is cut off.
    """
    if len(header) < HEADER_BYTES:
        raise DamageError(index, offset, f"the file ends after {len(header)} of a record header's {HEADER_BYTES} bytes")
    length, crc = struct.unpack("<QI", header)
    if masked_crc32c(header[:8]) != crc:
        if offset == 0 and (found := _other_format(header)) is not None:
            what, remedy = found
            raise DamageError(index, offset, f"the file is {what}, not a TFRecord file", remedy)
        raise DamageError(index, offset, "its length is corrupt (checksum)")
    missing = offset + OVERHEAD_BYTES + length - size
    if missing > 0:
        raise DamageError(index, offset, f"the file is cut off: {missing} bytes of the record are missing")
    return Frame(index, offset, length)


def _other_format(header: bytes) -> tuple[str, str] | None:
    """What a file that does not begin with a record is instead, and what to do; None if that is unknown."""
    for starts, what, remedy in _OTHER_FORMATS:
        if header.startswith(starts):
            return what, remedy
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in header):
        return "a text file", "Leave it out: name the shards alone."
    return None


def payload(path: Path, where: Frame) -> bytes:
    """The bytes of one record. Raises `DamageError` if its checksum does not match."""
    with path.open("rb") as file:
        file.seek(where.offset + HEADER_BYTES)
        data = file.read(where.length)
        (crc,) = struct.unpack("<I", file.read(FOOTER_BYTES))
    if masked_crc32c(data) != crc:
        raise DamageError(where.index, where.offset, "its data is corrupt (checksum)")
    return data
