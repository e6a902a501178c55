"""Notices in a report: their severity as tone and label. Neighbour: `records/notices/` has the texts."""

from __future__ import annotations

from resnet_bench.records.base import Notice
from resnet_bench.records.notices import Severity
from resnet_bench.report.page.document import Note, Tone

_WEIGHT: dict[Severity, tuple[Tone, str]] = {
    "info": ("", "note"),
    "warning": ("warn", "warning"),
    "degrades": ("warn", "warning"),
    "invalidates": ("bad", "warning"),
}


def note_of(notice: Notice) -> Note:
    """The notice as an item of a list of notes."""
    return Note(notice.message, *_WEIGHT[notice.severity])
