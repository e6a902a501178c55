"""`bench-cli run`: measure one configuration, save the record, print the summary."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click
from rich.console import Console

from resnet_bench import cli, session
from resnet_bench.cli.progress import progress
from resnet_bench.cli.rescue import save_or_rescue
from resnet_bench.errors import ERRORS, NotValidError
from resnet_bench.options import ConfigurationCommand, configuration, from_context
from resnet_bench.record import Record, check_folder, save, to_json
from resnet_bench.report import text
from resnet_bench.results import Outcome

INTERRUPTED = 130
TERMINATED = 143


@click.command("run", cls=ConfigurationCommand)
@configuration
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Build ResNet-50, feed it, measure it, save a record.

    By default it trains on the embedded photographs, on the GPU where there is one. Exits 0 when the run
    finished, else with a code that tells why: 2 options, 3 data, 4 device, 5 memory, 6 worker, 7 time
    budget, 8 record, 11 not valid (--require-valid), 130 interrupted.
    """
    del options
    config, given = from_context(ctx)
    folder = Path(config.output.output)
    check_folder(folder)
    with signals() as received:
        with progress() as observer:
            record = session.run(config, given, observer, cli.STARTED, keep=True)
        received.done()
        path = save_record(record, folder)
    if config.output.json:
        click.echo(to_json(record), nl=False)
        if record.outcome.kind != "ok":
            click.echo(f"bench-cli: {record.outcome.message} {record.outcome.remedy}".rstrip(), err=True)
    else:
        Console().print(text.render(record, path))
    code = TERMINATED if signal.SIGTERM in received else INTERRUPTED if received else exit_code(record)
    if code == 0 and config.output.require_valid and record.verdict.kind != "valid":
        raise NotValidError(f"--require-valid: the verdict is {record.verdict.kind}.", "Its reasons are in the record.")
    ctx.exit(code)


class Ended(Protocol):
    """A result that says how it ended."""

    @property
    def outcome(self) -> Outcome:
        """How."""


def exit_code(result: Ended) -> int:
    """0 for what finished, else the code of what ended it."""
    kind = result.outcome.kind
    if kind == "ok":
        return 0
    if kind == "interrupted":
        return INTERRUPTED
    return ERRORS[{"crashed": "worker", "killed": "worker", "hung": "worker"}.get(kind, kind)].exit_code


def save_record(record: Record, folder: Path) -> Path:
    """Save the record; where the folder fails now, save it elsewhere before saying so."""
    return save_or_rescue(lambda place: save(record, place), folder, "record", lambda: to_json(record))


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

    `gently` is asked at the first: where it says that it will end the run by itself, only a second signal
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
