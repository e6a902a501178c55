"""Notices on a terminal: a mark for the severity, then the message. Neighbour: `records/notices/` has the texts."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from resnet_bench.records.base import Notice
from resnet_bench.records.notices import Severity
from resnet_bench.report.terminal.rich_text import bullets, marked

_MARKS: dict[Severity, tuple[str, str]] = {
    "info": ("-", "dim"),
    "warning": ("!", "yellow"),
    "degrades": ("!", "bold yellow"),
    "invalidates": ("!", "bold red"),
}


def notice_line(notice: Notice) -> Text:
    """ "! Only 7 of 20 rounds ..." """
    return marked(*_MARKS[notice.severity], notice.message)


def plain_notice(notice: Notice) -> str:
    """The same without colours."""
    return notice_line(notice).plain


def notice_list(notices: Iterable[Notice]) -> Table:
    """Notices below each other, each wrapped beside its mark."""
    return bullets((*_MARKS[notice.severity], notice.message) for notice in notices)
