"""The only way to Rich: a console, table rows and lists that show text as it is.

Rich reads `[...]` in a str as markup and `:name:` as an emoji, so that a label such as `test_infer[fused]` loses its
end and a path with `[/x]` raises. It also sends a terminal's control sequences on. Text of ours never means markup: it
is styled as `Text`, and what a terminal would obey is shown as an escape.
`tests/report/test_rich_text.py` requires this of every module. Neighbours: all of `report/terminal/`, `cli/progress/`;
`literal_console.py` has the console, `cli/output.py` prints without Rich.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO, cast

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resnet_bench.config.printable import printable
from resnet_bench.records.run import Outcome
from resnet_bench.report.terminal.literal_console import LiteralConsole, StandardError, environment


def console(
    *, stderr: bool = False, file: IO[str] | None = None, width: int | None = None, force_terminal: bool | None = None
) -> Console:
    """A console that takes text literally; standard output, unless `stderr` or `file` says otherwise.

    Its width is that of the terminal, or COLUMNS; 80 where neither is known, and COLUMNS=0 says nothing. Standard error
    that cannot be written is left alone.
    """
    return LiteralConsole(
        stderr=stderr,
        file=cast(IO[str], StandardError()) if stderr and file is None else file,
        width=width,
        force_terminal=force_terminal,
        markup=False,
        emoji=False,
        highlight=False,
        _environ=environment(),
    )


def show(content: RenderableType) -> None:
    """Print to standard output. Tables and sentences are fitted to the width; a `whole_line` is never cut."""
    console().print(content, crop=False)


def cell(content: str | Text, style: str = "") -> Text:
    """The content of a table cell, literally."""
    return content if isinstance(content, Text) else Text(printable(content), style=style)


def add_row(table: Table, *contents: str | Text, style: str | None = None) -> None:
    """A row of literal cells."""
    table.add_row(*map(cell, contents), style=style)


def marked(mark: str, style: str, words: str) -> Text:
    """A line after a coloured mark: "! The machine was busy."."""
    return Text.assemble((f"{mark} ", style), printable(words))


def indented(content: RenderableType, by: int = 2) -> RenderableType:
    """Moved to the right."""
    return Padding(content, (0, 0, 0, by), expand=False)


def facts(rows: Iterable[tuple[str, str | Text]], name_width: int | None = None) -> Table:
    """Names and what they stand for, a row each; rows without content are left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True, min_width=name_width)
    grid.add_column(overflow="fold")
    for name, content in rows:
        if content:
            add_row(grid, name, content)
    return grid


def bullets(lines: Iterable[tuple[str, str, str]]) -> Table:
    """Sentences after coloured marks (mark, style, sentence), wrapped beside the mark."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for mark, style, words in lines:
        add_row(grid, Text(mark, style=style), words)
    return grid


def spaced(blocks: Iterable[RenderableType]) -> RenderableType:
    """Below each other, with an empty line between two."""
    parts = [part for block in blocks for part in (Text(), block)]
    return Group(*parts[1:])


def failure(outcome: Outcome, log: Sequence[str]) -> RenderableType:
    """Why something failed and what to do, then the end of the worker's log, if there is one."""
    lines = [Text(f"{outcome.message} {outcome.remedy}".strip(), style="red")]
    if log:
        lines.append(Text("End of the worker's log:", style="dim"))
        lines += [Text(f"  {line}", style="dim", overflow="fold") for line in log]
    return Group(*lines)


def whole_line(name: str, content: str) -> Text:
    """A line to copy, such as a path or a command: longer than the screen, it is not broken into several."""
    return Text(f"{name:<9}{content}", style="dim", no_wrap=True, overflow="ignore")


class ByWidth:
    """One of two renderables: `wide` where at least `width` columns are free, else `narrow`."""

    def __init__(self, width: int, narrow: RenderableType, wide: RenderableType) -> None:
        self._width, self._narrow, self._wide = width, narrow, wide

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Choose."""
        del console
        yield self._wide if options.max_width >= self._width else self._narrow
