"""Whether an image can be read: each format and variant, without TensorFlow and by TensorFlow's decoders."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from resnet_bench.data.encoded_image import image_problem, read_header
from tests.support.data_files import encoded


def rewritten(jpeg: bytes, marker: int | None = None, precision: int = 8, height: int | None = None) -> bytes:
    """A JPEG whose start of frame says something else."""
    data = bytearray(jpeg)
    start = data.find(b"\xff\xc0")
    if marker is not None:
        data[start + 1] = marker
    data[start + 4] = precision
    if height is not None:
        data[start + 5 : start + 7] = struct.pack(">H", height)
    return bytes(data)


def bmp(bits: int, compression: int = 0, header_bytes: int = 40) -> bytes:
    """A BMP of 8 x 8 black pixels."""
    header = struct.pack("<IiiHHIIiiII", header_bytes, 8, 8, 1, bits, compression, 0, 1, 1, 0, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + header + bytes(8 * 8 * 4)


def animated(form: str) -> bytes:
    frames = [Image.fromarray(np.full((8, 8, 3), 80 * n, np.uint8)) for n in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, form, save_all=True, append_images=frames[1:], duration=50)
    return buffer.getvalue()


def png_with_long_text() -> bytes:
    from PIL import PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 3_000_000, zip=True)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), 128).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


READ = {
    "JPEG": encoded(),
    "grey JPEG": encoded(mode="L"),
    "CMYK JPEG": encoded(mode="CMYK"),
    "JPEG with bytes after its end": encoded() + bytes(100),
    "PNG": encoded("PNG"),
    "PNG with alpha": encoded("PNG", mode="RGBA"),
    "PNG with a palette": encoded("PNG", mode="P"),
    "1-bit PNG": encoded("PNG", mode="1"),
    "PNG with a long text": png_with_long_text(),
    "GIF": encoded("GIF", mode="P"),
    "animated GIF": animated("GIF"),
    "BMP": encoded("BMP"),
    "BMP with a palette": encoded("BMP", mode="P"),
    "grey BMP": encoded("BMP", mode="L"),
    "32-bit BMP": bmp(32),
    "WebP": encoded("WEBP"),
    "WebP with alpha": encoded("WEBP", mode="RGBA"),
}
REFUSED = {
    "TIFF": (encoded("TIFF"), "its format is TIFF"),
    "AVIF": (b"\0\0\0\x20ftypavif" + bytes(30), "its format is AVIF"),
    "HEIC": (b"\0\0\0\x20ftypheic" + bytes(30), "its format is HEIC"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(30), "its format is JPEG 2000"),
    "JPEG XL": (b"\xff\x0a" + bytes(30), "its format is JPEG XL"),
    "ICO": (encoded("ICO"), "its format is ICO"),
    "PPM": (encoded("PPM"), "its format is PPM"),
    "12-bit JPEG": (rewritten(encoded(), precision=12), "12 bits per channel"),
    "lossless JPEG": (rewritten(encoded(), marker=0xC3), "lossless JPEG"),
    "cut JPEG": (encoded(size=(200, 150))[:1500], "JPEG image is damaged or cut off"),
    "cut PNG": (encoded("PNG")[:100], "PNG image is damaged or cut off"),
    "JPEG of no size": (rewritten(encoded(), height=0), "JPEG image is damaged or cut off"),
    "1-bit BMP": (encoded("BMP", mode="1"), "1 bits per pixel"),
    "compressed BMP": (bmp(8, compression=1), "compressed BMP"),
    "OS/2 BMP": (bmp(24, header_bytes=12), "header of OS/2"),
    "animated WebP": (animated("WEBP"), "animated WebP"),
    "nothing": (b"", "it is empty"),
    "Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
    "web page": (b"<!DOCTYPE html><html>", "web page"),
    "zeros": (bytes(500), "begins with zeros"),
    "base64": (b"/9j/4AAQSkZJRgABAQ", "base64"),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name: str) -> None:
    assert image_problem(READ[name]) is None
    header = read_header(READ[name])
    assert header is not None
    assert header.form in ("JPEG", "PNG", "GIF", "BMP", "WEBP")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named(name: str) -> None:
    content, words = REFUSED[name]
    assert words in (image_problem(content) or "")


def test_an_image_of_more_pixels_than_tensorflow_decodes_is_refused() -> None:
    image = io.BytesIO()
    Image.new("1", (30000, 10000)).save(image, "PNG")
    assert "30,000 x 10,000 pixels" in (image_problem(image.getvalue()) or "")


@pytest.mark.parametrize("name", [*READ, *REFUSED])
def test_tensorflow_reads_and_refuses_the_same_images(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    from resnet_bench.data import decode

    # traced, as the pipeline does
    decoded = tf.function(
        lambda content: decode.decode_whole(content, 3), input_signature=[tf.TensorSpec([], tf.string)]
    )
    if name in READ:
        assert decoded(READ[name]).shape[-1] == 3
    else:
        with pytest.raises(tf.errors.OpError):
            decoded(REFUSED[name][0])


def _pixels(content: bytes) -> Any:
    from resnet_bench.data import decode

    return decode.decode_whole(content, 3).numpy()


@pytest.mark.parametrize("mode", ["P", "L"])
def test_a_bmp_with_a_palette_gives_the_colours_of_the_png(mode: str) -> None:
    pytest.importorskip("tensorflow")
    image: Image.Image = Image.open(io.BytesIO(encoded("PNG", mode="P")))
    if mode == "L":  # a grey image whose palette counts downwards
        image = Image.frombytes("P", image.size, image.convert("L").tobytes())
        image.putpalette([255 - level for level in range(256) for _ in range(3)])
    files = {}
    for form in ("BMP", "PNG"):
        buffer = io.BytesIO()
        image.save(buffer, form)
        files[form] = _pixels(buffer.getvalue())
    assert np.array_equal(files["BMP"], files["PNG"])


def test_orientation_in_exif_is_not_applied() -> None:
    pytest.importorskip("tensorflow")
    image = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 48, axis=1).repeat(48, axis=0)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    pixels = _pixels(buffer.getvalue())
    assert pixels.shape == (48, 96, 3)
    assert pixels[:, :40].mean() < 10
    assert pixels[:, 56:].mean() > 245
