"""`bench-cli doctor`: the hardware and its measured peaks, and recommended settings."""

from __future__ import annotations

import time
from typing import Any

import click

from resnet_bench.cli.output import echo, echo_json
from resnet_bench.config import options
from resnet_bench.report.terminal import doctor, rich_text
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import WorkerProcess


@click.command("doctor")
@options.subset("device", "threads", "onednn", "timeout", "json")
@click.pass_context
def command(ctx: click.Context, /, **_values: Any) -> None:
    """Inspect this machine and recommend settings.

    Takes some seconds: it measures the matrix-product and memory peaks in a fresh process.
    """
    config, _ = options.from_context(ctx)
    if not config.output.json:
        echo("Importing TensorFlow and measuring peaks ...", err=True)
    with WorkerProcess() as worker:
        found = worker.request(
            p.RunDoctor(config=config),
            p.DoctorDone,
            silence_s=config.measure.timeout,
            deadline=time.monotonic() + config.measure.max_time,
        ).examination
    if config.output.json:
        echo_json(found)
    else:
        rich_text.show(doctor.render(found))
