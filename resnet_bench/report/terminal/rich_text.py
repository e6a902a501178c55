"""The only way to Rich: a console and table rows that show text as it is.

Rich reads `[...]` in a str as markup and `:name:` as an emoji, so that a label such as `test_infer[fused]` loses its
end and a path with `[/x]` raises. Text of ours never means markup: it is styled as `Text`.
`tests/report/test_rich_text.py` holds every module to this one. Neighbours: all of `report/terminal/`, `cli/progress/`.
"""

from __future__ import annotations

from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text


def console(
    *, stderr: bool = False, file: IO[str] | None = None, width: int | None = None, force_terminal: bool | None = None
) -> Console:
    """A console that takes text literally; standard output, unless `stderr` or `file` says otherwise."""
    return Console(
        stderr=stderr,
        file=file,
        width=width,
        force_terminal=force_terminal,
        markup=False,
        emoji=False,
        highlight=False,
    )


def cell(content: str | Text, style: str = "") -> Text:
    """The content of a table cell, literally."""
    return content if isinstance(content, Text) else Text(content, style=style)


def add_row(table: Table, *contents: str | Text, style: str | None = None) -> None:
    """A row of literal cells."""
    table.add_row(*map(cell, contents), style=style)


def marked(mark: str, style: str, words: str) -> Text:
    """A line after a coloured mark: "! The machine was busy."."""
    return Text.assemble((f"{mark} ", style), words)
