"""The format of an encoded image by its first bytes, and the variants of readable formats that are not read. Pure.

Neighbours: `encoded_image` answers whether an image can be read, `decode` decodes in TensorFlow's graph.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

READABLE = ("JPEG", "PNG", "GIF", "BMP", "WebP")
GIF_END = b"\0;"
"""The end of the last block, and the trailer."""

READABLE_WORDS = "JPEG, PNG, GIF, BMP and WebP images"

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\x01\0", "ICO"),
    (b"\0\0\x02\0", "CUR"),
    (b"8BPS", "Photoshop"),
    (b"P5\n", "PGM"),
    (b"P6\n", "PPM"),
    (b"P5 ", "PGM"),
    (b"P6 ", "PPM"),
)
_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"mif1": "HEIC",
    b"msf1": "HEIC",
}
_NO_IMAGE = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself (fetch it with git lfs pull)"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"b'\\xff\\xd8", "the text of a Python bytes object, not the bytes"),
    (b'b"\\xff\\xd8', "the text of a Python bytes object, not the bytes"),
    (b"/9j/", "a JPEG image in base64, not its bytes"),
    (b"iVBORw0KGgo", "a PNG image in base64, not its bytes"),
)

_BGR_MASKS = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
_PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf")
_PNG_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_SOF_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_SOF_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xCD, 0xCE})
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def image_format(encoded: bytes) -> str | None:
    """The name of the format ("JPEG", "TIFF"); None for bytes that are no image of a known one."""
    if encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP":
        return "WebP"
    if encoded[4:8] == b"ftyp":
        return _BRANDS.get(encoded[8:12])
    return next((name for start, name in _STARTS if encoded.startswith(start)), None)


def looks_like(encoded: bytes) -> str:
    """What bytes that are no image are instead, as far as their beginning tells: "it is a web page"."""
    if not encoded:
        return "it is empty"
    head = encoded[:256].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "it is a web page, not an image"
    if b"<svg" in head:
        return "it is an SVG drawing"
    if not any(encoded[:256]):
        return "it begins with zeros and is not an image"
    what = next((words for start, words in _NO_IMAGE if encoded.startswith(start)), None)
    return f"it is {what}" if what is not None else "it is not an image of a known format"


def variant_problem(encoded: bytes, form: str) -> str | None:
    """Why an image of a readable format is of a variant that TensorFlow does not decode; None if it is not."""
    if form == "JPEG":
        return _jpeg_problem(encoded)
    if form == "BMP":
        return _bmp_problem(encoded)
    if form == "WebP" and encoded[12:16] == b"VP8X" and len(encoded) > 20 and encoded[20] & 0x02:
        return "it is an animated WebP image, and only still ones are read"
    return None


def _jpeg_problem(encoded: bytes) -> str | None:
    found = _start_of_frame(encoded)
    if found is None:
        return None  # decoding says what is wrong
    marker, precision = found
    if marker in _SOF_LOSSLESS:
        return "it is a lossless JPEG image, which TensorFlow does not decode"
    if marker in _SOF_HIERARCHICAL:
        return "it is a hierarchical JPEG image, which TensorFlow does not decode"
    if precision != 8:
        return f"it is a JPEG image of {precision} bits per channel, and TensorFlow decodes 8"
    return None


def _start_of_frame(encoded: bytes) -> tuple[int, int] | None:
    """(marker, bits per channel) of the frame; None where the segments end before one."""
    position = 2
    while position + 4 < len(encoded):
        if encoded[position] != 0xFF:
            position += 1
            continue
        marker = encoded[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _STANDALONE or marker == 0:
            position += 2
        elif marker in _SOF:
            return marker, encoded[position + 4]
        else:
            position += 2 + int.from_bytes(encoded[position + 2 : position + 4], "big")
    return None


def _bmp_problem(encoded: bytes) -> str | None:
    if len(encoded) < 34:
        return "the BMP image is cut off in its header"
    (header_bytes,) = struct.unpack_from("<I", encoded, 14)
    if header_bytes < 40:
        return "it is a BMP image with the header of OS/2, which TensorFlow does not decode"
    bits, compression = struct.unpack_from("<HI", encoded, 28)
    if bits not in (8, 24, 32):
        return f"it is a BMP image of {bits} bits per pixel, and TensorFlow decodes 8, 24 and 32"
    if compression not in ((0, 3) if bits == 32 else (0,)) or (compression == 3 and encoded[54:66] != _BGR_MASKS):
        return "it is a compressed BMP image or has channels in an unusual order, which TensorFlow does not decode"
    return None


def png_damage(png: bytes) -> str | None:
    """What is wrong with the chunks of a PNG that decide its pixels; None if they are sound and all there."""
    for kind, chunk in _png_chunks(png):
        if kind in _PNG_CRITICAL and struct.pack(">I", zlib.crc32(chunk[4:-4])) != chunk[-4:]:
            return f"the checksum of chunk {kind.decode()} is wrong"
        if kind == b"IEND":
            return None
    return "the end is missing"


def without_text(png: bytes) -> bytes:
    """A PNG without its texts and profiles, whose size Pillow limits and decoders ignore."""
    chunks = [chunk for kind, chunk in _png_chunks(png) if kind not in _PNG_TEXT]
    return b"".join((png[:8], *chunks))


def _png_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, whole chunk) in order; the last may be cut off."""
    position = 8
    while position + 8 <= len(png):
        (length,) = struct.unpack_from(">I", png, position)
        end = position + 12 + length
        yield png[position + 4 : position + 8], png[position:end]
        position = end
