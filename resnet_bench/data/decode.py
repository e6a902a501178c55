"""From encoded bytes to a uint8 image of the network's size: which window, decoding it, resizing, flipping.

The one choice of a decoder, for the pipeline, `predict` and `diagnose`. Each function is one step of the map that
`pipeline` builds and is traced into it. ImageNet is not all plain RGB JPEG: it holds greyscale and CMYK JPEGs and a PNG
named .JPEG. The first bytes decide: JPEG takes the fused path, everything else is decoded completely. Fused decoding
stops at the last row of the window, so damage below it goes unnoticed, and its first rows may differ from a full decode
by chroma upscaling. EXIF orientation is not applied. Neighbour: `encoded_image` is the side without TensorFlow, which
says in words why an image is refused here. Imports TensorFlow: workers only.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf

from resnet_bench.data.datasets.augment import ASPECT_RATIOS

EVAL_SHARE = 0.875
_CROP_ATTEMPTS = 10
_JPEG_START = b"\xff\xd8\xff"
_CMYK_COMPONENTS = 4
_MASKS = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
_PALETTE = 256
_WEBP_ANIMATION = 0x02

Window = Callable[[Any], Any]


@dataclass(frozen=True)
class Decoder:
    """How images are decoded: `config.DataConfig`'s fields of these names, and the network's channels."""

    channels: Literal[1, 3]
    method: Literal["fused", "full"] = "fused"
    dct_method: str = "INTEGER_ACCURATE"
    fancy_upscaling: bool = True


def random_window(shape: Any, noise: Any, seed: int, area_min: float) -> Any:
    """The standard random-resized-crop: (y, x, height, width), int32, inside an image of `shape`.

    Area uniform in `area_min`..1 of the image, aspect ratio in 3/4..4/3, the whole image where ten
    attempts find none that fits (Szegedy et al. 2015, "Going deeper with convolutions", and TensorFlow's
    `sample_distorted_bounding_box`). shape: int32 [3]. noise: an int64 scalar, different for every
    image; the same noise and seed give the same window.
    """
    begin, size, _ = tf.raw_ops.StatelessSampleDistortedBoundingBox(
        image_size=shape,
        bounding_boxes=tf.zeros([1, 0, 4]),
        seed=tf.stack([tf.constant(seed, tf.int64), noise]),
        min_object_covered=0.0,
        aspect_ratio_range=ASPECT_RATIOS,
        area_range=(area_min, 1.0),
        max_attempts=_CROP_ATTEMPTS,
        use_image_if_no_bounding_boxes=True,
    )
    return tf.concat([begin[:2], size[:2]], 0)


def centre_window(shape: Any, size: tuple[int, int]) -> Any:
    """The window that evaluation sees: (y, x, height, width), int32.

    Resizing an image until it just covers `size` / 0.875 and taking the centre of `size` is the same as
    resizing this window of the original, and needs no pixel outside it.
    """
    height, width = tf.unstack(tf.cast(shape[:2], tf.float32))
    scale = tf.maximum(size[0] / height, size[1] / width) / EVAL_SHARE
    window = tf.maximum(tf.cast(tf.round(tf.stack([size[0] / scale, size[1] / scale])), tf.int32), 1)
    window = tf.minimum(window, shape[:2])
    return tf.concat([(shape[:2] - window) // 2, window], 0)


def decode_window(encoded: Any, window: Window, decoder: Decoder) -> Any:
    """The pixels inside a window of an encoded image: uint8 [height, width, channels].

    encoded: string scalar. window: from the image's shape (int32 [3]) to (y, x, height, width).
    """

    def jpeg() -> Any:
        shape = tf.io.extract_jpeg_shape(encoded)
        return _decode_jpeg(encoded, shape, window(shape), decoder)

    def other() -> Any:
        image = _decode_any(encoded, decoder.channels)
        return _slice(image, window(tf.shape(image)))

    image = tf.cond(tf.equal(tf.strings.substr(encoded, 0, 3), _JPEG_START), jpeg, other)
    image.set_shape([None, None, decoder.channels])
    return image


def decode_whole(encoded: Any, channels: int) -> Any:
    """All pixels of an encoded image, uint8 [height, width, channels]; fails if any part is damaged."""
    decoder = Decoder(channels=1 if channels == 1 else 3, method="full")
    return decode_window(encoded, lambda shape: tf.concat([[0, 0], shape[:2]], 0), decoder)


def reason_of(failure: Exception) -> str:
    """What TensorFlow says about an image that it cannot decode, without the names of its operations."""
    message = getattr(failure, "message", str(failure))
    return str(message).split("\n")[0].split("}} ")[-1].split(" [Op:")[0].strip().rstrip(".")


def _decode_jpeg(encoded: Any, shape: Any, window: Any, decoder: Decoder) -> Any:
    options = {"dct_method": decoder.dct_method, "fancy_upscaling": decoder.fancy_upscaling}

    def pixels(channels: int) -> Any:
        if decoder.method == "fused":
            return tf.io.decode_and_crop_jpeg(encoded, window, channels=channels, **options)
        return _slice(tf.io.decode_jpeg(encoded, channels=channels, **options), window)

    if decoder.channels == 3:
        return pixels(3)  # libjpeg and TensorFlow convert greyscale, YCCK and CMYK
    # from CMYK to grey there is no conversion in libjpeg
    return tf.cond(tf.equal(shape[2], _CMYK_COMPONENTS), lambda: _grey(pixels(3)), lambda: pixels(1))


def _decode_any(encoded: Any, channels: int) -> Any:
    """PNG, GIF, BMP or WebP (of a GIF animation the first frame), without alpha; BMP, GIF and WebP decode to no single
    channel. Other formats that TensorFlow may know are refused, as `encoded_image.image_problem` does."""

    def other() -> Any:
        known = _starts_with(encoded, b"\x89PNG") | _starts_with(encoded, b"GIF8")
        with tf.control_dependencies([tf.debugging.Assert(known, ["the image is of no format that is read"])]):
            return tf.io.decode_image(tf.identity(encoded), channels=3, expand_animations=False)

    image = tf.case(
        [
            (_starts_with(encoded, b"BM"), lambda: _decode_bmp(encoded)),
            (_starts_with(encoded, b"RIFF"), lambda: _decode_webp(encoded)),
        ],
        default=other,
    )
    image.set_shape([None, None, 3])
    return image if channels == 3 else _grey(image)


def _decode_bmp(encoded: Any) -> Any:
    """A BMP, with its palette applied: `decode_bmp` would give the palette's indices as grey."""
    bits = tf.io.decode_raw(tf.strings.substr(encoded, 28, 2), tf.uint8)[0]
    compression = _little_endian(encoded, 30)
    plain = tf.equal(compression, 0) | (tf.equal(compression, 3) & tf.equal(tf.strings.substr(encoded, 54, 12), _MASKS))
    with tf.control_dependencies([tf.debugging.Assert(plain, ["the BMP image is compressed"])]):
        image = tf.io.decode_bmp(tf.identity(encoded), channels=3)

    def coloured() -> Any:
        header_bytes, offset = _little_endian(encoded, 14), _little_endian(encoded, 10)
        colours = tf.io.decode_raw(tf.strings.substr(encoded, 14 + header_bytes, offset - 14 - header_bytes), tf.uint8)
        palette = tf.concat([colours, tf.zeros([_PALETTE * 4], tf.uint8)], 0)[: _PALETTE * 4]
        return tf.gather(tf.reshape(palette, [_PALETTE, 4])[:, 2::-1], tf.cast(image[:, :, 0], tf.int32))

    return tf.cond(tf.equal(bits, 8), coloured, lambda: image)


