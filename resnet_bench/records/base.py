"""What every stored type is built from. Imports nothing of the package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from resnet_bench.config.fields import Value


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything that is stored."""


class Notice(Data, frozen=True, kw_only=True):
    """Something a reader must know, as data: a kind and its numbers.

    `report/sentences.py` turns it into a sentence that says what to do. Warnings and the reasons of a
    verdict are notices.
    """

    kind: str
    facts: dict[str, Value] = {}


def distinct(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """Each notice once, in order. (Their facts are a dict, so no set can hold them.)"""
    found: list[Notice] = []
    for notice in notices:
        if notice not in found:
            found.append(notice)
    return tuple(found)


class Estimate(Data, frozen=True, kw_only=True):
    """A value and its 95 % interval; `low` and `high` are None where nothing supports one."""

    value: float
    low: float | None = None
    high: float | None = None


Finding = Literal["faster", "slower", "no difference", "cannot tell"]


class Difference(Data, frozen=True, kw_only=True):
    """A field whose values differ, as text; None is unknown or absent."""

    field: str
    base: str | None
    new: str | None
