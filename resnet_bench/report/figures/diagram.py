"""A network as a picture (SVG, PNG or PDF): its stages, blocks, shapes and skip connections.

Drawn from the counted stages alone, so that it shows what was built. matplotlib (the extra `plots`)
draws. Neighbour: `report/terminal/network.py` prints the same as a table.
"""

from __future__ import annotations

import io
from typing import Any

from resnet_bench import units
from resnet_bench.records.run import ModelFacts, StageFacts
from resnet_bench.report.words.record import network_name

FORMATS = ("svg", "png", "pdf")
PROJECTION, IDENTITY, LAYER, EDGE, SKIP = "#f6c98f", "#a9cdea", "#edf1f6", "#2d3748", "#b83280"
_MOST_BLOCKS = 8
_BLOCK, _GAP, _ROW = 1.0, 0.42, 1.55
_LEFT = 2.3


def draw(model: ModelFacts, stages: tuple[StageFacts, ...], kind: str, *, channels_last: bool = True) -> bytes:
    """The picture as bytes of a file of that kind (`FORMATS`).

    A row per stage with its blocks, each with the arc of its skip connection, and the two blocks layer by
    layer below. `channels_last` says how the stages' shapes are to be read. Rows of more than eight blocks
    show the first six, an ellipsis and the last.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    residual = [stage for stage in stages if stage.blocks]
    height = 2.4 + _ROW * len(residual) * 0.62 + 4.0
    with rc_context({"svg.hashsalt": "resnet-bench", "font.size": 10}):
        figure = Figure(figsize=(0.84 * (_right(stages) + 2.3), height), layout="constrained", dpi=150)
        top, bottom = figure.subplots(2, 1, height_ratios=[height - 4.0, 4.0])
        _network(top, model, stages, channels_last)
        _blocks(bottom, model, residual, channels_last)
        buffer = io.BytesIO()
        date = {"svg": "Date", "pdf": "CreationDate"}
        figure.savefig(buffer, format=kind, metadata=None if kind == "png" else {date[kind]: None})
    return buffer.getvalue()


def _right(stages: tuple[StageFacts, ...]) -> float:
    """Where the longest row ends and the numbers begin, in blocks' widths."""
    most = max(min(stage.blocks, _MOST_BLOCKS) for stage in stages)
    return _LEFT + max(most, 6) * (_BLOCK + _GAP)


def _shape(stage: StageFacts, channels_last: bool) -> tuple[str, int]:
    """Height x width x channels in words, and the channels."""
    sizes = [size if size is not None else 0 for size in stage.output_shape]
    if not channels_last and len(sizes) == 3:
        sizes = [*sizes[1:], sizes[0]]
    return " x ".join(str(size) for size in sizes), sizes[-1]


def _box(axes: Any, x: float, y: float, text: str, colour: str, *, width: float = _BLOCK, size: float = 9) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            (x, y - 0.27), width, 0.54, boxstyle="round,pad=0,rounding_size=0.08", fc=colour, ec=EDGE, lw=0.9, zorder=3
        )
    )
    axes.text(x + width / 2, y, text, ha="center", va="center", fontsize=size, zorder=4)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    look = {"arrowstyle": "-|>", "color": EDGE, "lw": 1.0, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9, **style}
    axes.annotate("", end, start, arrowprops=look, zorder=2)


def _skip(axes: Any, start: float, end: float, y: float, *, height: float = 0.3, base: float = 0.0) -> None:
    """A skip connection: up, across and down to where it is added."""
    top = y + base + height
    axes.plot([start, start, end], [y + base, top, top], color=SKIP, lw=1.4, zorder=2, solid_joinstyle="round")
    _arrow(axes, (end, top), (end, y + base), color=SKIP, lw=1.4)


def _network(axes: Any, model: ModelFacts, stages: tuple[StageFacts, ...], channels_last: bool) -> None:
    height, width, channels = model.input_shape
    title = f"{network_name(model)}: {height} x {width} x {channels} images, {model.classes:,} classes"
    totals = (
        f"{model.convolutions} convolutions, {model.trainable_parameters:,} trainable parameters, "
        f"{units.count(model.macs)}MAC per image"
    )
    right = _right(stages)
    y = 0.0
    for number, stage in enumerate(stages):
        y = -_ROW * number * 0.62
        shape, _ = _shape(stage, channels_last)
        axes.text(0, y + 0.1, stage.name, fontweight="bold", va="center")
        axes.text(0, y - 0.16, shape, va="center", fontsize=8.5, color="#4a5568")
        axes.text(right, y + 0.1, f"{stage.parameters:,} parameters", va="center", fontsize=8.5)
        axes.text(right, y - 0.16, f"{units.count(stage.macs)}MAC", va="center", fontsize=8.5, color="#4a5568")
        end = _row(axes, stage, y)
        if number + 1 < len(stages):
            _onward(axes, end, y)
    axes.set_xlim(-0.1, right + 2.3)
    axes.set_ylim(y - 0.5, 0.6)
    axes.set_title(f"{title}\n", loc="left", fontweight="bold", fontsize=13)
    axes.text(0, 1.01, totals, transform=axes.transAxes, fontsize=10, va="bottom", color="#4a5568")
    axes.axis("off")


