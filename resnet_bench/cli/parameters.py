"""Values that options of several commands take and the configuration does not have."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from resnet_bench.config.options import options, parse_value
from resnet_bench.errors import ConfigError
from resnet_bench.records import history

Shape = tuple[int, int, int]


class Percent(click.ParamType[Any]):
    """A fraction, typed as `3%` or `0.03`."""

    name = "percent"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """How it is typed."""
        del param, ctx
        return "N%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The fraction; `ConfigError` for what could be meant either way."""
        del ctx
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(%?)\s*", str(value))
        number = float(found[1]) if found else -1.0
        fraction = number / 100 if found and found[2] else number
        if not 0 <= fraction < 1:
            flag = param.opts[0] if param is not None else "It"
            raise ConfigError(f"{flag} {value} is not allowed: it takes a percentage below 100 %, such as 3% or 0.03.")
        return fraction


class Seconds(click.ParamType[Any]):
    """Seconds, typed as 90, 90s, 3m or 1h."""

    name = "seconds"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """How it is typed."""
        del param, ctx
        return "SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As the configuration's own --max-time; a refusal names this option."""
        del ctx
        (like,) = (option for option in options() if option.name == "max_time")
        named = like if param is None or param.name is None else dataclasses.replace(like, name=param.name)
        return float(parse_value(named, value))


class InputShape(click.ParamType[Shape]):
    """Height, width and channels of the images, typed as 64,64,3 or 64x64x3."""

    name = "input shape"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """How it is typed."""
        del param, ctx
        return "H,W,C"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shape:
        """As --image-size and --channels take them."""
        del param, ctx
        if isinstance(value, tuple):
            return value
        by_name = {option.name: option for option in options()}
        size, _, channels = "x".join(re.split(r"[x,]", str(value))).rpartition("x")
        try:
            if "x" not in size:
                raise ConfigError("One number is missing.")
            height, width = parse_value(by_name["image_size"], size)
            return height, width, parse_value(by_name["channels"], channels)
        except ConfigError as error:
            raise ConfigError(
                f"--input-shape {value} is not allowed: it takes HEIGHT,WIDTH,CHANNELS, each side 8 to 4096 pixels "
                "and 1 or 3 channels.",
                "For instance 64,64,3.",
            ) from error


input_shape = click.option(
    "--input-shape",
    type=InputShape(),
    help="Height, width and channels in one: 64,64,3 is --image-size 64x64 --channels 3.",
)


def weights(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with --weights and what goes with it."""
    for option in (
        click.option(
            "--fold-biases",
            is_flag=True,
            help="Put the convolution biases of --weights into batch norm; the outputs stay the same.",
        ),
        click.option("--new-head", is_flag=True, help="Start from --weights, but keep a new classifier."),
        click.option(
            "--weights",
            metavar="FILE|imagenet",
            help="Start from a .keras file, Keras Applications' .h5 file, or its ImageNet download.",
        ),
    ):
        command = option(command)
    return command


def picture_format(picture: Path, flag: str, formats: Sequence[str]) -> str:
    """The format that a picture's name asks for; `ConfigError` where no such picture can be drawn here."""
    kind = picture.suffix.removeprefix(".").lower()
    if kind not in formats:
        raise ConfigError(f"{flag} {picture}: pictures end in {', '.join('.' + each for each in formats)}.")
    history.optional("matplotlib", flag)
    return kind


def absolute(given: str | None) -> str | None:
    """A path or glob as a worker takes it."""
    return None if given is None else str(Path(given).expanduser().absolute())


def weights_source(given: str | None) -> str | None:
    """--weights as a worker takes it: a whole path, or imagenet."""
    return given if given == "imagenet" else absolute(given)


def shape_given(ctx: click.Context) -> dict[str, Any]:
    """The options that --input-shape stands for; `ConfigError` where one of them says something else."""
    shape: Shape | None = ctx.params["input_shape"]
    if shape is None:
        return {}
    values = {"image_size": shape[:2], "channels": shape[2]}
    for name, value in values.items():
        own = ctx.params.get(name)
        if own is not None and own != value:
            shown = "x".join(str(part) for part in own) if isinstance(own, tuple) else own
            raise ConfigError(
                f"--input-shape {','.join(map(str, shape))} contradicts --{name.replace('_', '-')} {shown}.",
                "Leave one of them out.",
            )
    return values


def images(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with the choice of a data set and of its part; the names are those of `train`."""
    kinds = ["auto", "digits", "h5", "folder", "tfrecord"]
    for option in (
        click.option(
            "--part", type=click.Choice(["test", "train", "all"]), default="test", help="Which part of it; all: both."
        ),
        click.option("--split-seed", type=click.IntRange(0), default=0, help="Seed of that split.  [default: 0]"),
        click.option(
            "--test-share",
            type=Percent(),
            default=0.2,
            help="Share of each class that is the test part where none is named.  [default: 20%]",
        ),
        click.option("--test-data", help="Test part: an h5 file, a folder, or a glob of shards."),
        click.option("--data", "images_data", help="An h5 file, a folder of class subfolders, or a glob of shards."),
        click.option(
            "--dataset",
            type=click.Choice(kinds),
            default="auto",
            help="auto: what --data is, digits without it.",
        ),
    ):
        command = option(command)
    return command


pixels = click.option(
    "--pixels",
    type=click.Choice(["imagenet", "caffe", "unit", "raw"]),
    help="Normalisation that the network reads: this package's, Keras Applications', 0 to 1, 0 to 255. Default: what "
    "its file says.",
)
