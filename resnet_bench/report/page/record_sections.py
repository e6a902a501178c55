"""One record as a chapter of a report: the answer, then the sections that it has data for.

Pure. Neighbours: `headline.py` has the headline, `report/figures/plots.py` and `report/figures/limit_plots.py` the
figures, `document.py` the types.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from resnet_bench import units
from resnet_bench.records.columns import config_of
from resnet_bench.records.pipeline import AblationRate, MemoryTrend
from resnet_bench.records.record import Record
from resnet_bench.report.figures import plots
from resnet_bench.report.page import sections
from resnet_bench.report.page.document import Block, Cell, Chapter, Facts, Notes, Section, Table, table
from resnet_bench.report.page.headline import BottleneckLink, answer
from resnet_bench.report.page.notices import note_of
from resnet_bench.report.words import record as text
from resnet_bench.report.words.comparison import interval
from resnet_bench.report.words.facts import fact_rows, time_rows
from resnet_bench.report.words.pipeline import epoch_name


def chapter(path: Path, record: Record, anchor: str, measured: BottleneckLink | None = None) -> Chapter:
    """Everything about one record; `anchor` is unique in the report, `measured` is the bottleneck of the same work."""
    found = [
        Section(f"{anchor}-{name}", title, tuple(blocks)) for name, title, blocks in _sections(path, record) if blocks
    ]
    return Chapter(
        anchor=anchor,
        title=text.headline(record),
        subtitle=text.subtitle(record),
        answer=answer(record, measured),
        sections=tuple(found),
    )


def _sections(path: Path, record: Record) -> Iterator[tuple[str, str, list[Block]]]:
    yield "outcome", "What went wrong", sections.failure(record.outcome)
    yield "notes", "Warnings", _warnings(record)
    yield "training", "Training", sections.training(record)
    yield "facts", "Summary", _facts(record)
    yield "steps", "Step times", sections.figures(plots.step_times(record), plots.step_series(record))
    yield "cold", "Cold start", sections.figures(plots.cold_start(record))
    yield "input", "Input pipeline", _pipeline(record)
    yield "roofline", "Roofline", sections.roofline(record.roofline) if record.roofline else []
    yield "operations", "Operations", sections.operations(record.profile) if record.profile else []
    yield "evidence", "Option checks", sections.evidence(record)
    yield "energy", "Energy", sections.energy(record.energy) if record.energy else []
    yield "published", "Published elsewhere", sections.published_elsewhere(record)
    yield "environment", "Configuration and environment", _environment(path, record)


def _warnings(record: Record) -> list[Block]:
    reasons = record.verdict.reasons
    found = [note_of(notice) for notice in record.warnings if notice not in reasons]
    return [Notes(tuple(dict.fromkeys(found)))] if found else []


def _facts(record: Record) -> list[Block]:
    if record.summary is None:
        return []
    rows = (*time_rows(record.summary), *fact_rows(record, record.summary))
    return [Facts(tuple((name, words) for name, words in rows if words))]


def _pipeline(record: Record) -> list[Block]:
    pipeline = record.pipeline
    if pipeline is None:
        return []
    blocks = sections.figures(plots.input_stages(pipeline))
    if pipeline.epochs:
        rows: list[tuple[str | Cell, ...]] = [
            (
                epoch_name(one),
                one.page_cache,
                f"{one.images:,}",
                units.duration(one.wall_s),
                units.rate(one.images_per_s),
                units.duration(one.cpu_s_per_image),
            )
            for one in pipeline.epochs
        ]
        blocks.append(table("Passes over the data", ">epoch|page cache|>images|>time|>rate|>CPU per image", rows))
    if pipeline.ablation:
        blocks.append(_ablation(pipeline.ablation))
    facts = [
        (
            "cores busy",
            units.UNKNOWN if pipeline.cores_busy is None else f"{pipeline.cores_busy:.2f} of {pipeline.cores}",
        ),
        ("memory", _memory_trend(pipeline.memory)),
    ]
    known = tuple((name, words) for name, words in facts if words != units.UNKNOWN)
    notes = tuple(note_of(notice) for notice in pipeline.notices)
    return [*blocks, *([Facts(known)] if known else []), *([Notes(notes)] if notes else [])]


def _ablation(found: Sequence[AblationRate]) -> Table:
    rows: list[tuple[str | Cell, ...]] = [
        (
            each.name,
            each.change,
            units.rate(each.images_per_s.value) if each.images_per_s else each.why,
            f"{each.ratio.value:.3f}" if each.ratio else units.UNKNOWN,
            interval(each.ratio) if each.ratio else units.UNKNOWN,
        )
        for each in found
    ]
    return table(
        "The pipeline with one option changed, interleaved", "variant|change|>rate|>ratio to all|95 % CI", rows
    )


def _memory_trend(found: MemoryTrend | None) -> str:
    if found is None or found.growth_bytes is None:
        return units.UNKNOWN
    words = {True: "flat", False: "growing", None: "unclear"}[found.flat]
    return f"{words}: {units.size(found.growth_bytes)} over the samples after the buffers had filled"


def _environment(path: Path, record: Record) -> list[Block]:
    rows = [
        ("file", path.name),
        ("measured", f"{record.created_at}, resnet-bench {record.tool_version}, record {record.id[:8]}"),
        ("given on the command line", ", ".join(record.config.given) or "nothing"),
    ]
    config = config_of(record)
    rows.append(("preset", config.preset))
    found = record.environment
    if found is not None:
        memory = units.size(found.cpu.memory_bytes)
        rows += [
            ("processor", f"{found.cpu.model or 'unknown'}, {found.cpu.cpus} usable, {memory}"),
            ("system", " ".join(part for part in (found.system, found.kernel, found.architecture) if part)),
            ("Python", found.python),
        ]
        rows += [("GPU", f"{gpu.name or 'unknown'}, driver {gpu.driver_version}") for gpu in found.gpus or ()]
        if found.tensorflow is not None:
            rows.append(("TensorFlow", found.tensorflow.version))
        if found.git_revision is not None:
            rows.append(("revision", f"{found.git_revision}{' with changes' if found.git_dirty else ''}"))
    return [Facts(tuple(rows))]
