"""What every section of the configuration is built from: its base, the roles of a field, shared types."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

Auto = Literal["auto"]
PositiveInt = Annotated[int, Meta(ge=1)]
PositiveFloat = Annotated[float, Meta(gt=0)]

WORKLOAD = Meta(extra={"role": "workload"})
"""Part of the work itself: records compare only where these are equal. Each field has one of these three."""

OPTION = Meta(extra={"role": "option"})
"""One way of doing the same work: what a comparison is about."""

PROTOCOL = Meta(extra={"role": "protocol"})
"""How it is measured and where results go."""

T = TypeVar("T")


class ConfigSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of options. Constructors do not validate: `options.build` and `msgspec.convert` do."""


def resolved_value(value: T | Literal["auto", "max"]) -> T:
    """The value of a field that `resolve.resolve` has settled: after it no "auto" or "max" is left."""
    assert value != "auto", "an option was read before it was resolved"
    assert value != "max", "an option was read before it was resolved"
    return value


Value = bool | int | float | str | None
