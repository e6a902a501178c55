"""`bench-cli profile`: trace a few steps of one configuration and say where their time goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from resnet_bench import cli
from resnet_bench.cli.exit import exit_code, show, signals
from resnet_bench.cli.progress.run import run_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config.options import ConfigurationCommand, from_context, subset, with_values
from resnet_bench.config.options import options as all_options
from resnet_bench.experiments import run
from resnet_bench.records.files import check_folder
from resnet_bench.records.record import Record
from resnet_bench.report.terminal import profile, text
from resnet_bench.report.terminal.notices import notice_list
from resnet_bench.report.terminal.rich_text import indented, whole_line
from resnet_bench.report.words import record as text_words

SHORT = {"processes": 1, "rounds": 5, "latency_samples": 0, "profile": "auto", "evidence": "off"}
"""The defaults of this command: as short a run as a trace needs."""


@click.command("profile", cls=ConfigurationCommand)
@subset(*(option.name for option in all_options()), defaults=SHORT)
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Trace a few steps and show where their time goes.

    A short run: one process, 5 rounds, no latency samples and no option checks unless they are requested. The trace
    is taken after the timed rounds; its summary is printed with the command that opens it. The record is saved, and
    the exit codes are, as by `run`.
    """
    del options
    config, given = from_context(ctx)
    config = with_values(config, {name: value for name, value in SHORT.items() if name not in given})
    folder = Path(config.output.output)
    check_folder(folder)
    with signals() as received:
        with run_progress() as observer:
            record = run.run(config, given, observer, cli.STARTED)
        received.done()
        path = save_with_fallback(record, folder)
    show(record, config.output.json, lambda one: _render(one, path))
    ctx.exit(exit_code(record, received))


def _render(record: Record, path: Path) -> RenderableType:
    if record.trace is None:
        return text.render(record, path)
    notices = [notice for notice in record.warnings if notice.topic == "profile"]
    return Group(
        Text(text_words.headline(record), style="bold"),
        Text(text_words.subtitle(record), style="dim"),
        Text(),
        indented(profile.block(record.trace, record.profile)),
        *([Text(), indented(notice_list(notices))] if notices else []),
        Text(),
        whole_line("Record:", str(path)),
        whole_line("Next:", f"open the trace: {profile.how_to_open(path)}"),
    )
