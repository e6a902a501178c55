"""Encoded images without TensorFlow: which formats the pipeline reads, an image's header, and what is wrong with it.

The one answer to "can the pipeline read this image?" (`image_problem`), for the walk over folders, `data make`,
`data check`, `predict` and the explanation of a failed run. `decode.py` is TensorFlow's side and refuses the same
images; `image_format` tells formats by their first bytes. Uses Pillow.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from resnet_bench.data.image_format import (
    GIF_END,
    READABLE,
    READABLE_WORDS,
    image_format,
    looks_like,
    png_damage,
    variant_problem,
    without_text,
)

DECODABLE = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp"})
"""Suffixes of image files that are read; the content, not the suffix, selects the decoder."""

UNDECODABLE = frozenset(
    {".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".ico", ".psd", ".ppm", ".pgm", ".svg"}
)
"""Suffixes of image files in formats that are not read; a JPEG of such a name is still read."""

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601 weights of red, green and blue, which JPEG's own greyscale uses."""

MOST_SAMPLES = 1 << 29
"""Pixels times channels from which on TensorFlow's decoders refuse an image
(`tensorflow/core/kernels/image/decode_image_op.cc`)."""

_SIXTEENTH = 16


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an encoded image says: size in pixels, format ("JPEG"), mode ("RGB") and channels."""

    width: int
    height: int
    form: str
    mode: str
    channels: int


def read_header(encoded: bytes) -> ImageHeader | None:
    """The header alone, nothing decoded; None for bytes that are no image of a readable format."""
    form = image_format(encoded)
    if form is None or form not in READABLE:
        return None
    try:
        with _open(encoded, form) as image:
            return ImageHeader(image.width, image.height, form.upper(), image.mode, len(image.getbands()))
    except Exception:  # Pillow's decoders raise many classes
        return None


def format_problem(encoded: bytes) -> str | None:
    """Why an image with this beginning (256 bytes are enough) is of no format that is read; None if it is."""
    form = image_format(encoded)
    if form in READABLE:
        return None
    what = looks_like(encoded) if form is None else f"its format is {form}"
    return f"{what}; {READABLE_WORDS} are read"


def image_problem(encoded: bytes) -> str | None:
    """Why the pipeline cannot read the whole image, as the end of a sentence about it; None if it can.

    Decodes it completely (a JPEG at an eighth of its size, which reads all of its data).
    """
    form = image_format(encoded)
    if form is None or form not in READABLE:
        return format_problem(encoded)
    problem = variant_problem(encoded, form)
    if problem is not None:
        return problem
    try:
        with _open(encoded, form) as image:
            if image.width * image.height * 3 >= MOST_SAMPLES:
                return f"its {image.width:,} x {image.height:,} pixels are more than TensorFlow decodes"
            damage = _damage(image, encoded, form)
            return None if damage is None else f"the {form} image is damaged or cut off ({damage})"
    except Exception as error:  # Pillow's decoders raise many classes
        return f"the {form} image is damaged or cut off ({_reason(error)})"


def _damage(image: Any, encoded: bytes, form: str) -> str | None:
    """What Pillow overlooks while it decodes the whole image, which raises for most damage; None if it is sound."""
    if form == "JPEG":
        image.draft(image.mode, (max(1, image.width // _SIXTEENTH), max(1, image.height // _SIXTEENTH)))
    image.load()
    if form == "PNG":
        return png_damage(encoded)
    if form != "GIF":
        return None
    colours = len(image.palette.palette) // 3 if image.mode == "P" and image.palette else None
    if colours is not None and image.getextrema()[1] >= colours:
        return "a pixel is outside the palette"
    for frame in range(1, image.n_frames):  # TensorFlow reads all, though it uses the first
        image.seek(frame)
        image.load()
    return None if GIF_END in encoded else "the end is missing"


def _open(encoded: bytes, form: str) -> Any:
    """Pillow's image of a known format. Not by `Image.open`, whose limit on pixels is another than TensorFlow's."""
    from PIL import BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    plugins: dict[str, Any] = {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
    }
    return plugins[form](io.BytesIO(without_text(encoded) if form == "PNG" else encoded))


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
