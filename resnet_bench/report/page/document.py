"""What a report consists of, before it is HTML or Markdown: sections of facts, notes, tables and figures.

Plain frozen data that both writers render, so that they cannot tell different stories. Text is plain text;
escaping is the writers' business. Neighbours: `record_sections.py` and `report.py` build it, `html.py`
and `markdown.py` write it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from resnet_bench.report.figures.charts import Chart

Tone = Literal["", "good", "warn", "bad"]


@dataclass(frozen=True)
class Cell:
    """One cell: its words, what it sorts by where that is not its words, and where it links to."""

    text: str
    sort: float | None = None
    tone: Tone = ""
    href: str = ""


@dataclass(frozen=True)
class TableColumn:
    """A column's heading; numbers are set right."""

    name: str
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under headings; the first cell of a row is its heading. `sortable` ones get buttons."""

    caption: str
    columns: tuple[TableColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sortable: bool = False


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Note:
    """A sentence with its weight; `label` says in words what the tone says in colour."""

    text: str
    tone: Tone = ""
    label: str = ""


@dataclass(frozen=True)
class Notes:
    """Sentences, as a list."""

    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Heading:
    """Where a part of a section begins; `anchor` is its id in the page."""

    anchor: str
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A chart with what it shows as a table beside it."""

    chart: Chart
    table: Table


@dataclass(frozen=True)
class Log:
    """Lines that a program printed."""

    title: str
    lines: tuple[str, ...]


Block = Facts | Heading | Notes | Paragraph | Table | Figure | Log


@dataclass(frozen=True)
class Section:
    """A titled part; `anchor` is its id in the page."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Headline:
    """What a record comes to, in three lines: how fast, whether to believe it, what holds it back.

    `limit` is what `bench-cli bottleneck` answered for the same work, linked to where that is shown.
    """

    rate: str
    interval: str
    verdict: str
    tone: Tone
    reasons: tuple[Note, ...]
    bottleneck: str
    limit: Cell | None = None


@dataclass(frozen=True)
class Download:
    """A file inside the report."""

    name: str
    words: str
    mime: str
    content: bytes


@dataclass(frozen=True)
class Chapter:
    """One record: its answer and its sections."""

    anchor: str
    title: str
    subtitle: str
    answer: Headline
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Document:
    """A whole report: what belongs to all records, then a chapter for each."""

    title: str
    subtitle: str
    made_by: str
    sections: tuple[Section, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    downloads: tuple[Download, ...] = field(default=())


def cell(value: str | Cell) -> Cell:
    """A cell of plain words."""
    return value if isinstance(value, Cell) else Cell(value)


def table(caption: str, columns: str, rows: list[tuple[str | Cell, ...]], *, sortable: bool = False) -> Table:
    """A table whose headings are split at "|"; one that begins with ">" heads a column of numbers."""
    heads = tuple(TableColumn(name.removeprefix(">"), name.startswith(">")) for name in columns.split("|"))
    assert all(len(row) == len(heads) for row in rows), "a row has a cell for each column"
    return Table(caption, heads, tuple(tuple(cell(value) for value in row) for row in rows), sortable)
