"""`bench-cli build`: construct the network without training it, print its stages, save it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from resnet_bench import options
from resnet_bench.errors import ConfigError
from resnet_bench.report import network
from resnet_bench.worker import protocol as p
from resnet_bench.worker.handle import Worker

NETWORK_OPTIONS = (
    *("variant", "stage_sizes", "width", "image_size", "channels", "classes", "conv_bias", "initializer"),
    *("batch_norm", "data_format", "precision", "device", "seed", "timeout", "max_time", "json"),
)


@click.command("build")
@options.some(*NETWORK_OPTIONS)
@click.option("--save", "path", type=click.Path(path_type=Path), help="Save the network to this .keras file.")
@click.option(
    "--portable", is_flag=True, help="Save it with Keras' own batch norm and the same weights, for plain Keras."
)
@click.pass_context
def command(ctx: click.Context, /, path: Path | None, portable: bool, **_values: Any) -> None:
    """Build the network, print its stages, and save it where --save is given.

    A file saved without --portable is loaded where `resnet_bench` has been imported; one saved with it,
    anywhere that Keras is.
    """
    if portable and path is None:
        raise ConfigError("--portable says how to save, but --save names no file.", "Add --save model.keras.")
    if path is not None and path.suffix != ".keras":
        raise ConfigError(f"--save {path} does not end in .keras.", f"Use {path.with_suffix('.keras')}.")
    config, _ = options.from_context(ctx)
    with Worker() as worker:
        built = worker.request(
            p.Build(config=config, path=str(path.absolute()) if path else None, portable=portable),
            p.Built,
            silence_s=config.measure.timeout,
            deadline=time.monotonic() + config.measure.max_time,
        )
    if config.output.json:
        click.echo(msgspec.json.format(msgspec.json.encode(built), indent=2))
        return
    Console().print(network.render(built.model, built.stages))
    if path is not None:
        click.echo(f"Saved: {path}")
