"""The results of `data bench` on a terminal: stages, epochs, memory, options changed one by one.

`report/figures/ablation_chart.py` draws the last of these. Neighbour: `text.py` puts it under the record's summary.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.records.base import Estimate
from resnet_bench.records.pipeline import AblationRate, EpochRate, MemoryTrend, PipelineResult, StageRate
from resnet_bench.report.terminal.rich_text import ByWidth, add_row, spaced
from resnet_bench.report.words.pipeline import epoch_name

STAGE_WORDS = {
    "read": "read",
    "parse": "parse",
    "decode": "decode",
    "crop_resize": "resize",
    "augment": "augment",
    "batch": "batch",
    "prefetch": "prefetch",
    "copy": "copy to device",
}


Row = tuple[tuple[str, ...], str | None]
"""The cells of a row, and its style."""


def render(result: PipelineResult) -> RenderableType:
    """All tables that have rows."""
    blocks: list[RenderableType] = []
    if result.stages:
        blocks.append(_titled("Stage by stage: each with all before it, interleaved", _stages(result)))
    if result.epochs:
        blocks.append(_titled("Passes over the data", _epochs(result.epochs)))
    if result.memory is not None:
        blocks.append(Text(memory_words(result.memory), style="dim"))
    if result.ablation:
        title = "One option changed, interleaved with the full pipeline"
        blocks.append(_titled(title, _ablation(result.ablation)))
    return spaced(blocks)


def _titled(words: str, content: RenderableType) -> RenderableType:
    return Group(Text(words, style="bold"), content)


TABLES_WIDTH = 72
"""Columns that all columns of the tables need; a narrower screen shows the most important ones."""


def _grid(*columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for index, name in enumerate(columns):
        grid.add_column(name, justify="left" if index == 0 else "right", no_wrap=True)
    return grid


def _by_width(names: Sequence[str], most_important: Sequence[str], rows: Sequence[Row]) -> RenderableType:
    """A table with all columns, or with the most important ones where it does not fit."""
    tables = []
    for chosen in (most_important, names):
        grid = _grid(*chosen)
        for cells, style in rows:
            add_row(grid, *(cells[names.index(name)] for name in chosen), style=style)
        tables.append(grid)
    return ByWidth(TABLES_WIDTH, *tables)


def _stages(result: PipelineResult) -> RenderableType:
    names = ("up to", "img/s", "95 % CI", "MB/s", "CPU/img", "added time", "vs. all")
    rows = [
        (
            (
                STAGE_WORDS.get(stage.stage, stage.stage),
                units.significant(stage.images_per_s.value),
                interval(stage.images_per_s),
                units.significant(stage.bytes_per_s / 1e6) if stage.bytes_per_s is not None else units.UNKNOWN,
                units.duration(stage.cpu_s_per_image),
                _added(stage),
                f"{stage.gain:.2f}x" if stage.gain is not None and stage is not result.stages[-1] else "",
            ),
            "cyan" if stage.stage == result.bottleneck else None,
        )
        for stage in result.stages
    ]
    return _by_width(names, ("up to", "img/s", "added time", "vs. all"), rows)


def _added(stage: StageRate) -> str:
    if stage.cost_s is None:
        return units.UNKNOWN
    return f"{'-' if stage.cost_s < 0 else ''}{units.duration(abs(stage.cost_s))}"


def _epochs(epochs: tuple[EpochRate, ...]) -> RenderableType:
    names = ("pass", "page cache", "img/s", "MB/s", "CPU/img", "images", "time", "first batch")
    rows = [
        (
            (
                epoch_name(one),
                one.page_cache + (f" ({units.share(one.resident_share)} in it)" if one.page_cache == "unknown" else ""),
                units.significant(one.images_per_s),
                units.significant(one.bytes_per_s / 1e6) if one.bytes_per_s is not None else units.UNKNOWN,
                units.duration(one.cpu_s_per_image),
                f"{one.images:,}",
                units.duration(one.wall_s),
                units.duration(one.first_batch_s) if one.first_batch_s is not None else "",
            ),
            None,
        )
        for one in epochs
    ]
    return _by_width(names, ("pass", "page cache", "img/s", "images", "time"), rows)


def memory_words(trend: MemoryTrend) -> str:
    """One line on the trend of the worker's memory."""
    if not trend.samples:
        return "Memory: not sampled."
    most = max(one.resident_bytes for one in trend.samples)
    if trend.growth_bytes is None:
        return f"Memory: peak {units.size(most)} resident; too few samples to decide whether it grows."
    images = trend.samples[-1].images - trend.settled_images
    growth = f"{'+' if trend.growth_bytes >= 0 else '-'}{units.size(abs(trend.growth_bytes))}"
    state = "flat" if trend.flat else "growing"
    return f"Memory: peak {units.size(most)} resident, {growth} over the last {images:,} images: {state}."


def _ablation(rows: tuple[AblationRate, ...]) -> RenderableType:
    """Pixels are the mean absolute difference of the images, in levels of 255."""
    grid = _grid("changed", "vs. full", "95 % CI", "img/s", "pixels")
    left_out: dict[str, list[str]] = {}
    for row in rows:
        if row.ratio is None or row.images_per_s is None:
            left_out.setdefault(row.why, []).append(row.change)
            continue
        add_row(
            grid,
            row.change,
            f"{row.ratio.value:.2f}x",
            interval(row.ratio, 2),
            units.significant(row.images_per_s.value),
            "" if row.pixel_difference is None else f"±{row.pixel_difference:.2f}",
        )
    reasons = [Text(f"Left out, as {why}: {', '.join(changes)}", style="dim") for why, changes in left_out.items()]
    return Group(grid, *reasons) if grid.row_count else Group(*reasons)


def interval(estimate: Estimate, digits: int | None = None) -> str:
    """ "1,480 to 1,610", or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    if digits is not None:
        return f"{estimate.low:.{digits}f} to {estimate.high:.{digits}f}"
    return f"{units.significant(estimate.low)} to {units.significant(estimate.high)}"
