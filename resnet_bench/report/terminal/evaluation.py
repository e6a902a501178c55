"""Scores and predictions on a terminal. Neighbour: `report/scores.py` has the words that the report page shares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench.records.evaluation import ClassScore, EvaluationRecord, ModelScore, Prediction
from resnet_bench.report import scores
from resnet_bench.report.terminal.notices import notice_list
from resnet_bench.report.terminal.rich_text import add_row, indented, spaced

MOST_CLASSES = 30


def render(evaluation: EvaluationRecord) -> RenderableType:
    """The data set, the scores, the difference of two networks, the classes, and notices."""
    first = evaluation.models[0]
    title = Text(scores.title(evaluation), style="bold")
    blocks: list[RenderableType] = [title, indented(_scores(evaluation.models))]
    if evaluation.difference is not None:
        blocks.append(indented(Text("\n".join(scores.differences(evaluation.difference)))))
    lowest = f"The {MOST_CLASSES} classes of lowest recall; --json has all {len(first.classes):,}."
    more = [Text(lowest, style="dim")] if len(first.classes) > MOST_CLASSES else []
    blocks.append(indented(Group(_classes(evaluation.models), *more)))
    if evaluation.notices:
        blocks.append(indented(notice_list(evaluation.notices)))
    return spaced(blocks)


def _table(*columns: str) -> Table:
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for number, name in enumerate(columns):
        grid.add_column(name, justify="right" if number else "left", overflow="fold")
    return grid


def _scores(models: Sequence[ModelScore]) -> Table:
    top5 = any(model.top5 is not None for model in models)
    timed = any(model.images_per_s is not None for model in models)
    grid = _table(
        "model", "loss", "accuracy (95 % CI)", *(["top-5 (95 % CI)"] if top5 else []), *(["img/s"] if timed else [])
    )
    for model in models:
        more = [scores.interval(model.top5)] * top5 + [scores.speed(model.images_per_s)] * timed
        add_row(grid, Path(model.path).name, f"{model.loss:.4g}", scores.interval(model.accuracy), *more)
    return grid


def _classes(models: Sequence[ModelScore]) -> Table:
    """A row per class: images, and precision and recall of each network."""
    two = len(models) > 1
    headers = [
        f"{word}{f' {number}' if two else ''}"
        for number in range(1, len(models) + 1)
        for word in ("precision", "recall")
    ]
    grid = _table("class", "images", *headers)
    rows = list(zip(*(model.classes for model in models), strict=True))
    if len(rows) > MOST_CLASSES:
        rows = sorted(rows, key=lambda row: 2.0 if row[0].recall is None else row[0].recall)[:MOST_CLASSES]
    for row in rows:
        cells = [scores.share(value) for score in row for value in _both(score)]
        add_row(grid, row[0].name, f"{row[0].images:,}", *cells)
    return grid


def _both(score: ClassScore) -> tuple[float | None, float | None]:
    return score.precision, score.recall


def predictions(found: Sequence[Prediction]) -> RenderableType:
    """A row per image that could be read: its most likely classes with their probabilities."""
    if all(each.problem is not None for each in found):
        return Text("No image could be read.", style="red")
    most = max((len(each.likely) for each in found), default=0)
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("image", overflow="fold")
    for place in range(most):
        grid.add_column("class" if place == 0 else "then", overflow="fold")
    for each in found:
        if each.problem is None:
            cells = [f"{likely.name or likely.label} {scores.share(likely.probability)}" for likely in each.likely]
            add_row(grid, each.path, *cells)
    return grid
