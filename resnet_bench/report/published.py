"""Speeds of ResNet-50 that others have published, each with its source (`published.toml`).

To set a result against, never to fill a gap with: no verdict, finding or default rests on them.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from resnet_bench.records.columns import config_of
from resnet_bench.records.record import Record


class Citation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page: who published it when, and what it says of all its figures."""

    title: str
    publisher: str
    year: int
    url: str
    network: str
    image_size: int
    software: str
    protocol_train: str
    protocol_infer: str


class Published(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure: images per second, and the mean time of a batch in seconds where the page tells it."""

    source: str
    mode: Literal["train", "infer"]
    hardware: str
    precision: Literal["float32", "tf32", "mixed_float16", "mixed_bfloat16"]
    xla: bool
    batch_size: int
    images_per_s: float
    mean_latency_s: float | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: dict[str, Citation]
    figures: tuple[Published, ...]


@cache
def _file() -> _File:
    text = (files("resnet_bench.report") / "published.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _File)


def figures(record: Record) -> tuple[tuple[Published, Citation], ...]:
    """What was published of the network, image size and mode that a record measured; nothing where the record
    is of another one, or holds no result."""
    config, model = config_of(record), record.model
    if record.summary is None or model is None or model.name != "resnet50":
        return ()
    name = f"ResNet-50 {model.variant}"
    known = _file()
    return tuple(
        (each, source)
        for each in known.figures
        for source in (known.sources[each.source],)
        if each.mode == config.step.mode
        and source.network == name
        and model.input_shape[:2] == (source.image_size, source.image_size)
    )
