"""One record as a chapter of a report: the answer, then the sections that it has data for.

Pure. Neighbours: `plots.py` and `limit_plots.py` make the figures, `document.py` has the types.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from resnet_bench import roofline as roofs
from resnet_bench import units
from resnet_bench.columns import config_of
from resnet_bench.record import Record
from resnet_bench.report import findings, plots, text
from resnet_bench.report.comparison import interval
from resnet_bench.report.document import (
    Answer,
    Block,
    Cell,
    Chapter,
    Facts,
    Log,
    Note,
    Notes,
    Section,
    Table,
    Tone,
    table,
)
from resnet_bench.report.sentences import sentence
from resnet_bench.results import AblationRate, MemoryTrend, Notice

TONES: dict[str, Tone] = {"valid": "good", "indicative": "warn", "invalid": "bad"}


def chapter(path: Path, record: Record, anchor: str) -> Chapter:
    """Everything about one record; `anchor` is unique in the report."""
    found = [
        Section(f"{anchor}-{name}", title, tuple(blocks)) for name, title, blocks in _sections(path, record) if blocks
    ]
    return Chapter(
        anchor=anchor,
        title=text.headline(record),
        subtitle=text.subtitle(record),
        answer=answer(record),
        sections=tuple(found),
    )


def answer(record: Record) -> Answer:
    """How fast, whether to believe it, and what holds it back."""
    summary, verdict = record.summary, record.verdict
    between = text.interval_of(record)
    return Answer(
        rate=_rate(record),
        interval=f"{between} (95 %)" if between else ("no interval: one process" if summary else ""),
        verdict=verdict.kind,
        tone=TONES[verdict.kind],
        reasons=tuple(Note(sentence(reason), TONES[verdict.kind], "reason") for reason in verdict.reasons),
        bottleneck=sentence(bottleneck(record)) if summary or record.pipeline else "",
    )


def _rate(record: Record) -> str:
    """The throughput; of a training that was not timed, the accuracy it came to."""
    if record.summary is not None:
        return units.rate(record.summary.images_per_s.value)
    best = record.training.best_accuracy if record.training else None
    return "no throughput" if best is None else f"{units.share(best)} accuracy"


def bottleneck(record: Record) -> Notice:
    """What holds the run back, from the best evidence that the record has: the pipeline's stages where it ran
    alone, the split of a profiled step, the roofline; or that nothing in the record tells."""
    alone = record.summary is None or config_of(record).step.mode == "input"
    if alone and record.pipeline is not None and record.pipeline.bottleneck is not None:
        return Notice(kind="bottleneck_stage", facts={"stage": record.pipeline.bottleneck})
    parts = findings.step_parts(record.profile)
    if parts:
        whole = sum(seconds for _, seconds in parts)
        name, seconds = max(parts, key=lambda part: part[1])
        return Notice(kind="bottleneck_part", facts={"part": name, "share": seconds / whole, "seconds": seconds})
    gains = roofs.gains(record.roofline) if record.roofline else ()
    if gains and gains[0].gain_s is not None:
        return Notice(kind="bottleneck_group", facts={"group": gains[0].name, "gain_s": gains[0].gain_s})
    return Notice(kind="bottleneck_unknown")


def _sections(path: Path, record: Record) -> Iterator[tuple[str, str, list[Block]]]:
    yield "outcome", "What went wrong", _outcome(record)
    yield "notes", "Warnings", _warnings(record)
    yield "facts", "Summary", _facts(record)
    yield "steps", "Step times", findings.figures(plots.step_times(record), plots.step_series(record))
    yield "cold", "Cold start", findings.figures(plots.cold_start(record))
    yield "input", "Input pipeline", _pipeline(record)
    yield "roofline", "Roofline", findings.roofline(record.roofline) if record.roofline else []
    yield "operations", "Operations", findings.operations(record.profile) if record.profile else []
    yield "evidence", "Evidence", findings.evidence(record)
    yield "energy", "Energy", findings.energy(record.energy) if record.energy else []
    yield "training", "Training", findings.training(record)
    yield "published", "Published elsewhere", findings.published_elsewhere(record)
    yield "environment", "Configuration and environment", _environment(path, record)


def _outcome(record: Record) -> list[Block]:
    outcome = record.outcome
    if outcome.kind == "ok":
        return []
    blocks: list[Block] = [
        Notes((Note(f"{outcome.message} {outcome.remedy}".strip() or outcome.kind, "bad", outcome.kind),))
    ]
    tail = text.last_words(record)
    return [*blocks, Log("The worker's last lines", tuple(tail))] if tail else blocks


def _warnings(record: Record) -> list[Block]:
    told = record.verdict.reasons
    found = [Note(sentence(notice), "warn", "warning") for notice in record.warnings if notice not in told]
    return [Notes(tuple(dict.fromkeys(found)))] if found else []


def _facts(record: Record) -> list[Block]:
    if record.summary is None:
        return []
    return [Facts(tuple((name, words) for name, words in text.fact_rows(record, record.summary) if words))]


def _pipeline(record: Record) -> list[Block]:
    pipeline = record.pipeline
    if pipeline is None:
        return []
    blocks = findings.figures(plots.input_stages(pipeline))
    if pipeline.epochs:
        rows: list[tuple[str | Cell, ...]] = [
            (
                str(one.epoch),
                one.page_cache,
                f"{one.images:,}",
                units.duration(one.wall_s),
                units.rate(one.images_per_s),
            )
            for one in pipeline.epochs
        ]
        blocks.append(table("Passes over the data", ">epoch|page cache|>images|>time|>rate", rows))
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
    notes = tuple(Note(sentence(notice), "warn", "note") for notice in pipeline.notices)
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
    return table("The pipeline with one option changed, in turns", "variant|change|>rate|>ratio to all|95 %", rows)


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
