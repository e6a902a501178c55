"""Results of `evaluate` as a section of a report: scores per network, their difference, and the scores per class.

Neighbours: `result_sections.py` places it, `report/scores.py` has the words it shares with the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from resnet_bench.records.evaluation import EvaluationRecord, ModelScore
from resnet_bench.report import scores
from resnet_bench.report.page.document import Block, Cell, Facts, Heading, Notes, Paragraph, Table, table
from resnet_bench.report.page.notices import note_of

MOST_CLASSES = 100
"""Classes that the table lists, those of lowest recall first; the download has all."""


def blocks(found: Sequence[tuple[Path, EvaluationRecord]]) -> list[Block]:
    """Each evaluation under its heading."""
    result: list[Block] = []
    for number, (path, each) in enumerate(found, 1):
        heading = f"{number}: {scores.title(each)}" if len(found) > 1 else scores.title(each)
        result += [Heading(f"evaluation-{number}", heading), *_one(path, each)]
    return result


def _one(path: Path, found: EvaluationRecord) -> Iterator[Block]:
    yield _scores(found.models)
    if found.difference is not None:
        for line in scores.differences(found.difference):
            yield Paragraph(line)
    yield _classes(found.models)
    if found.notices:
        yield Notes(tuple(map(note_of, found.notices)))
    yield Facts((("file", f"{path.name}, of {found.created_at[:16].replace('T', ' ')} UTC"),))


def _scores(models: Sequence[ModelScore]) -> Table:
    top5 = any(model.top5 is not None for model in models)
    timed = any(model.images_per_s is not None for model in models)
    heads = f"model|>loss|>accuracy (95 % CI){'|>top-5 (95 % CI)' * top5}{'|>img/s' * timed}"
    rows: list[tuple[str | Cell, ...]] = []
    for model in models:
        more = [scores.interval(model.top5)] * top5 + [scores.speed(model.images_per_s)] * timed
        rows.append((Path(model.path).name, f"{model.loss:.4g}", scores.interval(model.accuracy), *more))
    return table("Scores", heads, rows)


def _classes(models: Sequence[ModelScore]) -> Table:
    """A row per class, that of lowest recall first: images, and precision and recall of each network."""
    two = len(models) > 1
    numbers = [f" {number}" if two else "" for number in range(1, len(models) + 1)]
    heads = "|".join(["class", ">images", *(f">precision{each}|>recall{each}" for each in numbers)])
    lines = list(zip(*(model.classes for model in models), strict=True))
    lines.sort(key=lambda line: 2.0 if line[0].recall is None else line[0].recall)
    rows: list[tuple[str | Cell, ...]] = [
        (
            line[0].name,
            Cell(f"{line[0].images:,}", sort=line[0].images),
            *(
                Cell(scores.share(value), sort=-1.0 if value is None else value)
                for score in line
                for value in (score.precision, score.recall)
            ),
        )
        for line in lines[:MOST_CLASSES]
    ]
    cut = f", the {MOST_CLASSES} of lowest recall" if len(lines) > MOST_CLASSES else ""
    return table(f"Classes{cut}", heads, rows, sortable=True)
