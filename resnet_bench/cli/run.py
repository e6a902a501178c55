"""`bench-cli run`: measure one configuration, save the record, print the summary."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from resnet_bench import cli, session
from resnet_bench.cli.progress import progress
from resnet_bench.errors import ERRORS, BenchError, RecordError
from resnet_bench.options import ConfigurationCommand, configuration, from_context
from resnet_bench.record import Record, check_folder, save, to_json
from resnet_bench.report import text

INTERRUPTED = 130
TERMINATED = 143


@click.command("run", cls=ConfigurationCommand)
@configuration
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Build ResNet-50, feed it, measure it, save a record.

    By default it trains on the embedded photographs, on the GPU where there is one. Exits 0 when the run
    finished, else with a code that tells why: 2 options, 3 data, 4 device, 5 memory, 6 worker, 7 time
    budget, 8 record, 130 interrupted.
    """
    del options
    config, given = from_context(ctx)
    folder = Path(config.output.output)
    check_folder(folder)
    with _terminated() as signals, progress() as observer:
        record = session.run(config, given, observer, cli.STARTED)
    path = _save(record, folder)
    if config.output.json:
        click.echo(to_json(record), nl=False)
    else:
        Console().print(text.render(record, path))
    ctx.exit(TERMINATED if signals else exit_code(record))


def exit_code(record: Record) -> int:
    """0 for a run that finished, else the code of what ended it."""
    kind = record.outcome.kind
    if kind == "ok":
        return 0
    if kind == "interrupted":
        return INTERRUPTED
    return ERRORS[{"crashed": "worker", "killed": "worker", "hung": "worker"}.get(kind, kind)].exit_code


def _save(record: Record, folder: Path) -> Path:
    """Save the record; where the folder fails now, save it elsewhere before saying so."""
    try:
        return save(record, folder)
    except RecordError as error:
        try:
            refuge = save(record, Path(tempfile.gettempdir()) / "resnet-bench-rescued")
        except RecordError:
            click.echo(to_json(record), nl=False)
            raise BenchError(error.message, "The record was printed instead.") from error
        raise RecordError(error.message, f"The record was saved as {refuge} instead.") from error


@contextmanager
def _terminated() -> Iterator[list[int]]:
    """Treat SIGTERM like Ctrl-C, so that what exists is saved; yields the signals that came."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def note(number: int, _frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, before)
