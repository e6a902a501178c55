"""How notices look: the mark and the tone follow the severity."""

from __future__ import annotations

import pytest

from resnet_bench.records.base import Notice
from resnet_bench.report.page.notices import note_of
from resnet_bench.report.terminal.notices import notice_line, plain_notice

INFO = Notice.make("xla_train_cpu")
WARNING = Notice.make("threads_exceed_cpus", threads=4, cpus=2)
DEGRADES = Notice.make("budget_cut_rounds", asked=20, ran=7)
INVALIDATES = Notice.make("nothing_timed")


@pytest.mark.parametrize(
    ("notice", "mark", "style", "tone", "label"),
    [
        (INFO, "- ", "dim", "", "note"),
        (WARNING, "! ", "yellow", "warn", "warning"),
        (DEGRADES, "! ", "bold yellow", "warn", "warning"),
        (INVALIDATES, "! ", "bold red", "bad", "warning"),
        (Notice(kind="from_the_future"), "! ", "yellow", "warn", "warning"),
    ],
)
def test_mark_and_tone_follow_the_severity(notice: Notice, mark: str, style: str, tone: str, label: str) -> None:
    assert plain_notice(notice) == f"{mark}{notice.message}"
    assert str(notice_line(notice).spans[0].style) == style
    shown = note_of(notice)
    assert (shown.text, shown.tone, shown.label) == (notice.message, tone, label)


def test_brackets_in_a_message_are_text() -> None:
    """Not rich's markup, which would swallow the name of an extra."""
    assert "'resnet-bench[plots]'" in plain_notice(Notice.make("curves_not_drawn"))
