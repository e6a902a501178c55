"""Reads from a worker's log what XLA compiled, and how long that took.

`environ.py` switches the lines on; TensorFlow (2.21: device_compilation_profiler.cc) writes one for each
compilation of a function for each new shape, recompilations included. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(
    r"device_compilation_profiler\.cc:\d+\] Compiled (?P<name>\S+) \d+ times, compile time: (?P<us>\d+) us"
)


@dataclass(frozen=True)
class Compilation:
    """One compilation by XLA: TensorFlow's name of the function, and its duration."""

    name: str
    seconds: float


def parse_compilations(log_text: str) -> list[Compilation]:
    """All compilations in `log_text`, in the order they ended."""
    return [Compilation(match["name"], int(match["us"]) * 1e-6) for match in _LINE.finditer(log_text)]
