"""Options of `bench-cli build` beyond those of `run`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from resnet_bench.config.dataset import FoldBiases, NewHead, Portable, Weights, check_weights
from resnet_bench.config.fields import FILE, ConfigSection, ImageShape
from resnet_bench.errors import ConfigError


class BuildConfig(ConfigSection, frozen=True, kw_only=True):
    """Which weights the network starts from, and what is written."""

    title: ClassVar[str] = "Build"

    input_shape: Annotated[
        ImageShape | None,
        Meta(description="Height, width and channels in one: 64,64,3 is --image-size 64x64 --channels 3."),
    ] = None
    weights: Weights = None
    new_head: NewHead = False
    fold_biases: FoldBiases = False
    save: Annotated[str | None, Meta(description="Save the network to this .keras file."), FILE] = None
    portable: Portable = False
    diagram: Annotated[str | None, Meta(description="Draw the network into this .svg, .png or .pdf file."), FILE] = None


def check_build(asked: BuildConfig) -> None:
    """Refuse options that contradict one another."""
    if asked.portable and asked.save is None:
        raise ConfigError("--portable needs --save.", "Add --save model.keras.")
    if asked.save is not None and Path(asked.save).suffix != ".keras":
        raise ConfigError(
            f"--save {asked.save} does not end in .keras.", f"Use {Path(asked.save).with_suffix('.keras')}."
        )
    check_weights(asked.weights, asked.new_head, asked.fold_biases)


def shape_values(shape: tuple[int, int, int] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that --input-shape stands for; `ConfigError` if one of them is given with another value."""
    if shape is None:
        return {}
    values = {"image_size": shape[:2], "channels": shape[2]}
    for name, value in values.items():
        own = given.get(name)
        if own is not None and own != value:
            shown = "x".join(str(part) for part in own) if isinstance(own, tuple) else own
            raise ConfigError(
                f"--input-shape {','.join(map(str, shape))} contradicts --{name.replace('_', '-')} {shown}.",
                "Leave one of them out.",
            )
    return values
