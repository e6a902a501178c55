"""A kind of notice: what it means for the result, the facts it needs, and its text. Pure.

Neighbours: the modules beside this one hold the rows, `__init__.py` joins them to one table, and `records/base.py`
makes a `Notice` of a kind and its facts.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal

from resnet_bench import units
from resnet_bench.config.fields import Value

Severity = Literal["info", "warning", "degrades", "invalidates"]
"""info: good to know. warning: something is not as requested, or easily misread. degrades: the verdict is at best
provisional. invalidates: the verdict is invalid."""

Topic = Literal[
    "batch search",
    "bottleneck",
    "budget",
    "cache",
    "data service",
    "emulated",
    "emulated by XLA",
    "evidence",
    "GPU out of reach",
    "interference",
    "machine",
    "memory of sides",
    "model",
    "options",
    "pipeline",
    "profile",
    "report",
    "roofline",
    "training",
    "tuning",
    "verdict",
]
"""What a notice is about. Code that reacts to a group of kinds asks for their topic, never for how they are spelled."""

FactType = type | UnionType


@dataclass(frozen=True)
class Kind:
    """A row of the table.

    The facts fill the braces of `text` and `remedy`; `{name:unit}` formats with `units.py`. `remedy` says what to do
    next, where there is something to do.
    """

    name: str
    topic: Topic
    severity: Severity
    text: str
    remedy: str = ""
    facts: Mapping[str, FactType] = field(default_factory=dict)

    def check(self, facts: Mapping[str, Value]) -> None:
        """Raise `ValueError` where facts are missing, unknown or of another type: an error of the caller's."""
        if facts.keys() != self.facts.keys():
            raise ValueError(f"notice {self.name} needs the facts {sorted(self.facts)}, not {sorted(facts)}")
        for name, value in facts.items():
            if not _fits(value, self.facts[name]):
                raise ValueError(f"notice {self.name}: the fact {name} is {value!r}, not of {self.facts[name]}")

    def message(self, facts: Mapping[str, Value]) -> str:
        """The notice as sentences. Facts that a record of another version lacks read "unknown"; those that cannot be
        formatted are listed as they are."""
        words = f"{self.text} {self.remedy}".strip()
        try:
            return _Formatter().vformat(words, (), facts)
        except (ArithmeticError, TypeError, ValueError):
            return plain(self.name, facts)


def plain(name: str, facts: Mapping[str, Value]) -> str:
    """A notice that cannot be put into words: its kind and its facts."""
    listed = ", ".join(f"{key} = {value}" for key, value in facts.items())
    return f"{name}: {listed}." if listed else f"{name}."


def _fits(value: Value, wanted: FactType) -> bool:
    """Whether a value is of the type. As for type checkers, an int is a float; unlike for them, a bool is no int."""
    if isinstance(wanted, UnionType):
        return any(_fits(value, each) for each in wanted.__args__)
    if isinstance(value, bool):
        return wanted is bool
    return isinstance(value, (int, float) if wanted is float else wanted)


_FORMATS = {
    "rate": units.rate,
    "duration": units.duration,
    "size": units.size,
    "share": units.share,
    "count": units.count,
}


class _Formatter(string.Formatter):
    """`str.format` whose format specs may be the names of units; missing facts read "unknown"."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "unknown"
        if isinstance(value, bool) and not format_spec:
            return "on" if value else "off"
        if format_spec in _FORMATS:
            return _FORMATS[format_spec](value)
        if isinstance(value, float) and not format_spec:
            return f"{value:.3g}"
        return str(super().format_field(value, format_spec))

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        del args
        return kwargs.get(str(key))
