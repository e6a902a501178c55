"""A training on a terminal: its result, and its epochs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench.records.training import Epoch, TrainingResult
from resnet_bench.report.terminal.rich_text import add_row
from resnet_bench.report.words.training import COLUMNS, answer, cells, facts

SHOWN_EPOCHS = 15


def render(result: TrainingResult, replicas: int | None = None) -> RenderableType:
    """The answer, the epochs, and where the model lies; `replicas` are named where they are several."""
    parts: list[RenderableType] = [_answer(result)]
    if result.epochs:
        parts += [Text(), _table(_some(result.epochs), result.best_epoch), Text()]
    parts.append(Text(_words(result, replicas), style="dim"))
    if result.model_path is not None:
        kept = f"after epoch {result.kept_epoch}" if result.kept_epoch else "before its first epoch's end"
        parts.append(Text(f"Model: {result.model_path} ({kept})", style="dim", overflow="fold"))
    return Group(*parts)


def _answer(result: TrainingResult) -> Text:
    words, details = answer(result)
    text = Text(words, style="bold cyan" if result.epochs else "bold")
    for detail, style in details:
        text.append(f"  {detail}", style=style)
    return text


def _words(result: TrainingResult, replicas: int | None) -> str:
    return ", ".join(facts(result, replicas))


def _some(epochs: Sequence[Epoch]) -> list[Epoch | None]:
    """All epochs, or the first and the last of many with None for a gap."""
    if len(epochs) <= SHOWN_EPOCHS:
        return list(epochs)
    return [*epochs[:3], None, *epochs[-(SHOWN_EPOCHS - 4) :]]


def _table(epochs: Sequence[Epoch | None], best: int | None) -> Table:
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in COLUMNS:
        grid.add_column(name, justify="right")
    for epoch in epochs:
        if epoch is None:
            add_row(grid, "...")
        else:
            add_row(grid, *cells(epoch), style="bold" if epoch.epoch == best else "")
    return grid
