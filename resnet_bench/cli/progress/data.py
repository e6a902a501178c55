"""How far `data make` and `data check` are, on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from resnet_bench import units
from resnet_bench.cli.output import echo
from resnet_bench.cli.progress.display import PLAIN_INTERVAL_S, LiteralColumn
from resnet_bench.report.terminal.rich_text import console

DRAW_INTERVAL_S = 0.1

Advance = Callable[[int, int, int], None]
"""(done, of, bytes so far)"""


@contextmanager
def bar(what: str, unit: str) -> Iterator[Advance]:
    """A function that shows how far it is; `what` is done, to so many `unit`."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield _plain(what, unit)
        return
    columns = (
        LiteralColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        LiteralColumn("status"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True, auto_refresh=False) as progress:
        task = progress.add_task(f"{what} {unit}", total=None, status="")
        started, drawn = time.monotonic(), 0.0

        def advance(done: int, of: int, size_bytes: int) -> None:
            nonlocal drawn
            now = time.monotonic()
            if done < of and now - drawn < DRAW_INTERVAL_S:
                return
            drawn = now
            status = f"{units.size(size_bytes / max(now - started, 1e-6))}/s"
            progress.update(task, completed=done, total=of, status=status)
            progress.refresh()

        yield advance


def _plain(what: str, unit: str) -> Advance:
    said = time.monotonic()

    def advance(done: int, of: int, size_bytes: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= PLAIN_INTERVAL_S:
            said = now
            echo(f"{what}: {done:,} of {of:,} {unit}, {units.size(size_bytes)}", err=True)

    return advance
