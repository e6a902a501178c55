"""Learning curves as a picture (SVG or PNG): loss, accuracy and images/s over epochs.

matplotlib draws. Neighbours: `records/training.py` has the words, `cli/train.py` writes the file.
"""

from __future__ import annotations

import io
from typing import Any

from resnet_bench.records.training import TrainingResult

_TRAIN, _TEST, _MARK, _GRID, _GREY = "#2b6cb0", "#c05621", "#1b7837", "#e2e8f0", "#4a5568"


def draw(result: TrainingResult, title: str, subtitle: str, suffix: str) -> bytes:
    """The picture as bytes of a file of that suffix, ".svg" or ".png"; one finished epoch or more."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    kind = suffix.removeprefix(".")
    with rc_context({"svg.hashsalt": "resnet-bench", "font.size": 10}):
        figure = Figure(figsize=(12, 4.2), layout="constrained", dpi=150)
        loss, accuracy, rate = figure.subplots(1, 3, width_ratios=(4, 4, 3))
        _losses(loss, result)
        _accuracies(accuracy, result)
        _rates(rate, result)
        figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=12, fontweight="bold")
        figure.text(0.01, 0.925, subtitle, fontsize=9, color=_GREY, va="top")
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def _series(axes: Any, result: TrainingResult, train: str, test: str, scale: float, note: str = "") -> None:
    """The train and the test figures of each epoch, in marks that differ without colour; `note` is about the test's."""
    for name, label, colour, mark in ((train, "train", _TRAIN, "o"), (test, f"test{note}", _TEST, "s")):
        points = [(each.epoch, getattr(each, name)) for each in result.epochs if getattr(each, name) is not None]
        if points:
            epochs, values = zip(*points, strict=True)
            axes.plot(epochs, [scale * value for value in values], color=colour, marker=mark, ms=4, lw=1.5, label=label)


def _losses(axes: Any, result: TrainingResult) -> None:
    _series(axes, result, "loss", "test_loss", 1.0)
    _logarithmic(axes)
    _dress(axes, result, "loss (cross-entropy)")
    axes.legend(loc="upper right", frameon=False)


def _logarithmic(axes: Any) -> None:
    """A logarithmic scale whose ticks are plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _accuracies(axes: Any, result: TrainingResult) -> None:
    best = result.best_accuracy
    note = "" if best is None else f" (best {100 * best:.1f} % in epoch {result.best_epoch})"
    _series(axes, result, "accuracy", "test_accuracy", 100.0, note)
    if result.target_accuracy is not None:
        axes.axhline(100 * result.target_accuracy, color=_MARK, lw=1, ls="--", label="target")
    _dress(axes, result, "accuracy [%]")
    axes.legend(loc="lower right", frameon=False)


def _rates(axes: Any, result: TrainingResult) -> None:
    axes.plot(
        [each.epoch for each in result.epochs],
        [each.images_per_s for each in result.epochs],
        color=_GREY,
        marker="o",
        ms=4,
        lw=1.5,
    )
    axes.set_ylim(bottom=0, top=1.15 * max(each.images_per_s for each in result.epochs))
    _dress(axes, result, "training speed [img/s]")


def _dress(axes: Any, result: TrainingResult, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(name, loc="left", fontsize=10)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    if len(result.epochs) == 1:
        axes.set_xlim(0.5, 1.5)
    axes.grid(axis="y", color=_GRID)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
