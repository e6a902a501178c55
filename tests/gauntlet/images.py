"""Encoded images of every kind that people bring: those that are read, and those that are refused with a reason.

`READ` and `REFUSED` hold functions, so that nothing is encoded before it is needed. Uses Pillow, no TensorFlow.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

WIDTH, HEIGHT = 64, 48
Make = Callable[[], bytes]


def pixels(width: int = WIDTH, height: int = HEIGHT, channels: int = 3, seed: int = 0) -> Any:
    """A smooth gradient with noise: uint8 [height, width, channels]."""
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, channels))
    ramp = np.linspace(20, 230, width)[np.newaxis, :, np.newaxis]
    return np.clip(ramp + noise, 0, 255).astype(np.uint8)


def picture(width: int = WIDTH, height: int = HEIGHT, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """The same as Pillow's image of a mode."""
    return Image.fromarray(pixels(width, height, seed=seed)).convert(mode)


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def jpeg(width: int = WIDTH, height: int = HEIGHT, seed: int = 0, **options: Any) -> bytes:
    """A plain JPEG."""
    return encode(picture(width, height, seed=seed), "JPEG", **options)


def of(form: str, mode: str = "RGB", **options: Any) -> Make:
    """A function that encodes the picture."""
    return lambda: encode(picture(mode=mode), form, **options)


def _palette(form: str, colours: int = 16) -> Make:
    return lambda: encode(picture().quantize(colours), form)


def _with_alpha(form: str, **options: Any) -> Make:
    def make() -> bytes:
        image = picture()
        image.putalpha(128)
        return encode(image, form, **options)

    return make


def _animated(form: str, second: tuple[int, int] = (WIDTH, HEIGHT)) -> Make:
    def make() -> bytes:
        frames = [picture(), picture(*second, seed=1)]
        if form == "GIF":
            frames = [frame.quantize(32) for frame in frames]
        return encode(frames[0], form, save_all=True, append_images=frames[1:], duration=50)

    return make


def _png16(channels: int) -> bytes:
    rows = (pixels(channels=channels).astype(np.uint16) * 257).astype(">u2")
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2 if channels == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_with_large_text() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 3_000_000, zip=True)
    return encode(picture(), "PNG", pnginfo=text)


def _exif(orientation: int) -> Make:
    def make() -> bytes:
        exif = Image.Exif()
        exif[0x0112] = orientation
        return encode(picture(96, 48), "JPEG", exif=exif)

    return make


def _damaged_exif() -> bytes:
    whole, segment = jpeg(), b"Exif\0\0" + b"\xff" * 300
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + whole[2:]


def _adobe_rgb() -> bytes:
    """Three components that are red, green and blue: the Adobe segment says that nothing is to be converted."""
    whole = encode(picture(), "JPEG", subsampling=0)
    (length,) = struct.unpack(">H", whole[4:6])
    adobe = b"\xff\xee" + struct.pack(">H", 14) + b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0)
    return whole[:2] + adobe + whole[4 + length :]


def _frame(change: Callable[[bytearray, int], None]) -> Make:
    """A JPEG whose start-of-frame segment is changed."""

    def make() -> bytes:
        data = bytearray(jpeg())
        change(data, data.find(b"\xff\xc0"))
        return bytes(data)

    return make


def _marker(value: int) -> Make:
    def change(data: bytearray, at: int) -> None:
        data[at + 1] = value

    return _frame(change)


def _twelve_bits(data: bytearray, at: int) -> None:
    data[at + 4] = 12


def _no_size(data: bytearray, at: int) -> None:
    data[at + 5 : at + 9] = bytes(4)


def _cut(make: Make, share: float) -> Make:
    def cut() -> bytes:
        whole = make()
        return whole[: int(len(whole) * share)]

    return cut


def _flipped(make: Make, share: float) -> Make:
    def flipped() -> bytes:
        data = bytearray(make())
        data[int(len(data) * share)] ^= 0xFF
        return bytes(data)

    return flipped


