"""What the types that travel promise."""

from __future__ import annotations

from resnet_bench.records.base import Notice, distinct


def test_distinct_keeps_each_notice_once_and_in_order() -> None:
    one, other = Notice(kind="a", facts={"n": 1}), Notice(kind="a", facts={"n": 2})
    assert distinct([one, other, one, Notice(kind="b"), other]) == (one, other, Notice(kind="b"))
