"""A training on a terminal: what it came to, and its epochs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.results import Epoch, TrainingResult

SHOWN_EPOCHS = 15
_ENDED = {
    "epochs": "all epochs done",
    "early_stopping": "stopped early: no better test accuracy for as long as --early-stopping says",
    "target": "target accuracy reached",
    "interrupted": "interrupted; --resume goes on",
    "budget": "time is up (--max-time); --resume goes on",
}


def percent(share: float | None) -> str:
    """An accuracy with a decimal."""
    return units.UNKNOWN if share is None else f"{100 * share:.1f} %"


def render(result: TrainingResult) -> RenderableType:
    """The answer, the epochs, and where the model lies."""
    parts: list[RenderableType] = [_answer(result)]
    if result.epochs:
        parts += [Text(), _table(_some(result.epochs), result.best_epoch), Text()]
    parts.append(Text(_words(result), style="dim"))
    if result.model_path is not None:
        kept = f"after epoch {result.kept_epoch}" if result.kept_epoch else "before its first epoch's end"
        parts.append(Text(f"Model: {result.model_path} ({kept})", style="dim", overflow="fold"))
    return Group(*parts)


def _answer(result: TrainingResult) -> Text:
    last = result.epochs[-1] if result.epochs else None
    text = Text()
    if last is None:
        return text.append("no epoch was finished", style="bold")
    if last.test_accuracy is None:
        return text.append(f"{percent(last.accuracy)} of training images", style="bold cyan")
    text.append(f"{percent(last.test_accuracy)} test accuracy", style="bold cyan")
    if result.best_epoch is not None and result.best_epoch != last.epoch:
        text.append(f"  best {percent(result.best_accuracy)} in epoch {result.best_epoch}", style="dim")
    if result.time_to_accuracy_s is not None:
        reached = f"  {percent(result.target_accuracy)} after {units.duration(result.time_to_accuracy_s)}"
        text.append(reached, style="green")
    elif result.target_accuracy is not None:
        text.append(f"  {percent(result.target_accuracy)} was not reached", style="yellow")
    return text


def _words(result: TrainingResult) -> str:
    words = [_ENDED[result.ended], f"{result.steps:,} steps"]
    if result.train_images is not None:
        tested = f" and {result.test_images:,} test" if result.test_images is not None else ""
        words.append(f"{result.train_images:,} training{tested} images")
    if result.epochs:
        words.append(units.duration(result.epochs[-1].elapsed_s))
    if result.resumed_from_step is not None:
        words.append(f"resumed from step {result.resumed_from_step:,}")
    return ", ".join(words)


def _some(epochs: Sequence[Epoch]) -> list[Epoch | None]:
    """All epochs, or the first and the last of many with None for a gap."""
    if len(epochs) <= SHOWN_EPOCHS:
        return list(epochs)
    return [*epochs[:3], None, *epochs[-(SHOWN_EPOCHS - 4) :]]


def _table(epochs: Sequence[Epoch | None], best: int | None) -> Table:
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("epoch", "loss", "accuracy", "test loss", "test accuracy", "learning rate", "img/s", "elapsed"):
        grid.add_column(name, justify="right")
    for epoch in epochs:
        if epoch is None:
            grid.add_row("...")
            continue
        test_loss = units.UNKNOWN if epoch.test_loss is None else f"{epoch.test_loss:.4f}"
        grid.add_row(
            str(epoch.epoch),
            f"{epoch.loss:.4f}",
            percent(epoch.accuracy),
            test_loss,
            percent(epoch.test_accuracy),
            f"{epoch.learning_rate:.3g}",
            units.significant(epoch.images_per_s),
            units.duration(epoch.elapsed_s),
            style="bold" if epoch.epoch == best else "",
        )
    return grid
