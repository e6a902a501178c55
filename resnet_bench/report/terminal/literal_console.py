"""Rich's console, made safe for text from outside and for a standard error that cannot be written.

Neighbour: `rich_text.py` makes consoles, for everything that prints.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from resnet_bench.config.printable import printable

LEAST_WIDTH = 20
"""Columns below which a width in the environment counts as unknown: nothing can be read in fewer."""


class LiteralConsole(Console):
    """A console that shows control sequences that are in the text instead of sending them."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The renderable's pieces, their text made printable."""
        for piece in super().render(renderable, options):
            yield piece if piece.control else Segment(printable(piece.text), piece.style)


class StandardError:
    """Standard error as it is at the time; where it cannot be written, what was to be shown is lost, nothing else."""

    def write(self, text: str) -> int:
        """Write, or not."""
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        with contextlib.suppress(OSError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def environment() -> dict[str, str]:
    """The environment without a width or height that no terminal has."""
    least = {"COLUMNS": LEAST_WIDTH, "LINES": 1}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in least or (value.isdecimal() and int(value) >= least[name])
    }
