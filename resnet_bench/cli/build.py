"""`bench-cli build`: construct the network without training it, print its stages, draw it, save it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from resnet_bench.cli.output import echo, echo_json
from resnet_bench.cli.pictures import picture_format
from resnet_bench.config import Config, ModelConfig
from resnet_bench.config.build import BuildConfig, check_build, shape_values
from resnet_bench.config.dataset import weights_source
from resnet_bench.config.fields import absolute_path
from resnet_bench.config.options import ConfigurationCommand, from_context, given_values, read, section, subset
from resnet_bench.records.files import write_atomically
from resnet_bench.report.figures import diagram
from resnet_bench.report.terminal import network, rich_text
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import WorkerProcess

DEFAULTS = {"image_size": (64, 64), "classes": 2}


@click.command("build", cls=ConfigurationCommand)
@section(BuildConfig)
@subset(ModelConfig, "precision", "device", "seed", "timeout", "max_time", "json", defaults=DEFAULTS)
@click.pass_context
def command(ctx: click.Context, /, **_values: Any) -> None:
    """Build the network without training it: print its stages, draw it, save it.

    By default for 64x64 colour images in two classes. A file saved without --portable is loaded where `resnet_bench`
    has been imported; one saved with it, wherever Keras is installed. Both expect normalized pixels, as the model
    card in the file says.
    """
    settings = read(ctx, BuildConfig)
    check_build(settings)
    path, picture = (None if name is None else Path(name) for name in (settings.save, settings.diagram))
    kind = picture_format(picture, "--diagram", diagram.FORMATS) if picture is not None else None
    config, _ = from_context(ctx, {**DEFAULTS, **shape_values(settings.input_shape, given_values(ctx))})
    built = _built(
        p.Build(
            config=config,
            path=absolute_path(settings.save),
            portable=settings.portable,
            weights=weights_source(settings.weights),
            new_head=settings.new_head,
            fold_biases=settings.fold_biases,
        ),
        config,
    )
    if picture is not None and kind is not None:
        channels_last = config.model.data_format == "channels_last"
        write_atomically(picture, diagram.draw(built.model, built.stages, kind, channels_last=channels_last))
    if config.output.json:
        echo_json(built)
        return
    rich_text.show(network.render(built.model, built.stages, built.weights))
    for what, where in (("Saved", path), ("Diagram", picture)):
        if where is not None:
            echo(f"{what}: {where}")


def _built(message: p.Build, config: Config) -> p.Built:
    with WorkerProcess() as worker:
        return worker.request(
            message,
            p.Built,
            silence_s=config.measure.timeout,
            deadline=time.monotonic() + config.measure.max_time,
        )