def _onward(axes: Any, end: float, y: float) -> None:
    """From the end of a row to the start of the next."""
    below = y - _ROW * 0.62
    turn, start = y - 0.42, _LEFT - _GAP * 0.6
    axes.plot([end, end + 0.2, end + 0.2, start, start], [y, y, turn, turn, below], color=EDGE, lw=1.0, zorder=1)
    _arrow(axes, (start, below), (_LEFT, below))


def _row(axes: Any, stage: StageFacts, y: float) -> float:
    """The boxes of one stage from left to right; returns where the last of them ends."""
    if not stage.blocks:
        words = ["7x7 conv, /2", "3x3 max-pool, /2"] if stage.name == "stem" else ["average pool", "dense"]
        return _chain(axes, [(word, LAYER, False, 1.55) for word in words], y)
    shown: list[tuple[str, str, bool, float]] = [("conv. block", PROJECTION, True, _BLOCK)]
    numbers = range(2, stage.blocks + 1)
    if stage.blocks > _MOST_BLOCKS:
        numbers = range(2, _MOST_BLOCKS - 1)
    shown += [(f"identity {number}", IDENTITY, True, _BLOCK) for number in numbers]
    if stage.blocks > _MOST_BLOCKS:
        shown += [("…", "white", False, 0.4), (f"identity {stage.blocks}", IDENTITY, True, _BLOCK)]
    return _chain(axes, shown, y)


def _chain(axes: Any, boxes: list[tuple[str, str, bool, float]], y: float) -> float:
    x = _LEFT
    for number, (text, colour, skips, width) in enumerate(boxes):
        if number:
            _arrow(axes, (x - _GAP, y), (x, y))
        _box(axes, x, y, text, colour, width=width, size=8.5)
        if skips:
            _skip(axes, x - 0.12, x + width + 0.12, y, height=0.4)
        x += width + _GAP
    return x - _GAP


def _blocks(axes: Any, model: ModelFacts, residual: list[StageFacts], channels_last: bool) -> None:
    """Both blocks layer by layer, with the channels of the first stage and the strides of a later one."""
    wide = _shape(residual[0], channels_last)[1]
    first, second = ("/2", "") if model.variant == "v1" else ("", "/2")
    axes.text(0, 2.35, "convolutional block: the shortcut is a convolution", fontweight="bold")
    axes.text(
        0,
        2.02,
        f"channels of {residual[0].name}, doubled in every stage; stride 2 where a stage halves the image "
        f"({model.variant}: on the {'first 1x1' if model.variant == 'v1' else '3x3'}), 1 in {residual[0].name}",
        fontsize=8.5,
        color="#4a5568",
    )
    _layers(axes, 1.0, wide, (first, second), PROJECTION, projects=True)
    axes.text(0, -0.05, "identity block: the shortcut is the input itself", fontweight="bold")
    _layers(axes, -1.0, wide, ("", ""), IDENTITY, projects=False)
    axes.set_xlim(-0.1, 11.2)
    axes.set_ylim(-1.5, 2.6)
    axes.axis("off")


def _layers(axes: Any, y: float, wide: int, strides: tuple[str, str], colour: str, *, projects: bool) -> None:
    narrow = wide // 4
    texts = [
        f"1x1 conv, {narrow}{_comma(strides[0])}\nbatch norm, ReLU",
        f"3x3 conv, {narrow}{_comma(strides[1])}\nbatch norm, ReLU",
        f"1x1 conv, {wide}\nbatch norm",
    ]
    x, width = 0.9, 2.1
    _arrow(axes, (0.1, y), (x, y))
    for text in texts:
        _box(axes, x, y, text, colour, width=width, size=8.5)
        _arrow(axes, (x + width, y), (x + width + 0.45, y))
        x += width + 0.45
    axes.plot(x + 0.12, y, "o", ms=15, mfc="white", mec=EDGE, zorder=3)
    axes.text(x + 0.12, y, "+", ha="center", va="center", fontsize=13, zorder=4)
    _arrow(axes, (x + 0.28, y), (x + 0.7, y))
    _box(axes, x + 0.7, y, "ReLU", LAYER, width=0.8)
    _arrow(axes, (x + 1.5, y), (x + 1.9, y))
    _skip(axes, 0.5, x + 0.12, y, height=0.62)
    if projects:
        _box(axes, 3.6, y + 0.62, f"1x1 conv, {wide}, /2, batch norm", colour, width=2.9, size=8.5)


def _comma(stride: str) -> str:
    return f", {stride}" if stride else ""
