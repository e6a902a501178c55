"""How far an evaluation or a prediction is: a line on stderr that changes, on a terminal alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from resnet_bench.cli.progress.display import status_line
from resnet_bench.report.terminal.rich_text import console
from resnet_bench.worker import protocol as p


@contextmanager
def evaluate_progress() -> Iterator[Callable[[p.Events], None]]:
    """A function that takes a worker's events."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda _event: None
        return
    with status_line(screen) as line:
        task = line.add_task("start", status="")

        def show(event: p.Events) -> None:
            if isinstance(event, p.PhaseStarted):
                line.update(task, description=event.phase, status="")
            elif isinstance(event, p.Tested):
                line.update(task, status=f"{event.images:,} of {event.of:,} images")
            line.refresh()

        yield show