def _box(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"mif1" + bytes(200)


def _os2_bmp() -> bytes:
    core = struct.pack("<IHHHH", 12, 4, 4, 1, 24)
    return b"BM" + struct.pack("<IHHI", 26 + 48, 0, 0, 26) + core + bytes(48)


READ: dict[str, Make] = {
    "jpeg": jpeg,
    "jpeg_grey": of("JPEG", "L"),
    "jpeg_cmyk": of("JPEG", "CMYK"),
    "jpeg_progressive": of("JPEG", progressive=True),
    "jpeg_subsampled": of("JPEG", subsampling=2),
    "jpeg_adobe_rgb": _adobe_rgb,
    "jpeg_exif_turned": _exif(6),
    "jpeg_exif_mirrored": _exif(2),
    "jpeg_exif_damaged": _damaged_exif,
    "jpeg_with_trailing_bytes": lambda: jpeg() + bytes(1000),
    "jpeg_twice": lambda: jpeg() + jpeg(seed=3),
    "jpeg_mpo": lambda: encode(picture(), "MPO", save_all=True, append_images=[picture(seed=2)]),
    "jpeg_1x1": lambda: jpeg(1, 1),
    "jpeg_thin": lambda: jpeg(1, 3000),
    "jpeg_wide": lambda: jpeg(4000, 2),
    "png": of("PNG"),
    "png_grey": of("PNG", "L"),
    "png_alpha": _with_alpha("PNG"),
    "png_grey_alpha": lambda: encode(picture(mode="LA"), "PNG"),
    "png_palette": _palette("PNG"),
    "png_1_bit": of("PNG", "1"),
    "png_16_bit": lambda: _png16(3),
    "png_16_bit_grey": lambda: _png16(1),
    "png_large_text": _png_with_large_text,
    "png_1x1": lambda: encode(picture(1, 1), "PNG"),
    "gif": _palette("GIF"),
    "gif_animated": _animated("GIF"),
    "gif_smaller_frame": _animated("GIF", (20, 20)),
    "webp": of("WEBP"),
    "webp_lossless": of("WEBP", lossless=True),
    "webp_alpha": _with_alpha("WEBP", lossless=True),
    "webp_lossy_alpha": _with_alpha("WEBP"),
    "bmp": of("BMP"),
    "bmp_palette": _palette("BMP"),
    "bmp_palette_256": _palette("BMP", 256),
    "bmp_grey": of("BMP", "L"),
    "bmp_32_bit": _with_alpha("BMP"),
}
"""What every command reads."""

REFUSED: dict[str, tuple[Make, str]] = {
    "tiff": (of("TIFF"), "TIFF"),
    "avif": (lambda: _box(b"avif"), "AVIF"),
    "heic": (lambda: _box(b"heic"), "HEIC"),
    "jpeg_2000": (lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200), "JPEG 2000"),
    "jpeg_xl": (lambda: b"\xff\x0a" + bytes(200), "JPEG XL"),
    "jpeg_xl_container": (lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(200), "JPEG XL"),
    "ico": (of("ICO"), "ICO"),
    "ppm": (of("PPM"), "PPM"),
    "psd": (lambda: b"8BPS\0\1" + bytes(200), "Photoshop"),
    "svg": (lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "pdf": (lambda: b"%PDF-1.7\n" + bytes(100), "PDF"),
    "webp_animated": (_animated("WEBP"), "animated WebP"),
    "bmp_1_bit": (of("BMP", "1"), "1 bits per pixel"),
    "bmp_os2": (_os2_bmp, "OS/2"),
    "bmp_cut": (_cut(of("BMP"), 0.5), "BMP"),
    "jpeg_lossless": (_marker(0xC3), "lossless JPEG"),
    "jpeg_hierarchical": (_marker(0xC5), "hierarchical JPEG"),
    "jpeg_12_bit": (_frame(_twelve_bits), "12 bits"),
    "jpeg_without_size": (_frame(_no_size), "JPEG"),
    "jpeg_half": (_cut(lambda: jpeg(200, 150), 0.5), "damaged or cut off"),
    "jpeg_header_only": (_cut(jpeg, 0.1), "damaged or cut off"),
    "jpeg_base64": (lambda: base64.b64encode(jpeg()), "base64"),
    "jpeg_as_text": (lambda: repr(jpeg()).encode(), "text of a Python bytes object"),
    "png_half": (_cut(of("PNG"), 0.5), "damaged or cut off"),
    "png_changed_byte": (_flipped(of("PNG"), 0.5), "damaged or cut off"),
    "png_base64": (lambda: base64.b64encode(of("PNG")()), "base64"),
    "gif_half": (_cut(_palette("GIF"), 0.5), "damaged or cut off"),
    "webp_half": (_cut(of("WEBP"), 0.5), "damaged or cut off"),
    "lfs_pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64, "git lfs pull"),
    "web_page": (lambda: b"<!DOCTYPE html><html><body>Quota exceeded</body></html>", "a web page"),
    "zip": (lambda: b"PK\x03\x04" + bytes(100), "ZIP"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(100), "gzip"),
    "zeros": (lambda: bytes(4096), "begins with zeros"),
    "empty": (lambda: b"", "is empty"),
    "text": (lambda: b"not an image at all, but some words", "not an image"),
}
"""What no command reads, each with words of the reason that every command gives."""
