"""Results of `bottleneck`, `ab`, `noise`, `tune` and `evaluate` as sections of a report.

Pure. The words are those of the terminal: `records/bottleneck.py`, `records/ab.py` and `records/tuning.py`.
Neighbours: `report.py` places the sections, `report/figures/plots.py` and `report/figures/overview_plots.py` draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from resnet_bench.analysis.noise_floor import floor_of
from resnet_bench.analysis.ratio import finding
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.bottleneck import BottleneckRecord
from resnet_bench.records.read import SavedResults
from resnet_bench.records.tuning import TuningRecord
from resnet_bench.report.figures import overview_plots, plots
from resnet_bench.report.page import evaluations
from resnet_bench.report.page import sections as findings
from resnet_bench.report.page.document import (
    Block,
    Cell,
    Facts,
    Figure,
    Heading,
    Note,
    Notes,
    Paragraph,
    Section,
    Table,
    Tone,
    table,
)
from resnet_bench.report.page.headline import BOTTLENECK_TONES, BottleneckLink
from resnet_bench.report.page.notices import note_of
from resnet_bench.report.words import ab, bottleneck, tune
from resnet_bench.report.words import record as text
from resnet_bench.report.words.comparison import interval, ratio

MOST_ROWS = 30
"""The most comparisons that one figure shows readably."""

FINDINGS: dict[str, Tone] = {"faster": "good", "slower": "bad", "inconclusive": "warn"}
Ratios = list[tuple[str, Estimate, str]]


def bottlenecks(results: SavedResults) -> list[BottleneckLink]:
    """The answers of `bench-cli bottleneck`, with where `sections` shows them."""
    return [
        BottleneckLink(found, found.analysis, f"bottleneck-{number}")
        for number, (_, found) in enumerate(results.bottlenecks, 1)
        if found.analysis is not None
    ]


def sections(results: SavedResults) -> list[Section]:
    """A section for each kind of result that there is."""
    found = (
        ("bottleneck", "Bottleneck: model or input", [block for each in _bottlenecks(results) for block in each]),
        ("turns", "Interleaved runs (A/B)", _ab_results(results.ab)),
        ("evaluations", "Evaluations of trained networks", evaluations.blocks(results.evaluations)),
        ("tuned", "Searches for the fastest configuration", [block for each in _tunings(results) for block in each]),
    )
    return [Section(anchor, title, tuple(blocks)) for anchor, title, blocks in found if blocks]


def _bottlenecks(results: SavedResults) -> Iterator[list[Block]]:
    for number, (path, found) in enumerate(results.bottlenecks, 1):
        title = _numbered(number, len(results.bottlenecks), text.headline(found))
        yield [Heading(f"bottleneck-{number}", title), *_bottleneck(path, found)]


def _bottleneck(path: Path, found: BottleneckRecord) -> list[Block]:
    blocks: list[Block] = [Paragraph(text.subtitle(found))]
    if found.analysis is not None:
        word = found.analysis.answer
        blocks.append(Notes((Note(f"{bottleneck.balance(found.analysis)}.", BOTTLENECK_TONES[word], word),)))
        figure = plots.bottleneck(found.analysis)
        drawn = {row[0].text for row in figure.table.rows} - {"possible"}
        rows = [(name, words) for name, words in bottleneck.rows(found, found.analysis) if name not in drawn]
        blocks += [figure, Facts((*rows, _where(path, found.created_at)))]
    return [*blocks, *findings.failure(found.outcome), *_notices(bottleneck.notices(found))]


def _where(path: Path, created_at: str) -> tuple[str, str]:
    return ("file", f"{path.name}, of {created_at[:16].replace('T', ' ')} UTC")


def _notices(found: Sequence[Notice]) -> list[Block]:
    return [Notes(tuple(map(note_of, found)))] if found else []


def _notes(lines: Sequence[str], tone: Tone = "warn") -> list[Block]:
    return [Notes(tuple(Note(line, tone, "note") for line in dict.fromkeys(lines)))] if lines else []


def _ab_results(found: Sequence[tuple[Path, AbRecord]]) -> list[Block]:
    """The ratios of all comparisons in one figure, then each with its sides."""
    if not found:
        return []
    named: Ratios = [
        (_numbered(number, len(found), _sides(each)), each.result.ratio, each.result.finding)
        for number, (_, each) in enumerate(found, 1)
        if each.result is not None
    ]
    blocks: list[Block] = []
    if len(named) > 1:
        blocks = _ratios(named, "Ratios from interleaved runs", "B's throughput as a multiple of A's", "comparison")
    for number, (path, each) in enumerate(found, 1):
        title = _numbered(number, len(found), _sides(each))
        blocks += [Heading(f"turns-{number}", title), *_ab_result(path, each, alone=len(named) < 2)]
    return blocks


def _numbered(number: int, of: int, title: str) -> str:
    return f"{number}: {title}" if of > 1 else title


def _sides(found: AbRecord) -> str:
    """The sides: "--xla against the defaults"."""
    a, b = (side.label or "the defaults" for side in (found.a, found.b))
    return f"{b} against {a}" if found.kind == "ab" else f"{a} against itself (noise)"


def _ratios(named: Ratios, title: str, what: str, head: str) -> list[Block]:
    if len(named) > MOST_ROWS:
        rows: list[tuple[str | Cell, ...]] = [
            (name, Cell(ratio(each.value), sort=each.value), interval(each), word) for name, each, word in named
        ]
        return [table(title, f"{head}|>ratio|95 % CI|finding", rows, sortable=True)]
    figure = overview_plots.ratio_rows(
        named, title, f"{what}, with 95 % confidence intervals; right of 1 is faster.", "ratio", head
    )
    return [figure] if figure is not None else []


def _ab_result(path: Path, found: AbRecord, *, alone: bool) -> list[Block]:
    result = found.result
    blocks: list[Block] = []
    if result is not None:
        between = (
            f"95 % CI {interval(result.ratio)}" if result.ratio.low is not None else "no confidence interval: one pair"
        )
        word = ab.finding(found, result)
        sides = ("B", "A's") if found.kind == "ab" else ("One", "the other's")
        sentence = f"{sides[0]} ran at {ratio(result.ratio.value)} times {sides[1]} speed ({between})."
        blocks.append(Notes((Note(sentence, _tone(found, result.finding), word),)))
        if alone:
            one: Ratios = [(_sides(found), result.ratio, result.finding)]
            blocks += _ratios(one, "Ratio from interleaved runs", "B's throughput as a multiple of A's", "comparison")
        floor = floor_of(found) if found.kind == "noise" else None
        blocks.append(Facts((*ab.rows(found, result, floor), _where(path, found.created_at))))
    return [*blocks, *findings.failure(found.outcome), *_notes(ab.notes(found))]


def _tone(found: AbRecord, word: str) -> Tone:
    """Of two identical sides, a difference is a false positive."""
    return FINDINGS.get(word, "") if found.kind == "ab" else "good" if word == "no difference" else "warn"


def _tunings(results: SavedResults) -> Iterator[list[Block]]:
    for number, (path, found) in enumerate(results.tunings, 1):
        title = _numbered(number, len(results.tunings), tune.title(found))
        yield [Heading(f"tuned-{number}", title), *_tuning(path, found)]


def _tuning(path: Path, found: TuningRecord) -> list[Block]:
    blocks: list[Block] = []
    if found.recommended is not None:
        words, detail, word = tune.answer(found)
        blocks.append(Notes((Note(f"{words} {detail}.", FINDINGS.get(word, ""), word or "found"),)))
        blocks.append(Facts((*tune.rows(found, path), _where(path, found.created_at))))
    named: Ratios = [
        (f"{each.option} {tune.shown(each.value)}", each.ratio, finding(each.ratio))
        for each in found.contributions
        if each.ratio is not None
    ]
    if found.contributions:
        grid = _grid(tune.CONTRIBUTIONS, tune.CONTRIBUTION_COLUMNS, map(tune.contribution, found.contributions))
        words = "Throughput of the best configuration as a multiple of its own without the option"
        drawn = _ratios(named, "Contribution of each option", words, "option")
        blocks += [Figure(each.chart, grid) if isinstance(each, Figure) else each for each in drawn] or [grid]
    if found.candidates:
        blocks.append(_grid(tune.CANDIDATES, tune.CANDIDATE_COLUMNS, map(tune.candidate, found.candidates)))
    return [
        *blocks,
        *findings.failure(found.outcome),
        *_notices(tune.warnings(found)),
        *_notes(tune.notes(found), ""),
    ]


def _grid(caption: str, columns: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Table:
    heads = "|".join(f">{name}" if name in ("img/s", "ratio", "pairs") else name for name in columns)
    return table(caption, heads, [tuple(row) for row in rows])
