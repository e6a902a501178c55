"""Windows, decoding of what ImageNet really holds, resizing and flipping."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.data import decode
from tests.support.data_files import encoded

SIDES = st.integers(1, 3000)
FORMS = [
    ("JPEG", "RGB"),
    ("JPEG", "L"),
    ("JPEG", "CMYK"),
    ("PNG", "RGB"),
    ("PNG", "RGBA"),
    ("PNG", "L"),
    ("PNG", "P"),
    ("GIF", "P"),
    ("BMP", "RGB"),
    ("WEBP", "RGB"),
]


def _fixed(y: int, x: int, height: int, width: int) -> decode.Window:
    return lambda _: tf.constant([y, x, height, width])


@settings(max_examples=60, deadline=None)
@given(height=SIDES, width=SIDES, noise=st.integers(0, 2**32 - 1), area=st.floats(0.01, 1))
def test_a_random_window_lies_inside_the_image(height: int, width: int, noise: int, area: float) -> None:
    window = decode.random_window(tf.constant([height, width, 3]), tf.constant(noise, tf.int64), 0, area).numpy()
    y, x, window_height, window_width = window
    assert min(y, x) >= 0
    assert min(window_height, window_width) >= 1
    assert y + window_height <= height
    assert x + window_width <= width


def test_random_windows_keep_to_the_area_and_ratio_asked_for() -> None:
    shape = tf.constant([375, 500, 3])
    windows = np.stack([decode.random_window(shape, tf.constant(n, tf.int64), 1, 0.08).numpy() for n in range(300)])
    area = windows[:, 2] * windows[:, 3] / (375 * 500)
    ratio = windows[:, 3] / windows[:, 2]
    assert 0.07 < area.min() < 0.15
    assert 0.85 < area.max() <= 1
    assert ratio.min() == pytest.approx(3 / 4, rel=0.05)
    assert ratio.max() == pytest.approx(4 / 3, rel=0.05)


def test_noise_and_seed_decide_the_window() -> None:
    shape = tf.constant([375, 500, 3])

    def window(noise: int, seed: int) -> list[int]:
        return list(decode.random_window(shape, tf.constant(noise, tf.int64), seed, 0.08).numpy())

    assert window(5, 1) == window(5, 1)
    assert window(5, 1) != window(6, 1)
    assert window(5, 1) != window(5, 2)


@settings(max_examples=60, deadline=None)
@given(height=SIDES, width=SIDES, size=st.tuples(st.integers(8, 300), st.integers(8, 300)))
def test_the_centre_window_is_centred_and_inside(height: int, width: int, size: tuple[int, int]) -> None:
    y, x, window_height, window_width = decode.centre_window(tf.constant([height, width, 3]), size).numpy()
    assert 1 <= window_height <= height
    assert 1 <= window_width <= width
    assert abs(2 * y + window_height - height) <= 1
    assert abs(2 * x + window_width - width) <= 1


def test_the_centre_window_is_seven_eighths_of_the_shorter_side() -> None:
    window = decode.centre_window(tf.constant([400, 600, 3]), (224, 224)).numpy()
    assert list(window) == [25, 125, 350, 350]


def test_evaluation_equals_resizing_the_whole_image_and_taking_its_centre() -> None:
    image = encoded(size=(480, 320))
    whole = decode.decode_whole(tf.constant(image), 3)
    reference = tf.image.resize(whole, (256, 384))[16:240, 80:304]
    window = decode.centre_window(tf.shape(whole), (224, 224))
    ours = decode.resize(decode.decode_window(tf.constant(image), lambda _: window, decode.Decoder(3)), (224, 224))
    assert np.abs(ours.numpy()[8:-8, 8:-8].astype(float) - reference.numpy()[8:-8, 8:-8]).max() <= 3


@pytest.mark.parametrize("method", ["fused", "full"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("form", "mode"), FORMS)
def test_every_kind_of_image_file_is_decoded(
    form: str, mode: str, channels: Literal[1, 3], method: Literal["fused", "full"]
) -> None:
    data = encoded(form, size=(96, 80), mode=mode)
    reference = encoded("PNG", size=(96, 80), mode="L" if mode == "L" or channels == 1 else "RGB")
    expected = tf.io.decode_png(reference, channels=channels).numpy()[10:60, 20:90]
    decoder = decode.Decoder(channels, method)
    found = decode.decode_window(tf.constant(data), _fixed(10, 20, 50, 70), decoder).numpy()
    assert (found.shape, found.dtype) == ((50, 70, channels), np.uint8)
    assert np.abs(found.astype(float) - expected).mean() < (40 if mode == "P" else 8)  # palettes are coarse


def test_fused_and_full_decoding_give_the_same_pixels() -> None:
    data = tf.constant(encoded(size=(200, 160)))
    window = _fixed(33, 51, 64, 80)
    fused, full = (decode.decode_window(data, window, decode.Decoder(3, m)).numpy() for m in ("fused", "full"))
    # libjpeg upscales chroma without the rows that it skipped above the window
    assert np.abs(fused.astype(int) - full.astype(int))[4:].max() <= 3


@pytest.mark.parametrize("other", [{"dct_method": "INTEGER_FAST"}, {"fancy_upscaling": False}])
def test_the_quick_decoding_options_reach_the_decoder(other: dict[str, Any]) -> None:
    random = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = tf.io.encode_jpeg(random, quality=60)
    exact, quick = (
        decode.decode_window(data, _fixed(0, 0, 64, 64), decode.Decoder(3, **options)).numpy()
        for options in ({}, other)
    )
    assert not np.array_equal(exact, quick)


def test_a_damaged_image_fails_when_decoded_whole() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode.decode_whole(tf.constant(encoded(size=(200, 200))[:-1500]), 3)


def test_resize_is_tensorflows_bilinear_rounded() -> None:
    image = tf.constant(np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8))
    expected = np.floor(tf.image.resize(image, (32, 40)).numpy() + 0.5)
    found = decode.resize(image, (32, 40))
    assert found.dtype == tf.uint8
    assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_odd_noise_mirrors_and_even_does_not(channels: int) -> None:
    image = tf.constant(np.random.default_rng(0).integers(0, 256, (8, 6, channels), np.uint8))
    assert np.array_equal(decode.flip(image, tf.constant(2, tf.int64)), image)
    assert np.array_equal(decode.flip(image, tf.constant(3, tf.int64)), image[:, ::-1])
