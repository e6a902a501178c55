"""`bench-cli bottleneck`: model-only, pipeline-only and end-to-end throughput, interleaved in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from resnet_bench import cli
from resnet_bench.cli.exit import exit_code, show, signals
from resnet_bench.cli.progress.paired import PairedLabels, paired_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config.options import ConfigurationCommand, configuration, from_context
from resnet_bench.experiments import bottleneck
from resnet_bench.records.files import check_folder
from resnet_bench.report.terminal import bottleneck as report
from resnet_bench.units import share


@click.command("bottleneck", cls=ConfigurationCommand)
@configuration
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Is training input-bound? Model-only, pipeline-only and end-to-end throughput.

    \b
    bench-cli bottleneck                                 training on the embedded photographs
    bench-cli bottleneck --source tfrecord --data 'imagenet/train-*' --max-time 10m

    Takes every option of `run`. Three processes run interleaved: the whole step, its model on a batch that stays on
    the device, and its pipeline alone. --processes is the number of repetitions with fresh processes, --rounds that
    of the rounds in each. Efficiency is end-to-end throughput over the most that both allow: the lower of the two
    with an accelerator, 1 / (1/model + 1/pipeline) if both share the cores. More than 10 % apart is input-bound or
    compute-bound, less is balanced; if the confidence interval includes that limit, the answer is inconclusive.
    Exits 0 when it finished, whatever the result; else as `run` does.
    """
    del options
    config, given = from_context(ctx)
    bottleneck.check(config)
    folder = Path(config.output.output)
    check_folder(folder)
    with signals() as received:
        with paired_progress(_words()) as observer:
            result = bottleneck.measure(config, given, observer, cli.STARTED)
        received.done()
        path = save_with_fallback(result, folder)
    show(result, config.output.json, lambda one: report.render(one, path))
    ctx.exit(exit_code(result, received))


def _words() -> PairedLabels:
    return PairedLabels(repetition="repetition", side=str, estimate=lambda found: f"efficiency {share(found.value)}")
