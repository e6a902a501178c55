"""What every section of options is built from: its base class, the roles of a field, shared value types.

Neighbours: `spelling.py` says how values of a type are typed and shown, `option.py` reads the declarations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta

from resnet_bench.config.printable import NOT_UTF8, is_utf8, printable
from resnet_bench.errors import ConfigError

Auto = Literal["auto"]
PositiveInt = Annotated[int, Meta(ge=1)]
PositiveFloat = Annotated[float, Meta(gt=0)]

Seconds = Annotated[float, Meta(gt=0, extra={"spelling": "seconds"})]
"""A time: 90, 90s, 3m, 1h or 50ms."""

Percent = Annotated[float, Meta(lt=1, extra={"spelling": "percent"})]
"""A fraction below 1: 3% or 0.03."""

_Side = Annotated[int, Meta(ge=8, le=4096)]

ImageSize = Annotated[tuple[_Side, _Side], Meta(extra={"spelling": "image_size"})]
"""Height and width in pixels: 224, or 224x192."""

ImageShape = Annotated[tuple[_Side, _Side, Literal[1, 3]], Meta(extra={"spelling": "image_shape"})]
"""Height, width and channels: 64,64,3."""

Texts = Annotated[tuple[str, ...], Meta(extra={"repeat": True})]
"""An option that may be given several times."""

WORKLOAD = Meta(extra={"role": "workload"})
"""Defines the workload: records are compared only if these are equal. Each field of `Config` has one role."""

OPTION = Meta(extra={"role": "option"})
"""A way of doing the same work: what a comparison is about."""

ProtocolUser = Literal["side", "tune", "confirm", "bottleneck"]
"""What has a protocol of its own: a side of interleaved runs, a search, a sweep's confirmation, `bottleneck`."""


def protocol(*used_by: ProtocolUser) -> Meta:
    """How it is measured, and where results go; `used_by` names what else uses the option, besides `run`."""
    return Meta(extra={"role": "protocol", "used_by": used_by})


PROTOCOL = protocol()
"""A protocol option of `run`, and of the commands that measure as `run` does."""

PIXELS = Meta(extra={"pixels": "equivalent"})
"""Changes how images are decoded, not which images: pixels are the same or nearly so."""

PIXELS_APPROXIMATE = Meta(extra={"pixels": "approximate"})
"""Changes pixels for speed unless it has its default."""

FILE = Meta(extra={"completion": "file", "metavar": "FILE"})
FOLDER = Meta(extra={"completion": "dir", "metavar": "FOLDER"})
"""What a shell completes the option's value with."""

ONE_WAY = Meta(extra={"one_way": True})
"""A switch without its --no- form."""

T = TypeVar("T")


class ConfigSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of options; `title` is its heading in help. Constructors do not validate: `options.build` and
    `msgspec.convert` do."""

    title: ClassVar[str] = "Options"


def resolved_value(value: T | Literal["auto", "max"]) -> T:
    """The value of a field after `runtime.resolve.resolve`, which leaves no "auto" or "max"."""
    assert value != "auto", "an option was read before it was resolved"
    assert value != "max", "an option was read before it was resolved"
    return value


def absolute_path(path: str | None) -> str | None:
    """A path or glob as a worker takes it. `ConfigError` where it is not UTF-8, which may be the working directory's
    fault."""
    if path is None:
        return None
    found = str(Path(path).expanduser().absolute())
    if not is_utf8(found):
        raise ConfigError(f"The path {printable(found)} is not valid UTF-8.", NOT_UTF8)
    return found


Value = bool | int | float | str | None
