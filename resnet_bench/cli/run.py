"""`bench-cli run`: measure one configuration, save the record, print the summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from resnet_bench import cli
from resnet_bench.cli.exit import exit_code, show, signals
from resnet_bench.cli.progress.run import run_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config.options import ConfigurationCommand, configuration, from_context
from resnet_bench.errors import NotValidError
from resnet_bench.experiments import run
from resnet_bench.records.files import check_folder
from resnet_bench.report.terminal import text


@click.command("run", cls=ConfigurationCommand)
@configuration
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Measure one configuration and save a record.

    By default: training on the embedded photographs, on the GPU if there is one. Exits 0 when the run finished, else
    with a code for the reason: 2 options, 3 data, 4 device, 5 memory, 6 worker, 7 time budget, 8 record, 11 not valid
    (--require-valid), 12 output that cannot be written, 130 interrupted.
    """
    del options
    config, given = from_context(ctx)
    folder = Path(config.output.output)
    check_folder(folder)
    with signals() as received:
        with run_progress() as observer:
            record = run.run(config, given, observer, cli.STARTED, keep=True)
        received.done()
        path = save_with_fallback(record, folder)
    show(record, config.output.json, lambda one: text.render(one, path))
    code = exit_code(record, received)
    if code == 0 and config.output.require_valid and record.verdict.kind != "valid":
        raise NotValidError(f"--require-valid: the verdict is {record.verdict.kind}.", "Its reasons are in the record.")
    ctx.exit(code)
