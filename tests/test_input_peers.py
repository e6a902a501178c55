"""What makes the input peers comparable: the same images, the same windows, a reference that is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.peers.images import AREA, Span, centre_window, difference, random_window, reference, spans_of
from benchmarks.test_input_peers import PEERS, installed
from tests.support.data_files import encoded, example, write_shard


def test_spans_are_the_encoded_images_themselves(tmp_path: Path) -> None:
    images = [encoded(seed=seed) for seed in range(3)]
    write_shard(tmp_path / "train-0", [example(image, 1) for image in images[:2]])
    write_shard(tmp_path / "train-1", [example(images[2], 1)])
    assert [span.read() for span in spans_of(f"{tmp_path}/train-*")] == images


@settings(deadline=None)
@given(st.integers(16, 600), st.integers(16, 600), st.integers(0, 2**32 - 1))
def test_random_windows_lie_inside_and_are_large_enough(height: int, width: int, seed: int) -> None:
    top, left, tall, wide = random_window(height, width, np.random.default_rng(seed))
    assert 0 <= top <= height - tall
    assert 0 <= left <= width - wide
    assert tall * wide >= AREA[0] * height * width
    assert (tall, wide) == (height, width) or 0.5 < wide / tall < 2


def test_random_windows_are_distributed_as_tensorflows_are() -> None:
    import tensorflow as tf

    from resnet_bench.data import decode

    def theirs(noise: Any) -> Any:
        return decode.random_window(tf.constant([375, 500, 3]), noise, 7, AREA[0])

    ours = np.array([random_window(375, 500, np.random.default_rng(seed)) for seed in range(3000)])
    other = np.array(list(tf.data.Dataset.range(3000).map(theirs).as_numpy_iterator()))
    for mine, same in zip(_figures(ours), _figures(other), strict=True):
        assert mine == pytest.approx(same, rel=0.1, abs=6)


def _figures(windows: Any) -> list[Any]:
    """Deciles and median of area, aspect ratio and top edge."""
    top, _, tall, wide = windows.T
    return [np.quantile(of, [0.1, 0.5, 0.9]) for of in (tall * wide, wide / tall, top)]


def test_our_own_decoding_is_the_reference_but_for_rounding() -> None:
    import tensorflow as tf

    from resnet_bench.data import decode

    image = encoded(size=(90, 70))
    pixels = decode.decode_window(
        tf.constant(image), lambda shape: decode.centre_window(shape, (32, 32)), decode.Decoder(3, "full")
    )
    assert difference([decode.resize(pixels, (32, 32)).numpy()], [image], 32) < 0.3
    assert difference([np.zeros((32, 32, 3), np.uint8)], [image], 32) == pytest.approx(reference(image, 32).mean())


def test_the_centre_window_is_evaluations() -> None:
    assert centre_window(375, 500, 224) == (23, 86, 328, 328)


def test_a_span_reads_only_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert Span(str(tmp_path / "file"), 3, 4).read() == b"3456"


def test_a_missing_peer_is_known_to_be_missing() -> None:
    assert installed("numpy")
    assert not installed("no_such_module")
    assert not installed("no_such_module.below")
    assert all(isinstance(installed(module), bool) for _, module, _ in PEERS)