def _decode_webp(encoded: Any) -> Any:
    """A still WebP. An animation is refused before it reaches the decoder, which would end the process."""
    extended = tf.equal(tf.strings.substr(encoded, 12, 4), b"VP8X")
    flags = tf.io.decode_raw(tf.strings.substr(encoded, 20, 1), tf.uint8)[0]
    animated = extended & tf.not_equal(tf.bitwise.bitwise_and(flags, _WEBP_ANIMATION), 0)
    with tf.control_dependencies([tf.debugging.Assert(~animated, ["the WebP image is animated"])]):
        image = tf.io.decode_image(tf.identity(encoded), expand_animations=False)
    image.set_shape([None, None, None])
    return image[:, :, :3]


def _starts_with(encoded: Any, start: bytes) -> Any:
    return tf.equal(tf.strings.substr(encoded, 0, len(start)), start)


def _little_endian(encoded: Any, position: int) -> Any:
    """The 32-bit number at a byte position, int32 scalar."""
    return tf.io.decode_raw(tf.strings.substr(encoded, position, 4), tf.int32, little_endian=True)[0]


def _grey(image: Any) -> Any:
    return tf.image.rgb_to_grayscale(image)


def _slice(image: Any, window: Any) -> Any:
    return tf.slice(image, tf.concat([window[:2], [0]], 0), tf.concat([window[2:], [-1]], 0))


def resize(image: Any, size: tuple[int, int]) -> Any:
    """A uint8 [height, width, channels] image resized bilinearly to `size`, rounded to uint8.

    Half-pixel centres and no antialiasing, as `tf.image.resize` does by default. Reading uint8 directly makes it fast.
    Adding a half before the cast rounds; a bare cast would darken every image by 0.4 levels on average.
    """
    floats = tf.raw_ops.ResizeBilinear(images=image[tf.newaxis], size=size, half_pixel_centers=True)
    return tf.cast(floats[0] + 0.5, tf.uint8)


def flip(image: Any, noise: Any) -> Any:
    """The image mirrored left to right for every odd `noise` (int64 scalar): half of all.

    A branch does not touch the other half: reversing no dimension would still copy it, 3 % of the pipeline's time.
    """
    mirrored = lambda: tf.raw_ops.Reverse(tensor=image, dims=[False, True, False])  # noqa: E731
    return tf.cond(tf.equal(noise % 2, 1), mirrored, lambda: image)


def flip_batch(images: Any, noise: Any) -> Any:
    """The same for a whole batch: uint8 [batch, height, width, channels], `noise` int64 [batch]."""
    odd = tf.equal(noise % 2, 1)[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return tf.where(odd, tf.reverse(images, [2]), images)
