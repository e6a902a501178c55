"""`bench-cli build`: construct the network without training it, print its stages, draw it, save it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from resnet_bench.cli import parameters
from resnet_bench.config import Config, options
from resnet_bench.errors import ConfigError
from resnet_bench.records.files import write_atomically
from resnet_bench.report.figures import diagram
from resnet_bench.report.terminal import network
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import Worker

NETWORK_OPTIONS = (
    *("variant", "stage_sizes", "width", "image_size", "channels", "classes", "conv_bias", "initializer"),
    *("batch_norm", "data_format", "precision", "device", "seed", "timeout", "max_time", "json"),
)
DEFAULTS = {"image_size": (64, 64), "classes": 2}


@click.command("build")
@options.subset(*NETWORK_OPTIONS, defaults=DEFAULTS)
@parameters.input_shape
@parameters.weights
@click.option("--save", "path", type=click.Path(path_type=Path), help="Save the network to this .keras file.")
@click.option(
    "--portable", is_flag=True, help="Save it with Keras' own batch norm and the same weights, for plain Keras."
)
@click.option(
    "--diagram", "picture", type=click.Path(path_type=Path), help="Draw the network into this .svg, .png or .pdf file."
)
@click.pass_context
def command(ctx: click.Context, /, path: Path | None, portable: bool, picture: Path | None, **given: Any) -> None:
    """Build the network, print its stages, draw it and save it; nothing is trained.

    Made for 64x64 colour images in two classes unless told otherwise. A file saved without --portable is
    loaded where `resnet_bench` has been imported; one saved with it, anywhere that Keras is. Both read
    normalised pixels, as the card in the file says (README, "The network by itself").
    """
    if portable and path is None:
        raise ConfigError("--portable says how to save, but --save names no file.", "Add --save model.keras.")
    if path is not None and path.suffix != ".keras":
        raise ConfigError(f"--save {path} does not end in .keras.", f"Use {path.with_suffix('.keras')}.")
    for flag in ("new_head", "fold_biases"):
        if given[flag] and given["weights"] is None:
            shown = f"--{flag.replace('_', '-')}"
            raise ConfigError(f"{shown} says what to do with --weights, which is not given.", "Add --weights.")
    kind = parameters.picture_format(picture, "--diagram", diagram.FORMATS) if picture is not None else None
    config, _ = options.from_context(ctx, {**DEFAULTS, **parameters.shape_given(ctx)})
    built = _built(
        p.Build(
            config=config,
            path=str(path.absolute()) if path else None,
            portable=portable,
            weights=parameters.weights_source(given["weights"]),
            new_head=given["new_head"],
            fold_biases=given["fold_biases"],
        ),
        config,
    )
    if picture is not None and kind is not None:
        channels_last = config.model.data_format == "channels_last"
        write_atomically(picture, diagram.draw(built.model, built.stages, kind, channels_last=channels_last))
    if config.output.json:
        click.echo(msgspec.json.format(msgspec.json.encode(built), indent=2))
        return
    Console().print(network.render(built.model, built.stages, built.weights))
    for what, where in (("Saved", path), ("Diagram", picture)):
        if where is not None:
            click.echo(f"{what}: {where}")


def _built(message: p.Build, config: Config) -> p.Built:
    with Worker() as worker:
        return worker.request(
            message,
            p.Built,
            silence_s=config.measure.timeout,
            deadline=time.monotonic() + config.measure.max_time,
        )
