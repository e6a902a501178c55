"""Several records as one report: overview, comparison, batch sizes, differing environments, then the chapters.

Pure. Neighbours: `record_sections.py` makes a chapter of a record, `compare.py` and `knee.py` compute.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import resnet_bench
from resnet_bench import compare, units
from resnet_bench.columns import config_of, value_of, varied
from resnet_bench.knee import curves
from resnet_bench.record import Record
from resnet_bench.report import comparison, exports, limit_plots, overview_plots, text
from resnet_bench.report.charts import Words
from resnet_bench.report.document import (
    Block,
    Cell,
    Document,
    Download,
    Figure,
    Note,
    Notes,
    Paragraph,
    Section,
    table,
)
from resnet_bench.report.record_sections import TONES, chapter
from resnet_bench.results import Value

Saved = tuple[Path, Record]

MOST_COMPARED = 30
"""Configurations beside the base that a figure still shows in a readable way."""

SHOWN_VALUES = 4
SHOWN_NOTES = 6


def document(
    records: Sequence[Saved], allow: frozenset[str] = frozenset(), now: datetime.datetime | None = None
) -> Document:
    """The report on one record or more; the first usable one is the base of the comparison.

    `allow` are fields that may differ in it (`compare.check_allowed`); `now` is when the report is made.
    """
    moment = (now or datetime.datetime.now(datetime.UTC)).isoformat(timespec="minutes")
    names = labels([record for _, record in records])
    anchors = [f"record-{number}" for number in range(1, len(records) + 1)]
    one = records[0][1]
    alone = len(records) == 1
    return Document(
        title=text.headline(one) if alone else f"{len(records)} records of ResNet-50 in TensorFlow",
        subtitle=text.subtitle(one) if alone else _span(records),
        made_by=f"Report of {moment.replace('T', ' ').replace('+00:00', ' UTC')}, "
        f"resnet-bench {resnet_bench.__version__}",
        sections=() if alone else tuple(_sections(records, names, anchors, allow)),
        chapters=tuple(chapter(path, record, anchor) for (path, record), anchor in zip(records, anchors, strict=True)),
        downloads=(Download("records.csv", "All records as CSV, a row each", "text/csv", exports.csv_bytes(records)),),
    )


def _span(records: Sequence[Saved]) -> str:
    moments = sorted(record.created_at[:16].replace("T", " ") for _, record in records)
    kinds = Counter(record.verdict.kind for _, record in records)
    found = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    return f"Measured {moments[0]} to {moments[-1]} UTC; {found}"


def labels(records: Sequence[Record]) -> list[str]:
    """A short name for each: the mode and what differs among them; numbered where that is not enough."""
    shown = [o for o in varied([config_of(record) for record in records]) if o.name not in ("mode", "preset")]
    differing = [option for option in shown if option.extra.get("role") != "protocol"][:6]
    found = []
    for record in records:
        config = config_of(record)
        parts = [f"{option.name.replace('_', ' ')} {_word(value_of(config, option))}" for option in differing]
        found.append(", ".join([config.step.mode, *parts]))
    counts = Counter(found)
    return [f"{number}: {name}" if counts[name] > 1 else name for number, name in enumerate(found, 1)]


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)


def _sections(
    records: Sequence[Saved], names: list[str], anchors: list[str], allow: frozenset[str]
) -> list[Section]:
    found = [
        ("overview", "Overview", _overview(records, names, anchors)),
        ("comparison", "Comparison", _comparison(records, allow)),
        ("batches", "Throughput against latency", _batches(records)),
        ("differences", "Differing environments", _differences(records, names)),
    ]
    return [Section(anchor, title, tuple(blocks)) for anchor, title, blocks in found if blocks]


def _overview(records: Sequence[Saved], names: list[str], anchors: list[str]) -> list[Block]:
    rows: list[tuple[str | Cell, ...]] = []
    for (path, record), name, anchor in zip(records, names, anchors, strict=True):
        summary = record.summary
        median = summary.step_latency_s.p50 if summary and summary.step_latency_s else None
        rows.append(
            (
                Cell(name, href=f"#{anchor}"),
                _number(summary.images_per_s.value if summary else None, units.significant),
                text.interval_of(record) or units.UNKNOWN,
                _number(summary.step_s.value if summary else None, units.duration),
                _number(median.value if median else None, units.duration),
                Cell(_verdict(record), tone=TONES[record.verdict.kind]),
                record.created_at[:16].replace("T", " "),
                path.name,
            )
        )
    heads = "record|>img/s|95 %|>mean step|>median latency|verdict|measured (UTC)|file"
    blocks: list[Block] = [table("All records", heads, rows, sortable=True)]
    figure = overview_plots.throughputs([(name, record) for name, (_, record) in zip(names, records, strict=True)])
    return [*blocks, figure] if figure is not None else blocks


def _verdict(record: Record) -> str:
    """The verdict, and what ended a run that did not finish."""
    kind = record.outcome.kind
    return record.verdict.kind if kind == "ok" else f"{record.verdict.kind}: {kind.replace('_', ' ')}"


def _number(value: float | None, words: Words) -> Cell:
    return Cell(units.UNKNOWN) if value is None else Cell(words(value), sort=value)


def _comparison(records: Sequence[Saved], allow: frozenset[str]) -> list[Block]:
    """Ratios to the first usable record's configuration, and what forbids the others."""
    usable = [compare.Source(path.name, record) for path, record in records if compare.unusable(record, allow) is None]
    left_out = [
        Note(f"{path.name} is not compared: {reason}.", "warn", "left out")
        for path, record in records
        if (reason := compare.unusable(record, allow)) is not None
    ]
    pools = compare.pools(usable, allow)
    if len(pools) < 2:
        return [Notes(tuple(left_out))] if left_out and pools else []
    report = compare.compare(pools[0], pools[1:], allow)
    base = pools[0].record
    blocks: list[Block] = [Paragraph(f"The base is {text.headline(base)}, {text.subtitle(base)}.")]
    figure = overview_plots.ratios(report) if len(report.comparisons) <= MOST_COMPARED else None
    if figure is not None:
        blocks.append(figure)
    elif report.comparisons:
        blocks.append(_ratio_table(report))
    refused = _most([Note(line, "warn", "refused") for line in comparison.refusals(report)])
    notes = [Note(line, "", "note") for line in comparison.notes(report)]
    told = (*refused, *_most(left_out), *_most(notes))
    return [*blocks, Notes(told)] if told else blocks


