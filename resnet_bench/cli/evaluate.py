"""`bench-cli evaluate`: judge one trained network, or two against each other, on a data set."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from resnet_bench.cli import parameters
from resnet_bench.cli.progress.evaluate import evaluate_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config import options
from resnet_bench.records.files import check_folder, write_atomically
from resnet_bench.report.figures import confusion
from resnet_bench.report.terminal import evaluation as report
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import Worker

OPTIONS = ("batch_size", "xla", "device", "threads", "onednn", "max_time", "timeout", "output", "json")
DEFAULTS = {"mode": "eval", "batch_size": 32, "max_time": 3600.0}


@click.command("evaluate")
@click.option("--model", required=True, metavar="FILE", help="A .keras file.")
@click.option("--against", metavar="FILE", help="Another one; differences are this one minus --model.")
@parameters.images
@parameters.pixels
@click.option("--turns", type=click.IntRange(0), default=20, help="Batches timed, in turns; 0: none.  [default: 20]")
@click.option(
    "--confusion", "picture", type=click.Path(path_type=Path), help="Draw the confusion matrix (.svg, .png or .pdf)."
)
@options.subset(*OPTIONS, defaults={name: value for name, value in DEFAULTS.items() if name in OPTIONS})
@click.pass_context
def command(ctx: click.Context, /, model: str, against: str | None, picture: Path | None, **given: Any) -> None:
    """Judge a trained network by images: loss, accuracy, top-5, a row per class, and its speed.

    With --against, both networks live in one process, answer the same batches and are timed in turns: the
    difference of their accuracies comes with an interval and McNemar's exact test. The result is saved in
    the folder `evaluate` of --output.
    """
    kind = parameters.picture_format(picture, "--confusion", confusion.FORMATS) if picture is not None else None
    config, _ = options.from_context(ctx, DEFAULTS)
    folder = Path(config.output.output)
    check_folder(folder)
    message = p.Evaluate(
        config=config,
        models=tuple(str(Path(each).expanduser().absolute()) for each in (model, against) if each is not None),
        images=p.ImageSet(
            dataset=given["dataset"],
            data=parameters.absolute(given["images_data"]),
            test_data=parameters.absolute(given["test_data"]),
            test_share=given["test_share"],
            split_seed=given["split_seed"],
            part=given["part"],
        ),
        pixels=given["pixels"],
        turns=given["turns"],
    )
    with Worker() as worker, evaluate_progress() as show:
        deadline = time.monotonic() + config.measure.max_time
        reply = worker.request(message, p.Evaluated, silence_s=config.measure.timeout, deadline=deadline, on_event=show)
    result = reply.evaluation
    path = save_with_fallback(result, folder)
    if picture is not None and kind is not None:
        write_atomically(picture, confusion.draw(result.models, kind))
    if config.output.json:
        click.echo(result.to_json(), nl=False)
        return
    Console().print(report.render(result))
    for what, where in (("Result", path), ("Confusion matrix", picture)):
        if where is not None:
            click.echo(f"{what}: {where}")
