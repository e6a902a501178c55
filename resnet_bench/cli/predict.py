"""`bench-cli predict`: classify image files with a trained model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from resnet_bench.cli.output import complain, echo_json
from resnet_bench.cli.progress.evaluate import evaluate_progress
from resnet_bench.config.evaluation import PredictionConfig
from resnet_bench.config.fields import absolute_path
from resnet_bench.config.options import ConfigurationCommand, from_context, read, section, subset
from resnet_bench.errors import DataError
from resnet_bench.report.terminal import evaluation as report
from resnet_bench.report.terminal import rich_text
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import WorkerProcess

OPTIONS = ("batch_size", "device", "threads", "onednn", "max_time", "timeout", "json")
DEFAULTS = {"mode": "infer", "batch_size": 16}


@click.command("predict", cls=ConfigurationCommand)
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@section(PredictionConfig)
@subset(*OPTIONS, defaults=DEFAULTS)
@click.pass_context
def command(ctx: click.Context, /, images: tuple[Path, ...], **_values: Any) -> None:
    """Classify images (top-k).

    IMAGES are JPEG, PNG, GIF, BMP or WebP files of any size, in colour or grey. They are prepared as for the model's
    evaluation: the whole image or its centre, resized, grey repeated into three channels or colour reduced to luma.
    EXIF orientation is not applied.
    A file that cannot be read is named, the others are classified, and the exit code is 3.
    """
    settings = read(ctx, PredictionConfig)
    config, _ = from_context(ctx, DEFAULTS)
    message = p.Predict(
        config=config,
        model=str(absolute_path(settings.model)),
        images=tuple(str(image) for image in images),
        top=settings.top,
        pixels=settings.pixels,
        crop=settings.crop,
    )
    with WorkerProcess() as worker, evaluate_progress() as show:
        deadline = time.monotonic() + config.measure.max_time
        reply = worker.request(message, p.Predicted, silence_s=config.measure.timeout, deadline=deadline, on_event=show)
    if config.output.json:
        echo_json(reply)
    else:
        rich_text.show(report.predictions(reply.predictions))
    if reply.assumed is not None:
        complain(f"{settings.model} does not name its input normalization; assumed {reply.assumed}.")
    bad = [each for each in reply.predictions if each.problem is not None]
    for each in bad:
        complain(f"{each.path} cannot be read: {each.problem}.")
    ctx.exit(DataError.exit_code if bad else 0)
