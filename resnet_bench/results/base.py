"""What every stored type is built from. Imports nothing of the package."""

from __future__ import annotations

import msgspec

Value = bool | int | float | str | None


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything that is stored."""


class Notice(Data, frozen=True, kw_only=True):
    """Something a reader must know, as data: a kind and its numbers.

    `report/sentences.py` turns it into a sentence that says what to do. Warnings and the reasons of a
    verdict are notices.
    """

    kind: str
    facts: dict[str, Value] = {}


class Estimate(Data, frozen=True, kw_only=True):
    """A value and its 95 % interval; `low` and `high` are None where nothing supports one."""

    value: float
    low: float | None = None
    high: float | None = None
