"""Notices on a terminal: a mark for the severity, then the message. Neighbour: `records/notices/` has the texts."""

from __future__ import annotations

from rich.text import Text

from resnet_bench.records.base import Notice
from resnet_bench.records.notices import Severity

_MARKS: dict[Severity, tuple[str, str]] = {
    "info": ("-", "dim"),
    "warning": ("!", "yellow"),
    "degrades": ("!", "bold yellow"),
    "invalidates": ("!", "bold red"),
}


def notice_line(notice: Notice) -> Text:
    """ "! Only 7 of 20 rounds ..." """
    mark, style = _MARKS[notice.severity]
    return Text.assemble((f"{mark} ", style), notice.message)


def plain_notice(notice: Notice) -> str:
    """The same without colours."""
    return notice_line(notice).plain
