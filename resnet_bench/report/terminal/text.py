"""Records on a terminal: the answer first, then what it rests on.

Builds rich renderables; the command line prints them. Numbers are worded by `units.py`, notices by
`records/notices/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.records.base import distinct
from resnet_bench.records.record import Record
from resnet_bench.records.summary import Summary
from resnet_bench.report.terminal import evidence, pipeline, profile, training
from resnet_bench.report.terminal.notices import notice_line
from resnet_bench.report.terminal.rich_text import add_row
from resnet_bench.report.words import training as training_words
from resnet_bench.report.words.record import _interval, fact_rows, headline, interval_of, last_words, subtitle

VERDICT_STYLE = {"valid": "bold green", "provisional": "bold yellow", "invalid": "bold red"}


def render(record: Record, path: Path | None = None) -> RenderableType:
    """The whole summary of one record."""
    parts: list[RenderableType] = [Text(headline(record), style="bold"), Text(subtitle(record), style="dim"), Text()]
    parts.append(Padding(_answer(record), (0, 2)))
    if record.outcome.kind != "ok":
        parts += [Text(), Padding(_outcome(record), (0, 2))]
    if record.training is not None:
        parts += [Text(), Padding(training.render(record.training, training_words.replicas_of(record)), (0, 2))]
    if record.summary is not None:
        parts += [Text(), Padding(_facts(record, record.summary), (0, 2))]
    failures = evidence.failures(record)
    if failures is not None:
        parts += [Text(), Padding(failures, (0, 2))]
    if record.trace is not None:
        parts += [Text(), Padding(profile.block(record.trace, record.profile), (0, 2))]
    if record.pipeline is not None:
        parts.append(Padding(pipeline.render(record.pipeline), (0, 2)))
    notes = _notes(record)
    if notes:
        parts += [Text(), *(Padding(note, (0, 2)) for note in notes)]
    if path is not None:
        parts += [Text(), Padding(Text(f"Record: {path}", style="dim", overflow="fold"), (0, 2))]
        if record.trace is not None:
            parts.append(Padding(Text(profile.how_to_open(path), style="dim", overflow="fold"), (0, 2)))
    return Group(*parts)


def _answer(record: Record) -> Text:
    text = Text()
    if record.summary is not None:
        text.append(units.rate(record.summary.images_per_s.value), style="bold cyan")
        text.append(f"  {_interval(record.summary.images_per_s)}   ", style="dim")
    else:
        text.append("no throughput   ", style="bold")
    text.append(record.verdict.kind, style=VERDICT_STYLE[record.verdict.kind])
    return text


def _outcome(record: Record) -> RenderableType:
    outcome = record.outcome
    lines = [Text(f"{outcome.message} {outcome.remedy}".strip(), style="red")]
    tail = last_words(record.outcome)
    if tail:
        lines.append(Text("The worker's last lines:", style="dim"))
        lines += [Text(f"  {line}", style="dim", overflow="fold") for line in tail]
    return Group(*lines)


def _facts(record: Record, summary: Summary) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for name, words in fact_rows(record, summary):
        if words:
            add_row(grid, name, words)
    return grid


def _notes(record: Record) -> list[Text]:
    """Reasons and notes of the verdict, then the warnings that are no reasons."""
    reasons = distinct(record.verdict.reasons)
    others = distinct((*reasons, *record.verdict.notes, *record.warnings))[len(reasons) :]
    style = VERDICT_STYLE[record.verdict.kind]
    return [*(Text.assemble(("- ", style), reason.message) for reason in reasons), *map(notice_line, others)]


def table(records: Sequence[tuple[Path, Record]]) -> Table:
    """Several records, a row each."""
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for name, justify in (
        ("run", "left"),
        ("img/s", "right"),
        ("95 %", "left"),
        ("verdict", "left"),
        ("record", "left"),
    ):
        grid.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for path, record in records:
        summary = record.summary
        add_row(
            grid,
            f"{headline(record)}, {subtitle(record)}",
            units.significant(summary.images_per_s.value) if summary else units.UNKNOWN,
            interval_of(record),
            Text(record.verdict.kind, style=VERDICT_STYLE[record.verdict.kind]),
            path.name,
        )
    return grid
