"""`bench-cli predict`: the likeliest classes of image files, by a trained network."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from resnet_bench.cli import parameters
from resnet_bench.cli.progress.evaluate import evaluate_progress
from resnet_bench.config import options
from resnet_bench.errors import DataError
from resnet_bench.report.terminal import evaluation as report
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import Worker

OPTIONS = ("batch_size", "device", "threads", "onednn", "max_time", "timeout", "json")
DEFAULTS = {"mode": "infer", "batch_size": 16}


@click.command("predict")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="FILE", help="A .keras file.")
@click.option("--top", type=click.IntRange(1), default=3, help="Classes to show of each image.  [default: 3]")
@parameters.pixels
@click.option(
    "--crop",
    type=click.Choice(["whole", "centre"]),
    help="What of an image is shown: the whole, or the centre (87.5 % of the shorter side). Default: what its file "
    "says, else the centre.",
)
@options.subset(*OPTIONS, defaults={name: value for name, value in DEFAULTS.items() if name in OPTIONS})
@click.pass_context
def command(ctx: click.Context, /, images: tuple[Path, ...], model: str, top: int, **given: Any) -> None:
    """Print the likeliest classes of IMAGES with their probabilities.

    JPEG, PNG, GIF, BMP and WebP of any size, colour or grey, are shown to the network as in its evaluation:
    whole or their centre, resized, grey repeated into three channels or colour reduced to its luma. A file
    that cannot be read is named, the others are classified, and the exit code is 3.
    """
    config, _ = options.from_context(ctx, DEFAULTS)
    message = p.Predict(
        config=config,
        model=str(Path(model).expanduser().absolute()),
        images=tuple(str(image) for image in images),
        top=top,
        pixels=given["pixels"],
        crop=given["crop"],
    )
    with Worker() as worker, evaluate_progress() as show:
        deadline = time.monotonic() + config.measure.max_time
        reply = worker.request(message, p.Predicted, silence_s=config.measure.timeout, deadline=deadline, on_event=show)
    if config.output.json:
        click.echo(msgspec.json.format(msgspec.json.encode(reply), indent=2))
    else:
        Console().print(report.predictions(reply.predictions))
    if reply.assumed is not None:
        click.echo(f"bench-cli: {model} does not say how it reads pixels; {reply.assumed} was assumed.", err=True)
    bad = [each for each in reply.predictions if each.problem is not None]
    for each in bad:
        click.echo(f"bench-cli: {each.path} cannot be read: {each.problem}.", err=True)
    ctx.exit(DataError.exit_code if bad else 0)
