"""A training on a terminal: its accuracy, and its epochs. `text.py` puts both into the record's summary."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench.records.training import Epoch, TrainingResult
from resnet_bench.report.terminal.rich_text import add_row
from resnet_bench.report.words import training as words
from resnet_bench.report.words.training import COLUMNS, cells, facts

SHOWN_EPOCHS = 15


def answer(result: TrainingResult) -> Text:
    """The final accuracy, and how it compares with the best and the target."""
    found, details = words.answer(result)
    text = Text(found, style="bold cyan" if result.epochs else "bold")
    for detail, style in details:
        text.append(f"  {detail}", style=style)
    return text


def render(result: TrainingResult, replicas: int | None = None) -> RenderableType:
    """The epochs, and how the training ended; `replicas` are mentioned if there are several."""
    parts: list[RenderableType] = []
    if result.epochs:
        parts += [_table(_some(result.epochs), result.best_epoch), Text()]
    parts.append(Text(", ".join(facts(result, replicas)), style="dim"))
    return Group(*parts)


def saved(result: TrainingResult) -> str:
    """The model's file, and which epoch's weights it has; empty if there is none."""
    if result.model_path is None:
        return ""
    kept = f"after epoch {result.kept_epoch}" if result.kept_epoch else "before the end of its first epoch"
    return f"{result.model_path} ({kept})"


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
