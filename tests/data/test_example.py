"""tf.train.Example on the wire: the same bytes as TensorFlow writes, and anything else is refused."""

from __future__ import annotations

import contextlib

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.data import example

NAMES = st.text(min_size=1, max_size=20)
FEATURES = st.dictionaries(NAMES, st.one_of(st.binary(max_size=300), st.integers(-(2**63), 2**63 - 1)), max_size=6)


def no_name_begins_another(features: dict[str, bytes | int]) -> bool:
    """TensorFlow puts the longer of two such names first; no data set of ours has any."""
    names = [name.encode() for name in features]
    return not any(one != other and other.startswith(one) for one in names for other in names)


def _tensorflow(features: dict[str, bytes | int]) -> bytes:
    def feature(value: bytes | int) -> object:
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    found = {name: feature(value) for name, value in features.items()}
    message = tf.train.Example(features=tf.train.Features(feature=found))
    return bytes(message.SerializeToString(deterministic=True))


@settings(deadline=None)
@given(features=FEATURES.filter(no_name_begins_another))
def test_what_is_encoded_is_what_tensorflow_writes(features: dict[str, bytes | int]) -> None:
    assert example.encode(features) == _tensorflow(features)


@settings(deadline=None)
@given(features=FEATURES)
def test_what_tensorflow_writes_is_decoded(features: dict[str, bytes | int]) -> None:
    assert example.decode(_tensorflow(features)) == {name: [value] for name, value in features.items()}


def test_several_values_come_and_floats_are_read_over() -> None:
    feature = {
        "numbers": tf.train.Feature(int64_list=tf.train.Int64List(value=[1, -2, 300])),
        "texts": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a", b""])),
        "floats": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5])),
        "empty": tf.train.Feature(),
    }
    record = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    found = example.decode(record)
    assert found == {"numbers": [1, -2, 300], "texts": [b"a", b""], "floats": [], "empty": []}


@settings(deadline=None)
@given(data=st.binary(max_size=60))
def test_other_bytes_are_an_example_or_refused(data: bytes) -> None:
    with contextlib.suppress(example.WireError):
        example.decode(data)


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0 a JPEG", b"\x0a\x7f", b"\x0a\x02\x0a", b"\x80" * 12])
def test_what_is_no_example_is_refused(data: bytes) -> None:
    with pytest.raises(example.WireError):
        example.decode(data)