def _most(notes: list[Note]) -> list[Note]:
    """The first of many notes, and how many more there are."""
    if len(notes) <= SHOWN_NOTES:
        return notes
    more = len(notes) - SHOWN_NOTES + 1
    return [*notes[: SHOWN_NOTES - 1], Note(f"{more} more like this.", notes[0].tone, notes[0].label)]


def _ratio_table(report: compare.Report) -> Block:
    rows: list[tuple[str | Cell, ...]] = [
        (
            each.new.label,
            Cell(comparison.ratio(each.ratio.value), sort=each.ratio.value),
            comparison.interval(each.ratio),
            each.finding,
        )
        for each in report.comparisons
    ]
    return table("Ratios to the base", "configuration|>ratio|95 %|finding", rows, sortable=True)


def _batches(records: Sequence[Saved]) -> list[Block]:
    found: list[Block] = []
    for curve in curves([record for _, record in records]):
        one = curve.loads[0].record
        figure: Figure = limit_plots.knee(curve)
        found += [Paragraph(f"{text.headline(one)}, {text.subtitle(one)}."), figure]
    return found


def _differences(records: Sequence[Saved], names: list[str]) -> list[Block]:
    """The fields around the runs that are not the same in all records, and who has which value."""
    values: dict[str, dict[str, list[str]]] = {}
    for name, (_, record) in zip(names, records, strict=True):
        if record.environment is None:
            continue
        machine = {field: get(record) for field, get in (compare.MACHINE | compare.VERSIONS).items()}
        for field, value in {**machine, **compare.environment_fields(record)}.items():
            values.setdefault(field, {}).setdefault(units.UNKNOWN if value is None else str(value), []).append(name)
    known = sum(record.environment is not None for _, record in records)
    rows: list[tuple[str | Cell, ...]] = []
    for field, groups in values.items():
        missing = known - sum(len(group) for group in groups.values())
        if len(groups) > 1 or missing:
            rows.append((field, _groups(groups, missing)))
    return [table("What differs around the runs", "field|values", rows)] if rows else []


def _groups(groups: dict[str, list[str]], missing: int) -> str:
    shown = sorted(groups.items(), key=lambda each: -len(each[1]))
    words = [f"{value} ({who[0] if len(who) == 1 else f'{len(who)} records'})" for value, who in shown[:SHOWN_VALUES]]
    if len(shown) > SHOWN_VALUES:
        words.append(f"{len(shown) - SHOWN_VALUES} more values")
    if missing:
        words.append(f"absent ({missing} records)")
    return "; ".join(words)
