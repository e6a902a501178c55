"""What every progress display shares: a line that changes on a terminal, plain lines elsewhere; notices on both.

Standard error only; text is shown literally. Neighbours: the other modules of this folder say what their command shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TimeElapsedColumn
from rich.text import Text

from resnet_bench import units
from resnet_bench.cli.output import echo
from resnet_bench.config import Config
from resnet_bench.records.base import Notice
from resnet_bench.report.terminal.notices import notice_line, plain_notice
from resnet_bench.report.terminal.rich_text import cell, console, marked

PLAIN_INTERVAL_S = 10.0
"""Seconds between two plain lines about the same work."""

LIVE_INTERVAL_S = 1.0
"""Seconds between two redraws while blocks are timed: a redraw takes a core for some milliseconds."""

BAR_WIDTH = 20


class Display:
    """Shows notices and lines; `Lines` and `LiveLine` say how."""

    def say(self, words: str, mark: str = "", style: str = "") -> None:
        """Print a line after a mark."""
        raise NotImplementedError

    def note(self, notice: Notice) -> None:
        """Print a notice."""
        raise NotImplementedError

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """Print what to expect of the device."""
        del config
        for notice in notices:
            self.note(notice)


class Lines(Display):
    """Plain lines."""

    def say(self, words: str, mark: str = "", style: str = "") -> None:
        """Print a line after a mark; `style` is for terminals."""
        del style
        echo(f"{mark} {words}" if mark else words, err=True)

    def note(self, notice: Notice) -> None:
        """Print a notice."""
        echo(plain_notice(notice), err=True)


class LiveLine(Display):
    """A line that changes, and finished lines above it; a context, within which it is shown."""

    def __init__(self, screen: Console, bar: Progress | None = None) -> None:
        self._screen = screen
        self._bar = status_line(screen) if bar is None else bar
        self._task = self._bar.add_task("starting", total=None, status="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def say(self, words: str, mark: str = "", style: str = "") -> None:
        """Print above the line."""
        self._screen.print(marked(mark, style, words) if mark else Text(words, style=style))

    def note(self, notice: Notice) -> None:
        """Print a notice above the line."""
        self._screen.print(notice_line(notice))


L = TypeVar("L", bound=LiveLine)
P = TypeVar("P", bound=Lines)


@contextmanager
def display(live: Callable[[Console], L], plain: Callable[[], P]) -> Iterator[L | P]:
    """The display that fits standard error."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield plain()
        return
    with live(screen) as line:
        yield line


class LiteralColumn(ProgressColumn):
    """The description of a task, or one of its fields, literally."""

    def __init__(self, name: str = "description") -> None:
        super().__init__()
        self._name = name

    def render(self, task: Task) -> Text:
        """The text of that task."""
        return cell(task.description if self._name == "description" else task.fields[self._name])


def status_line(screen: Console) -> Progress:
    """A line of spinner, description, `status` field and elapsed time, redrawn only by `refresh`."""
    return Progress(
        SpinnerColumn("dots" if screen.encoding.startswith("utf") else "line"),
        LiteralColumn(),
        LiteralColumn("status"),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
        auto_refresh=False,
    )


def bar(done: int, of: int, words: str) -> Text:
    """ "━━━━━     3/12", as a task's status."""
    return Text.assemble((f"{'━' * round(BAR_WIDTH * done / of):<{BAR_WIDTH}}", "cyan"), f" {words}")


def time_left(left_s: float | None, done: bool = False) -> str:
    """ ", 40 s left"; nothing where all is done or the time is unknown."""
    return "" if done or left_s is None else f", {units.duration(left_s)} left"
