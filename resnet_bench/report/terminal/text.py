"""Records on a terminal: throughput, step time and verdict first, then the details, then the next command.

Builds rich renderables; the command line prints them. Numbers are worded by `units.py`, notices by
`records/notices/`, everything else by `report/words/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.records.base import Notice, distinct
from resnet_bench.records.record import Record
from resnet_bench.report.terminal import evidence, pipeline, profile, training
from resnet_bench.report.terminal.notices import notice_list
from resnet_bench.report.terminal.rich_text import (
    ByWidth,
    add_row,
    bullets,
    facts,
    failure,
    indented,
    spaced,
    whole_line,
)
from resnet_bench.report.words import training as training_words
from resnet_bench.report.words.facts import fact_rows, time_rows
from resnet_bench.report.words.next_step import next_step
from resnet_bench.report.words.record import (
    confidence,
    headline,
    interval_of,
    last_words,
    short_name,
    subtitle,
)

VERDICT_STYLE = {"valid": "bold green", "provisional": "bold yellow", "invalid": "bold red"}
FILE_NAMES_WIDTH = 130
"""Columns that a table of records needs to show whole file names."""

NAME_WIDTH = 13
"""Of the longest name in `_answer` and `fact_rows`, so that both are aligned."""


def render(record: Record, path: Path | None = None) -> RenderableType:
    """The whole summary of one record; `path` is where it was saved."""
    blocks = [Group(Text(headline(record), style="bold"), Text(subtitle(record), style="dim"))]
    blocks += [Group(*(indented(part) for part in parts)) for parts in _blocks(record) if parts]
    if path is not None:
        blocks.append(Group(*_closing(record, path)))
    return spaced(blocks)


def _blocks(record: Record) -> Iterator[list[RenderableType]]:
    """The parts of the summary, with an empty line before each; an empty one is left out."""
    yield _answer(record)
    yield [] if record.outcome.kind == "ok" else [failure(record.outcome, last_words(record.outcome))]
    if record.training is not None:
        yield [training.render(record.training, training_words.replicas_of(record))]
    if record.summary is not None:
        yield [facts(fact_rows(record, record.summary), NAME_WIDTH)]
    failures = evidence.failures(record)
    yield [] if failures is None else [failures]
    if record.trace is not None:
        yield [profile.block(record.trace, record.profile)]
    if record.pipeline is not None:
        yield [pipeline.render(record.pipeline)]
    notices = other_notices(record)
    yield [notice_list(notices)] if notices else []


def _answer(record: Record) -> list[RenderableType]:
    """Throughput, step time and verdict with its reasons; of a training, its accuracy first."""
    rows: list[tuple[str, str | Text]] = []
    if record.training is not None:
        rows.append(("result", training.answer(record.training)))
    if record.summary is not None:
        rate = record.summary.images_per_s
        rows.append(
            ("throughput", Text.assemble((units.rate(rate.value), "bold cyan"), (f"  {confidence(rate)}", "dim")))
        )
        rows += time_rows(record.summary)
    elif record.training is None:
        rows.append(("throughput", Text("not measured", style="bold")))
    verdict, style = record.verdict, VERDICT_STYLE[record.verdict.kind]
    rows.append(("verdict", Text(verdict.kind, style=style)))
    reasons = [("-", style, reason.message) for reason in distinct(verdict.reasons)]
    return [facts(rows, NAME_WIDTH), *([indented(bullets(reasons))] if reasons else [])]


def other_notices(record: Record) -> tuple[Notice, ...]:
    """Notes of the verdict and warnings, without the verdict's reasons."""
    reasons = distinct(record.verdict.reasons)
    return distinct((*reasons, *record.verdict.notes, *record.warnings))[len(reasons) :]


def _closing(record: Record, path: Path) -> Iterator[Text]:
    """Where the record and a trained model are, and the command to run next."""
    model = training.saved(record.training) if record.training is not None else ""
    if model:
        yield whole_line("Model:", model)
    yield whole_line("Record:", str(path))
    if record.trace is not None:
        yield whole_line("Trace:", profile.how_to_open(path))
    yield whole_line("Next:", next_step(record, path))


def table(records: Sequence[tuple[Path, Record]]) -> RenderableType:
    """Several records, a row each; on a narrow screen names are short."""
    return ByWidth(FILE_NAMES_WIDTH, _table(records, whole=False), _table(records, whole=True))


def _table(records: Sequence[tuple[Path, Record]], whole: bool) -> Table:
    grid = Table(box=None, header_style="dim", pad_edge=False)
    grid.add_column("run", overflow="fold")
    grid.add_column("img/s", justify="right", no_wrap=True)
    for name in ("95 % CI", "verdict", "record"):
        grid.add_column(name, no_wrap=True)
    for path, record in records:
        summary = record.summary
        add_row(
            grid,
            f"{headline(record)}, {subtitle(record)}" if whole else short_name(record),
            units.significant(summary.images_per_s.value) if summary else units.UNKNOWN,
            interval_of(record),
            Text(record.verdict.kind, style=VERDICT_STYLE[record.verdict.kind]),
            path.name if whole else path.stem.rpartition("-")[2],
        )
    return grid
