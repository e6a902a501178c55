"""How option values are typed and shown where that differs from a plain word or number: 3m, 5%, 224x192, 3,4,6,3.

A field names its spelling in `Meta(extra={"spelling": ...})`, mostly through a type of `fields.py`.
Neighbour: `option.py` validates what comes out of `read`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


@dataclass(frozen=True)
class Spelling:
    """`read` splits or converts what was typed (what it cannot read, it returns as it is), `show` gives it back.

    `accepts` replaces the words that describe what is allowed; `example` is offered in a refusal.
    """

    metavar: str
    read: Callable[[str], Any]
    show: Callable[[Any], str]
    accepts: str = ""
    example: str = ""


def _seconds(text: str) -> Any:
    match = re.fullmatch(r"([0-9.]+)\s*(ms|[smh]?)", text.strip())
    try:
        return float(match[1]) * _SECONDS[match[2]] if match else text
    except ValueError:
        return text


def _show_seconds(value: Any) -> str:
    for unit, seconds in (("h", 3600), ("m", 60)):
        if value >= seconds and value % seconds == 0:
            return f"{value / seconds:g}{unit}"
    return f"{value:g}s"


def _fraction(text: str) -> Any:
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(%?)\s*", text)
    if not match:
        return text
    return float(match[1]) / 100 if match[2] else float(match[1])


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[x,]", text)]


def _size(text: str) -> list[str]:
    parts = _split(text)
    return parts * 2 if len(parts) == 1 else parts


def join(value: Any, by: str = ",") -> str:
    """The parts of a value, as typed."""
    return by.join(str(part) for part in value)


SPELLINGS = {
    "seconds": Spelling("SECONDS", _seconds, _show_seconds),
    "percent": Spelling(
        "N%", _fraction, lambda value: f"{value * 100:g}%", "a percentage below 100 %, such as 3% or 0.03"
    ),
    "image_size": Spelling("H[xW]", _size, lambda value: join(value, "x")),
    "image_shape": Spelling(
        "H,W,C",
        _split,
        join,
        "HEIGHT,WIDTH,CHANNELS, each side 8 to 4096 pixels and 1 or 3 channels",
        "For instance 64,64,3.",
    ),
    "list": Spelling("N,N,...", _split, join),
}
