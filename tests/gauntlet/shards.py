"""Folders of TFRecord shards as people have them: other formats, side files, damage, other schemas.

Framed and encoded by the package's own pure code; TensorFlow's agreement with it is tested in `tests/data`.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from resnet_bench.data import framing
from resnet_bench.data.example import ENCODED, LABEL, encode
from tests.gauntlet.folders import put
from tests.gauntlet.images import READ, REFUSED, jpeg

Make = Callable[[Path], None]


def record(image: bytes | None = None, label: int = 1) -> bytes:
    """A framed Example of ImageNet's schema."""
    return framing.frame(encode({ENCODED: jpeg(seed=label) if image is None else image, LABEL: label}))


def shard(records: int = 4, first: int = 1) -> bytes:
    """A sound shard; labels from 1."""
    return b"".join(record(label=first + number % 2) for number in range(records))


def good(root: Path) -> None:
    """Two shards of four records."""
    for number in range(2):
        put(root / f"train-{number:05d}-of-00002", shard())


def _beside(**files: bytes) -> Make:
    """Sound shards and other files, whose names have `__` for a dot."""

    def make(root: Path) -> None:
        good(root)
        for name, content in files.items():
            put(root / name.replace("__", "."), content)

    return make


def _only(content: Callable[[], bytes], name: str = "train-00000-of-00001") -> Make:
    return lambda root: (put(root / name, content()), None)[1]


def _flipped(at: int) -> Callable[[], bytes]:
    def make() -> bytes:
        data = bytearray(shard())
        data[at] ^= 0xFF
        return bytes(data)

    return make


def _subfolders(root: Path) -> None:
    good(root / "train")
    good(root / "val")


SHARDS: dict[str, Make] = {
    "good": good,
    "set [v1]": good,
    "with_readme": _beside(README__md=b"# shards", LICENSE=b"free"),
    "with_labels": _beside(label__labels__txt=b"cat\ndog\n"),
    "with_index": _beside(**{"train-00000-of-00002__idx": b"0 100\n"}),
    "with_hidden": _beside(**{"__nfs0001": b"x"}),
    "with_dataset_info": _beside(dataset_info__json=b"{}"),
    "gzip": _only(lambda: gzip.compress(shard())),
    "zlib": _only(lambda: zlib.compress(shard())),
    "lfs": _only(lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 9\n"),
    "web_page": _only(lambda: b"<!DOCTYPE html><html><body>Sign in</body></html>"),
    "hdf5": _only(lambda: b"\x89HDF\r\n\x1a\n" + bytes(500)),
    "zip": _only(lambda: b"PK\x03\x04" + bytes(100)),
    "image": _only(jpeg),
    "words": _only(lambda: b"some words and no records at all"),
    "short": _only(lambda: b"\1\2\3"),
    "cut": _only(lambda: shard()[:-30]),
    "cut_header": _only(lambda: shard() + shard()[:5]),
    "flipped_length": _only(_flipped(0)),
    "flipped_data": _only(_flipped(60)),
    "zeros": _only(lambda: bytes(4096)),
    "empty_file": _only(lambda: b""),
    "empty": lambda root: root.mkdir(),
    "subfolders": _subfolders,
    "no_example": _only(lambda: framing.frame(b"\xff\xfe\xfd")),
    "other_keys": _only(lambda: framing.frame(encode({"image": jpeg(), "label": 1}))),
    "no_label": _only(lambda: framing.frame(encode({ENCODED: jpeg()}))),
    "negative_label": _only(lambda: record(label=(1 << 64) - 5)),
    "large_label": _only(lambda: record(label=1 << 40)),
    "text_label": _only(lambda: framing.frame(encode({ENCODED: jpeg(), LABEL: b"cat"}))),
    "manifest_damaged": _beside(manifest__json=b"{"),
    "manifest_latin1": _beside(manifest__json=b'{"format": "\xe9"}'),
}


def _holding(make: Callable[[], bytes], root: Path) -> None:
    put(root / "train-00000-of-00001", shard() + record(make()))


HOLDING: dict[str, Make] = {
    name: partial(_holding, make)
    for name, make in {**READ, **{name: make for name, (make, _) in REFUSED.items()}}.items()
}
"""A shard whose fifth record holds an image of each kind."""
