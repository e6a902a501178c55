"""How a command that measures ends: signals, printing the result, and the exit code.

Results are of any `Saved` type, which has an `outcome`. Neighbour: `save_fallback.py` saves them when the disk fails.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import RenderableType

from resnet_bench.cli import INTERRUPTED
from resnet_bench.cli.output import complain, echo_json_bytes
from resnet_bench.records.saved import Saved
from resnet_bench.report.terminal import rich_text

TERMINATED = 143


Result = TypeVar("Result", bound=Saved)


def exit_code(result: Saved, received: Sequence[int]) -> int:
    """What the signals that came ask for, else 0 for what finished, else the code of what ended it."""
    if received:
        return TERMINATED if signal.SIGTERM in received else INTERRUPTED
    error = result.outcome.error
    if error is None:
        return 0
    return INTERRUPTED if result.outcome.kind == "interrupted" else error.exit_code


def show(result: Result, as_json: bool, render: Callable[[Result], RenderableType]) -> None:
    """Print a result: its JSON alone on stdout, with a line on stderr where it failed, or what a person reads."""
    if not as_json:
        rich_text.show(render(result))
        return
    echo_json_bytes(result.to_json())
    if result.outcome.kind != "ok":
        complain(f"{result.outcome.message} {result.outcome.remedy}".rstrip())


class _Signals(list[int]):
    """Ctrl-C and SIGTERM as they came. The first interrupts the run, unless `gently` has taken care of it; later
    ones, and any after `done`, change nothing, because what exists is being saved."""

    def __init__(self, gently: Callable[[], bool] | None) -> None:
        super().__init__()
        self._interrupts = True
        self._gently = gently

    def done(self) -> None:
        """From now on let nothing be interrupted."""
        self._interrupts = False

    def note(self, number: int, _frame: object) -> None:
        """Handle one signal."""
        self.append(number)
        if self._interrupts and self._gently is not None and len(self) == 1 and self._gently():
            return
        if self._interrupts:
            self._interrupts = False
            raise KeyboardInterrupt


@contextmanager
def signals(gently: Callable[[], bool] | None = None) -> Iterator[_Signals]:
    """Watch for signals inside the block; outside the main thread none arrive.

    `gently` is called at the first signal: if it returns True, it ends the run by itself, and only a second signal
    interrupts.
    """
    came = _Signals(gently)
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, came.note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
