"""Records and other results as one report: overview, results, comparison, batch sizes, differing environments,
then a chapter for each record.

Pure. Neighbours: `record_sections.py` makes a chapter of a record, `result_sections.py` sections of the other
results, `analysis/compare.py` and `analysis/batch_curve.py` compute.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import resnet_bench
from resnet_bench import units
from resnet_bench.analysis import compare
from resnet_bench.analysis.batch_curve import curves
from resnet_bench.config.fields import Value
from resnet_bench.config.options import Option, options
from resnet_bench.records.columns import config_of, value_of, varied
from resnet_bench.records.read import SavedResults
from resnet_bench.records.record import Record
from resnet_bench.report.figures import limit_plots, overview_plots
from resnet_bench.report.figures.charts import ChartLabels
from resnet_bench.report.page import downloads, result_sections
from resnet_bench.report.page.document import Block, Cell, Document, Figure, Note, Notes, Paragraph, Section, table
from resnet_bench.report.page.headline import TONES, BottleneckLink, bottleneck_of
from resnet_bench.report.page.record_sections import chapter
from resnet_bench.report.words import comparison
from resnet_bench.report.words import record as text

SavedRecord = tuple[Path, Record]

MOST_COMPARED = 30
"""Configurations beside the base that a figure still shows in a readable way."""

SHOWN_VALUES = 4
SHOWN_HASH = 12
SHOWN_NOTES = 6
SHOWN_OPTIONS = 5
_SELF_EXPLAINING = ("source", "image_size", "precision", "optimizer")


def document(
    records: Sequence[SavedRecord],
    allow: frozenset[str] = frozenset(),
    now: datetime.datetime | None = None,
    results: SavedResults | None = None,
) -> Document:
    """The report on records and other `results`, at least one of either; the first usable record is the base of
    the comparison.

    `allow` are fields that may differ in it (`compare.check_allowed`); `now` is when the report is made.
    """
    results = results or SavedResults()
    moment = (now or datetime.datetime.now(datetime.UTC)).isoformat(timespec="minutes")
    shown = differing([record for _, record in records])
    names = labels([record for _, record in records], shown)
    anchors = [f"record-{number}" for number in range(1, len(records) + 1)]
    known = result_sections.bottlenecks(results)
    limits = [bottleneck_of(record, known) for _, record in records]
    alone = records[0][1] if len(records) == 1 else None
    parts = result_sections.sections(results)
    return Document(
        title=text.headline(alone) if alone else _title(records),
        subtitle=text.subtitle(alone) if alone else _span(records, results),
        made_by=f"Report of {moment.replace('T', ' ').replace('+00:00', ' UTC')}, "
        f"resnet-bench {resnet_bench.__version__}",
        sections=tuple(parts if len(records) < 2 else _sections(records, names, anchors, shown, allow, limits, parts)),
        chapters=tuple(
            chapter(path, record, anchor, limit)
            for (path, record), anchor, limit in zip(records, anchors, limits, strict=True)
        ),
        downloads=tuple(downloads.files(records, results)),
    )


def _title(records: Sequence[SavedRecord]) -> str:
    what = f"{len(records)} records" if records else "Measurements"
    return f"{what} of ResNet-50 in TensorFlow"


def _span(records: Sequence[SavedRecord], results: SavedResults) -> str:
    made = [each.created_at for _, each in (*records, *results.all)]
    moments = sorted(moment[:16].replace("T", " ") for moment in made)
    if not records:
        return f"Measured {moments[0]} to {moments[-1]} UTC"
    kinds = Counter(record.verdict.kind for _, record in records)
    found = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    return f"Measured {moments[0]} to {moments[-1]} UTC; {found}"


def differing(records: Sequence[Record]) -> list[Option]:
    """The options, mode first, in which the records differ; of runs that ended before "auto" was resolved only
    the mode counts."""
    resolved = [record.config.resolved for record in records if record.config.resolved is not None]
    found = [option for option in varied(resolved) if option.extra.get("role") != "protocol" and option.name != "mode"]
    mode = [option for option in options() if option.name == "mode"]
    return [*mode, *found[:SHOWN_OPTIONS]]


def labels(records: Sequence[Record], shown: Sequence[Option]) -> list[str]:
    """A short name for each, of the values of `shown`; numbered where some have the same."""
    found = []
    for record in records:
        config = config_of(record)
        named = sorted(shown, key=lambda option: option.name not in _SELF_EXPLAINING)
        parts = [_named(option, _word(value_of(config, option))) for option in named if option.name != "mode"]
        found.append(", ".join([config.step.mode, *parts]))
    ambiguous = len(set(found)) < len(found)
    return [f"{number}: {name}" if ambiguous else name for number, name in enumerate(found, 1)]


def _named(option: Option, value: str) -> str:
    """ "batch 16"; a value that names itself stands alone: "photos"."""
    return value if option.name in _SELF_EXPLAINING else f"{_heading(option)} {value}"


def _heading(option: Option) -> str:
    return "batch" if option.name == "batch_size" else option.name.replace("_", " ")


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)


def _sections(
    records: Sequence[SavedRecord],
    names: list[str],
    anchors: list[str],
    shown: Sequence[Option],
    allow: frozenset[str],
    limits: Sequence[BottleneckLink | None],
    results: Sequence[Section],
) -> list[Section]:
    """The overview, the sections of the other `results`, and what belongs to all records."""
    found = [
        ("comparison", "Comparison", _comparison(records, allow)),
        ("batches", "Throughput against latency", _batches(records)),
        ("differences", "Differing environments", _differences(records, names)),
    ]
    overview = Section("overview", "Overview", tuple(_overview(records, names, anchors, shown, limits)))
    return [overview, *results, *(Section(anchor, title, tuple(blocks)) for anchor, title, blocks in found if blocks)]


def _overview(
    records: Sequence[SavedRecord],
    names: list[str],
    anchors: list[str],
    shown: Sequence[Option],
    limits: Sequence[BottleneckLink | None],
) -> list[Block]:
    rows: list[tuple[str | Cell, ...]] = []
    limited = any(limit is not None for limit in limits)
    for number, ((_, record), anchor, limit) in enumerate(zip(records, anchors, limits, strict=True), 1):
        summary, config = record.summary, config_of(record)
        median = summary.step_latency_s.p50 if summary and summary.step_latency_s else None
        rows.append(
            (
                Cell(f"record {number}", sort=number, href=f"#{anchor}"),
                _number(summary.images_per_s.value if summary else None, units.significant),
                text.interval_of(record) or units.UNKNOWN,
                Cell(_verdict(record), tone=TONES[record.verdict.kind]),
                *([limit.cell if limit is not None else units.UNKNOWN] if limited else []),
                _number(summary.step_s.value if summary else None, units.duration),
                _number(median.value if median else None, units.duration),
                *(_option(value_of(config, option)) for option in shown),
                record.created_at[:16].replace("T", " "),
            )
        )
    heads = "|".join(_heading(option) for option in shown)
    results = f">img/s|95 % CI|verdict|{'bottleneck|' * limited}>mean step|>median latency"
    heads = f"details|{results}|{heads}|measured (UTC)"
    blocks: list[Block] = [table("All records", heads, rows, sortable=True)]
    figure = overview_plots.throughputs([(name, record) for name, (_, record) in zip(names, records, strict=True)])
    return [*blocks, figure] if figure is not None else blocks


def _option(value: Value) -> Cell:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(_word(value), sort=float(value) if number and value is not None else None)


def _verdict(record: Record) -> str:
    """The verdict, and what ended a run that did not finish."""
    kind = record.outcome.kind
    return record.verdict.kind if kind == "ok" else f"{record.verdict.kind}: {kind.replace('_', ' ')}"


def _number(value: float | None, words: ChartLabels) -> Cell:
    return Cell(units.UNKNOWN) if value is None else Cell(words(value), sort=value)


def _comparison(records: Sequence[SavedRecord], allow: frozenset[str]) -> list[Block]:
    """Ratios to the configuration of the first usable record, and why others are not compared."""
    usable = [
        compare.NamedRecord(path.name, record) for path, record in records if compare.unusable(record, allow) is None
    ]
    left_out = [
        Note(f"{path.name} is not compared: {reason}.", "warn", "left out")
        for path, record in records
        if (reason := compare.unusable(record, allow)) is not None
    ]
    pools = compare.pools(usable)
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
    remarks = (*refused, *_most(left_out), *_most(notes))
    return [*blocks, Notes(remarks)] if remarks else blocks


def _most(notes: list[Note]) -> list[Note]:
    """The first of many notes, and how many more there are."""
    if len(notes) <= SHOWN_NOTES:
        return notes
    more = len(notes) - SHOWN_NOTES + 1
    return [*notes[: SHOWN_NOTES - 1], Note(f"{more} more like this.", notes[0].tone, notes[0].label)]


def _ratio_table(report: compare.ComparisonReport) -> Block:
    rows: list[tuple[str | Cell, ...]] = [
        (
            each.new.label,
            Cell(comparison.ratio(each.ratio.value), sort=each.ratio.value),
            comparison.interval(each.ratio),
            each.finding,
        )
        for each in report.comparisons
    ]
    return table("Ratios to the base", "configuration|>ratio|95 % CI|finding", rows, sortable=True)


def _batches(records: Sequence[SavedRecord]) -> list[Block]:
    found: list[Block] = []
    for curve in curves([record for _, record in records]):
        first, last = curve.loads[0], curve.loads[-1]
        sizes = f"batch {first.batch_size} to {last.batch_size}"
        how = text.subtitle(first.record).replace(f"batch {first.batch_size}", sizes, 1)
        figure: Figure = limit_plots.knee(curve)
        found += [Paragraph(f"{text.headline(first.record)}, {how}."), figure]
    return found


def _differences(records: Sequence[SavedRecord], names: list[str]) -> list[Block]:
    """Fields of machine and environment that differ between records, and which records have which value."""
    values: dict[str, dict[str, list[str]]] = {}
    for name, (_, record) in zip(names, records, strict=True):
        if record.environment is None:
            continue
        machine = {field: get(record) for field, get in (compare.MACHINE | compare.VERSIONS).items()}
        for field, value in {**machine, **compare.environment_fields(record)}.items():
            values.setdefault(field, {}).setdefault(_short(value), []).append(name)
    known = sum(record.environment is not None for _, record in records)
    rows: list[tuple[str | Cell, ...]] = []
    for field, groups in values.items():
        missing = known - sum(len(group) for group in groups.values())
        if len(groups) > 1 or missing:
            rows.append((field, _groups(groups, missing)))
    return [table("Fields that differ", "field|values", rows)] if rows else []


def _short(value: object) -> str:
    """A value of a field; of a hash its beginning."""
    words = units.UNKNOWN if value is None else str(value)
    return words[:SHOWN_HASH] if re.fullmatch("[0-9a-f]{32,}", words) else words


def _groups(groups: dict[str, list[str]], missing: int) -> str:
    shown = sorted(groups.items(), key=lambda each: -len(each[1]))
    words = [f"{value} ({own[0] if len(own) == 1 else f'{len(own)} records'})" for value, own in shown[:SHOWN_VALUES]]
    if len(shown) > SHOWN_VALUES:
        words.append(f"{len(shown) - SHOWN_VALUES} other values")
    if missing:
        words.append(f"absent ({missing} record{'' if missing == 1 else 's'})")
    return "; ".join(words)
