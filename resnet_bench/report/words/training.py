"""Words of trainings. Pure.

Neighbours: `report/terminal/` and `report/page/` show them.
"""

from __future__ import annotations

from resnet_bench import units
from resnet_bench.records.record import Record
from resnet_bench.records.training import Epoch, TrainingResult

COLUMNS = ("epoch", "loss", "accuracy", "test loss", "test accuracy", "learning rate", "img/s", "elapsed")


_ENDED = {
    "epochs": "all epochs done",
    "early_stopping": "stopped early: no better test accuracy for as long as --early-stopping says",
    "target": "target accuracy reached",
    "interrupted": "interrupted (continue with --resume)",
    "failed": "an error ended it",
    "budget": "--max-time reached (continue with --resume)",
}


def percent(share: float | None) -> str:
    """An accuracy with a decimal."""
    return units.UNKNOWN if share is None else f"{100 * share:.1f} %"


def replicas_of(record: Record) -> int | None:
    """How many replicas shared each batch; None where that is not known."""
    found = record.environment.tensorflow if record.environment is not None else None
    return found.replicas if found is not None else None


def answer(result: TrainingResult) -> tuple[str, list[tuple[str, str]]]:
    """The final accuracy of the training, and its details, each with its style."""
    last = result.epochs[-1] if result.epochs else None
    if last is None:
        return "no epoch was finished", []
    if last.test_accuracy is None:
        return f"{percent(last.accuracy)} of training images", []
    details = []
    if result.best_epoch is not None and result.best_epoch != last.epoch:
        details.append((f"best {percent(result.best_accuracy)} in epoch {result.best_epoch}", "dim"))
    if result.time_to_accuracy_s is not None:
        reached = f"{percent(result.target_accuracy)} after {units.duration(result.time_to_accuracy_s)}"
        details.append((reached, "green"))
    elif result.target_accuracy is not None:
        details.append((f"{percent(result.target_accuracy)} was not reached", "yellow"))
    return f"{percent(last.test_accuracy)} test accuracy", details


def facts(result: TrainingResult, replicas: int | None) -> list[str]:
    """How it ended and how much it did, in words."""
    words = [_ENDED[result.ended], f"{result.steps:,} steps"]
    if result.train_images is not None:
        tested = f" and {result.test_images:,} test" if result.test_images is not None else ""
        words.append(f"{result.train_images:,} training{tested} images")
    if result.epochs:
        words.append(units.duration(result.epochs[-1].elapsed_s))
    if replicas is not None and replicas > 1:
        words.append(f"each batch shared by {replicas} replicas")
    if result.resumed_from_step is not None:
        words.append(f"resumed from step {result.resumed_from_step:,}")
    return words


def cells(epoch: Epoch) -> tuple[str, ...]:
    """A cell for each of `COLUMNS`."""
    return (
        str(epoch.epoch),
        f"{epoch.loss:.4f}",
        percent(epoch.accuracy),
        units.UNKNOWN if epoch.test_loss is None else f"{epoch.test_loss:.4f}",
        percent(epoch.test_accuracy),
        f"{epoch.learning_rate:.3g}",
        units.significant(epoch.images_per_s),
        units.duration(epoch.elapsed_s),
    )
