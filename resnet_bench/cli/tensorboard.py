"""`bench-cli tensorboard`: show records and their traces in TensorBoard."""

from __future__ import annotations

import signal
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from resnet_bench.cli.output import complain, echo
from resnet_bench.errors import BenchError, RecordError
from resnet_bench.profile.xprof import is_installed
from resnet_bench.records import history
from resnet_bench.report.export import tensorboard_server


@click.command("tensorboard")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    help=f"Port on {tensorboard_server.HOST}; 0: any free port.  "
    f"[default: {tensorboard_server.USUAL_PORT}, or a free one]",
)
@click.option("--open/--no-open", "opens", default=False, help="Open a browser.  [default: no]")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], port: int | None, opens: bool) -> None:
    """Show records and their traces in TensorBoard.

    Serves FILES, or the records in folders (`runs` by default), until Ctrl-C. Time series and Scalars show the rounds,
    HParams compares runs, and Profile (XProf) opens the traces of `run --profile` and `profile`. Only this machine can
    connect. A file that is not a record is named on stderr.
    """
    records, errors = history.read(files or (Path("runs"),))
    for error in errors:
        complain(error)
    if not records:
        raise RecordError("There is nothing to show.", "Name records, or folders that hold some.")
    chosen = tensorboard_server.free_port(port)
    with _ended_by_signals(), tempfile.TemporaryDirectory(prefix="resnet-bench-") as place:
        traces, missing = tensorboard_server.fill(records, Path(place))
        for folder in missing:
            complain(f"the trace {folder} does not exist any more.")
        with tensorboard_server.Server(Path(place), chosen) as server:
            server.wait_until_ready()
            echo(f"TensorBoard: {server.address}  ({_words(len(records), traces)}; Ctrl-C ends it)")
            if opens:
                webbrowser.open(server.address)
            code = server.wait()
            raise BenchError(f"TensorBoard ended by itself with code {code}.", "Start it again.")
    ctx.exit(0)


def _words(records: int, traces: int) -> str:
    """What there is to see, and what keeps the Profile tab away."""
    counted = f"{records} record{'' if records == 1 else 's'}"
    if not is_installed():
        return f"{counted}; for the Profile tab: pip install 'resnet-bench[profile]'"
    if not traces:
        return f"{counted}; none holds a trace, which run --profile takes"
    return f"{counted}, {traces} trace{'' if traces == 1 else 's'}"


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End the block quietly on Ctrl-C and SIGTERM, also where a shell had them ignored: so a server ends."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
