"""TFRecord framing: what is written can be walked, and damage is named where it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.data import framing
from tests.support.data_files import flip_byte, write_shard

PAYLOADS = st.lists(st.binary(max_size=60), min_size=1, max_size=6)


def test_crc32c_matches_the_published_check_value() -> None:
    assert framing.crc32c(b"123456789") == 0xE3069283


@settings(deadline=None)
@given(payloads=PAYLOADS)
def test_tensorflow_reads_what_is_framed(payloads: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("framing") / "shard"
    write_shard(path, payloads)
    assert list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == payloads


@settings(deadline=None)
@given(payloads=PAYLOADS)
def test_a_walk_finds_each_record(payloads: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("framing") / "shard"
    offsets = write_shard(path, payloads)
    frames = list(framing.walk(path))
    assert [frame.offset for frame in frames] == offsets
    assert [framing.payload(path, frame) for frame in frames] == payloads


@settings(deadline=None)
@given(payloads=PAYLOADS, data=st.data())
def test_any_cut_is_noticed_at_the_record_it_hits(
    payloads: list[bytes], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("framing") / "shard"
    offsets = write_shard(path, payloads)
    whole = path.read_bytes()
    cut = data.draw(st.integers(1, len(whole) - 1).filter(lambda position: position not in offsets))
    path.write_bytes(whole[:cut])
    with pytest.raises(framing.DamageError) as caught:
        list(framing.walk(path))
    assert caught.value.index == sum(offset < cut for offset in offsets) - 1


@settings(deadline=None)
@given(payloads=PAYLOADS, data=st.data())
def test_any_flipped_byte_is_noticed_at_its_record(
    payloads: list[bytes], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("framing") / "shard"
    offsets = write_shard(path, payloads)
    position = data.draw(st.integers(0, path.stat().st_size - 1))
    flip_byte(path, position)
    with pytest.raises(framing.DamageError) as caught:
        [framing.payload(path, frame) for frame in framing.walk(path)]
    assert caught.value.index == sum(offset <= position for offset in offsets) - 1


def test_a_compressed_shard_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "shard.gz"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        writer.write(b"record")
    with pytest.raises(framing.DamageError, match="gzip"):
        list(framing.walk(path))
