"""Encoded images without TensorFlow: which file formats are read, an image's header, and whether it decodes.

The one place that says what is an image: for the walk over folders, for `data make` and for `data check`. TensorFlow's
side, in the pipeline, is `decode.py`. Uses Pillow.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

DECODABLE = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp"})
"""Suffixes of image files that TensorFlow decodes; the content, not the suffix, selects the decoder."""

UNDECODABLE = frozenset({".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".psd", ".ppm", ".pgm", ".svg"})
"""Suffixes of image files that TensorFlow does not decode."""

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601 weights of red, green and blue, which JPEG's own greyscale uses."""


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an encoded image says: size in pixels, format ("JPEG"), mode ("RGB") and channels."""

    width: int
    height: int
    form: str
    mode: str
    channels: int


def read_header(encoded: bytes) -> ImageHeader | None:
    """The header alone, nothing decoded; None for bytes that are no image."""
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            return ImageHeader(image.width, image.height, image.format or "", image.mode, len(image.getbands()))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def decoding_problem(encoded: bytes) -> str | None:
    """Why the image cannot be decoded completely; None if it can."""
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image.load()
    except Exception as error:  # Pillow's decoders raise many classes
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        return "no image format is recognised" if "cannot identify" in first else first
    return None
