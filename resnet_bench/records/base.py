"""What every stored type is built from. Neighbour: `notices/` has the table of the kinds of notices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec.structs import force_setattr

from resnet_bench.config.fields import Value
from resnet_bench.records import notices


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything that is stored."""


class Notice(Data, frozen=True, kw_only=True):
    """Something that a reader of a result must know: a warning, a reason of a verdict, advice.

    Stored as data: `kind` names a row of the table in `records/notices/`, `facts` are its numbers. `message` is
    that row's text with the facts filled in, for readers of the JSON. It is worded again when a notice is read; only
    of a kind that this version does not know (a newer version's record) the stored one is kept.

    Code that reports something uses `make`, which checks kind and facts. The constructor takes anything, because
    records of other versions must stay readable.
    """

    kind: str
    facts: dict[str, Value] = {}
    message: str = ""

    @classmethod
    def make(cls, kind: str, /, **facts: Value) -> Notice:
        """A notice of a known kind with exactly the facts that it needs; `ValueError` for anything else."""
        row = notices.KINDS.get(kind)
        if row is None:
            raise ValueError(f"there is no kind of notice {kind!r}")
        row.check(facts)
        return cls(kind=kind, facts=facts)

    def __post_init__(self) -> None:
        """Put it into words."""
        row = notices.KINDS.get(self.kind)
        if row is not None:
            force_setattr(self, "message", row.message(self.facts))
        elif not self.message:
            force_setattr(self, "message", notices.plain(self.kind, self.facts))

    @property
    def severity(self) -> notices.Severity:
        """What it means for the result; of an unknown kind, a warning."""
        row = notices.KINDS.get(self.kind)
        return row.severity if row is not None else "warning"

    @property
    def topic(self) -> notices.Topic | None:
        """What it is about; of an unknown kind, None."""
        row = notices.KINDS.get(self.kind)
        return row.topic if row is not None else None


def distinct(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """Each notice once, in order. (Their facts are a dict, so no set can hold them.)"""
    found: list[Notice] = []
    for notice in notices:
        if notice not in found:
            found.append(notice)
    return tuple(found)


class Estimate(Data, frozen=True, kw_only=True):
    """A value and its 95 % confidence interval; `low` and `high` are None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


Finding = Literal["faster", "slower", "no difference", "inconclusive"]

FORMER_INCONCLUSIVE = "cannot tell"
"""What earlier versions stored for "inconclusive"; read as that."""


class Difference(Data, frozen=True, kw_only=True):
    """A field whose values differ, as text; None is unknown or absent."""

    field: str
    base: str | None
    new: str | None
