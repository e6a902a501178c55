"""A document as Markdown, for a pull request or an issue: the same words and tables, without the drawings.

Neighbours: `document.py` has what is written, `html.py` writes the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from resnet_bench.report.page.document import (
    Cell,
    Document,
    Facts,
    Figure,
    Heading,
    Headline,
    Log,
    Notes,
    Paragraph,
    Section,
    Table,
)

MOST_ROWS = 40
"""Longer tables, such as one with every round, are left to the HTML report and the record."""

MOST_CHAPTERS = 5
"""Reports on more records have the answer of each in the overview, and no chapters."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def render(document: Document) -> str:
    """The report as GitHub's Markdown; what a record says is escaped."""
    alone = len(document.chapters) == 1
    lines = [f"# {_escaped(document.title)}", _escaped(document.subtitle)]
    if alone:
        lines += _answer(document.chapters[0].answer)
    for section in document.sections:
        lines += _section(section, 2)
    for chapter in document.chapters if len(document.chapters) <= MOST_CHAPTERS else ():
        if not alone:
            lines += [f"## {_escaped(chapter.title)}", _escaped(chapter.subtitle), *_answer(chapter.answer)]
        for section in chapter.sections:
            lines += _section(section, 2 if alone else 3)
    return "\n\n".join([*lines, f"_{_escaped(document.made_by)}_"]) + "\n"


def _escaped(text: str) -> str:
    """Plain text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _answer(found: Headline) -> list[str]:
    between = f" ({_escaped(found.interval)})" if found.interval else ""
    lines = [f"**{_escaped(found.rate)}**{between}, **{found.verdict}**"]
    if found.bottleneck:
        limit = f"**{_escaped(found.limit.text)}**, " if found.limit else ""
        lines.append(f"Bottleneck: {limit}{_escaped(found.bottleneck)}")
    return [*lines, _list(note.text for note in found.reasons)] if found.reasons else lines


def _section(section: Section, level: int) -> list[str]:
    lines = [f"{'#' * level} {_escaped(section.title)}"]
    for block in section.blocks:
        lines.append(f"{'#' * (level + 1)} {_escaped(block.text)}" if isinstance(block, Heading) else _block(block))
    return lines


def _block(block: Facts | Notes | Paragraph | Table | Figure | Log) -> str:
    if isinstance(block, Facts):
        return "\n".join(f"- **{_escaped(name)}**: {_escaped(words)}" for name, words in block.rows)
    if isinstance(block, Notes):
        return _list(f"{note.label}: {note.text}" if note.label else note.text for note in block.notes)
    if isinstance(block, Figure):
        return f"{_escaped(block.chart.description)}\n\n{_table(block.table)}"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Log):
        return f"{_escaped(block.title)}:\n\n" + "\n".join(f"    {line}" for line in block.lines)
    return _escaped(block.text)


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_escaped(line)}" for line in lines)


def _table(found: Table) -> str:
    if len(found.rows) > MOST_ROWS:
        return f"{_escaped(found.caption)}: {len(found.rows)} rows, which the HTML report shows."
    rows = [
        _row(_escaped(column.name) for column in found.columns),
        _row("--:" if column.numeric else "---" for column in found.columns),
        *(_row(_cell(cell) for cell in row) for row in found.rows),
    ]
    return f"**{_escaped(found.caption)}**\n\n" + "\n".join(rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    if cell.href and not cell.href.startswith("#"):
        return f"[{_escaped(cell.text)}]({cell.href})"
    return _escaped(cell.text)
