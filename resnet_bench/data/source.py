"""What the pipeline reads: the files of one data set, their labels and their facts.

`photos`, `tfrecord` and `folder` each make a `Source`; `pipeline` reads it and `diagnose` explains it
where it fails. Imports no TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from resnet_bench.records.run import DataFacts


@dataclass(frozen=True)
class Segment:
    """A readable stretch of a TFRecord file: `records` records from byte `offset`, -1 for all that follow."""

    path: str
    offset: int = 0
    records: int = -1


@dataclass(frozen=True)
class Source:
    """The files of a data set, sorted by path.

    kind: "records" (files are TFRecord shards) or "images" (each file is one encoded image).
    labels: one class per file for "images"; None where the label is in the record.
    label_modulo: fold labels into this many classes, or None to take them as they are.
    segments: the readable stretches of the shards, in the order of `files`.
    unreadable: records that `segments` leaves out.
    records: all records, the unreadable ones not counted; None where nobody counted.
    remedy: what to try when one of these files turns out to be damaged.
    """

    kind: Literal["records", "images"]
    files: tuple[str, ...]
    facts: DataFacts
    remedy: str
    labels: tuple[int, ...] | None = None
    label_modulo: int | None = None
    segments: tuple[Segment, ...] = ()
    unreadable: int = 0
    records: int | None = None
