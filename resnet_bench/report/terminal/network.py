"""A network on a terminal: a row per stage, and the totals."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.records.model_card import WeightsFacts
from resnet_bench.records.run import ModelFacts, StageFacts
from resnet_bench.report.terminal.rich_text import add_row, indented, spaced
from resnet_bench.report.words.record import network_name


def render(model: ModelFacts, stages: tuple[StageFacts, ...], weights: WeightsFacts | None = None) -> RenderableType:
    """Name and totals, then the stages, then where the weights came from."""
    height, width, channels = model.input_shape
    title = f"{network_name(model)} for {height}x{width}x{channels} images and {model.classes:,} classes"
    totals = (
        f"{model.convolutions} convolutions, {model.batch_norms} batch norms, "
        f"{model.trainable_parameters:,} trainable of {model.parameters:,} parameters, "
        f"{units.count(model.macs)}MAC per image"
    )
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for name, justify in (("stage", "left"), ("blocks", "right"), ("output", "left"), ("parameters", "right")):
        grid.add_column(name, justify=justify)  # type: ignore[arg-type]
    grid.add_column("MAC", justify="right")
    for stage in stages:
        shape = "x".join(str(size) for size in stage.output_shape)
        blocks = str(stage.blocks) if stage.blocks else ""
        add_row(grid, stage.name, blocks, shape, f"{stage.parameters:,}", units.count(stage.macs))
    heading = Group(Text(title, style="bold"), Text(totals, style="dim"))
    return spaced([heading, indented(grid), *([indented(Text(started(weights)))] if weights is not None else [])])


def started(weights: WeightsFacts) -> str:
    """One sentence on what a network started from."""
    parts = [f"{weights.layers} layers from {weights.source}"]
    if weights.folded_biases:
        parts.append(f"{weights.folded_biases} convolution biases folded into batch norm")
    if weights.adapted_pixels:
        parts.append("first convolution adapted to this package's pixel normalisation")
    if weights.new_head:
        parts.append("a new classifier")
    return f"Weights: {', '.join(parts)}."
