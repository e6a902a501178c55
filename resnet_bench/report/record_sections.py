"""One record as a chapter of a report: the answer, then the sections that it has data for.

Pure. Neighbours: `plots.py` and `limit_plots.py` make the figures, `document.py` has the types.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from resnet_bench import published, units
from resnet_bench import roofline as roofs
from resnet_bench.columns import config_of
from resnet_bench.record import Record, to_json
from resnet_bench.report import limit_plots, plots, text
from resnet_bench.report.document import (
    Answer,
    Block,
    Cell,
    Chapter,
    Download,
    Facts,
    Figure,
    Log,
    Note,
    Notes,
    Paragraph,
    Section,
    Table,
    Tone,
    table,
)
from resnet_bench.report.comparison import interval
from resnet_bench.report.evidence import NAMES
from resnet_bench.report.sentences import sentence
from resnet_bench.results import AblationRate, Claim, Energy, MemoryTrend, Notice, Parity, ProfileSummary, Roofline

TONES: dict[str, Tone] = {"valid": "good", "indicative": "warn", "invalid": "bad"}
HOLDS: dict[str | None, tuple[str, Tone]] = {
    "true": ("holds", "good"),
    "false": ("does not hold", "bad"),
    "emulated": ("emulated", "warn"),
    "not_applicable": ("not applicable", ""),
    None: ("not observed", "warn"),
}
PLACES: tuple[Literal["step", "input"], ...] = ("step", "input")
STEP_PARTS = (("input_s", "input"), ("host_s", "host"), ("device_s", "device"), ("idle_s", "idle"))


def chapter(path: Path, record: Record, anchor: str) -> Chapter:
    """Everything about one record; `anchor` is unique in the report."""
    found = [Section(f"{anchor}-{name}", title, tuple(blocks)) for name, title, blocks in _sections(record) if blocks]
    return Chapter(
        anchor=anchor,
        title=text.headline(record),
        subtitle=text.subtitle(record),
        answer=answer(record),
        sections=tuple(found),
        download=Download(path.name, f"Record {path.name}", "application/json", compact(record)),
    )


def compact(record: Record) -> bytes:
    """The record as JSON without spaces, as `bench-cli show` reads it."""
    return msgspec.json.format(to_json(record), indent=-1)


def answer(record: Record) -> Answer:
    """How fast, whether to believe it, and what holds it back."""
    summary, verdict = record.summary, record.verdict
    between = text.interval_of(record)
    return Answer(
        rate=units.rate(summary.images_per_s.value) if summary else "no throughput",
        interval=f"{between} (95 %)" if between else ("no interval: one process" if summary else ""),
        verdict=verdict.kind,
        tone=TONES[verdict.kind],
        reasons=tuple(Note(sentence(reason), TONES[verdict.kind], "reason") for reason in verdict.reasons),
        bottleneck=sentence(bottleneck(record)) if summary or record.pipeline else "",
    )


def bottleneck(record: Record) -> Notice:
    """What holds the run back, from the best evidence that the record has: the pipeline's stages where it ran
    alone, the split of a profiled step, the roofline; or that nothing in the record tells."""
    alone = record.summary is None or config_of(record).step.mode == "input"
    if alone and record.pipeline is not None and record.pipeline.bottleneck is not None:
        return Notice(kind="bottleneck_stage", facts={"stage": record.pipeline.bottleneck})
    parts = _step_parts(record.profile)
    if parts:
        whole = sum(seconds for _, seconds in parts)
        name, seconds = max(parts, key=lambda part: part[1])
        return Notice(kind="bottleneck_part", facts={"part": name, "share": seconds / whole, "seconds": seconds})
    gains = roofs.gains(record.roofline) if record.roofline else ()
    if gains and gains[0].gain_s is not None:
        return Notice(kind="bottleneck_group", facts={"group": gains[0].name, "gain_s": gains[0].gain_s})
    return Notice(kind="bottleneck_unknown")


def _step_parts(profile: ProfileSummary | None) -> list[tuple[str, float]]:
    if profile is None:
        return []
    found = [(words, getattr(profile, name)) for name, words in STEP_PARTS]
    known = [(words, seconds) for words, seconds in found if seconds is not None]
    return known if len(known) > 1 and any(seconds > 0 for _, seconds in known) else []


def _sections(record: Record) -> Iterator[tuple[str, str, list[Block]]]:
    yield "outcome", "What went wrong", _outcome(record)
    yield "notes", "Warnings", _warnings(record)
    yield "facts", "Summary", _facts(record)
    yield "steps", "Step times", _figures(plots.step_times(record), plots.step_series(record))
    yield "cold", "Cold start", _figures(plots.cold_start(record))
    yield "input", "Input pipeline", _pipeline(record)
    yield "roofline", "Roofline", _roofline(record.roofline) if record.roofline else []
    yield "operations", "Operations", _profile(record.profile) if record.profile else []
    yield "evidence", "Evidence", _evidence(record)
    yield "energy", "Energy", _energy(record.energy) if record.energy else []
    yield "training", "Training", _training(record)
    yield "published", "Published elsewhere", _published(record)
    yield "environment", "Configuration and environment", _environment(record)


def _figures(*found: Figure | None) -> list[Block]:
    return [figure for figure in found if figure is not None]


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
    blocks = _figures(plots.input_stages(pipeline))
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


def _roofline(found: Roofline) -> list[Block]:
    rows = [
        ("model flops utilisation (MFU)", units.share(found.mfu)),
        ("achieved", f"{limit_plots.flop_rate(found.step_flops / found.step_s)} in {found.dtype}"),
        (
            "least traffic",
            f"{limit_plots.byte_rate(found.bytes_per_s)}{_of(found.bytes_per_s, found.peak_bytes_per_s)}",
        ),
        *((f"roof, {name}", limit_plots.flop_rate(value)) for name, value in found.peak_flops_per_s.items()),
        ("roof, memory", limit_plots.byte_rate(found.peak_bytes_per_s)),
        ("step", f"{units.duration(found.step_s)}; the roofs allow {units.duration(found.step_limit_s)}"),
        ("counted", found.flop_convention),
    ]
    blocks: list[Block] = [Facts(tuple(rows)), *_figures(limit_plots.roofline(found))]
    gains = roofs.gains(found)
    if not gains:
        return [*blocks, Paragraph(sentence(Notice(kind="gains_need_profile")))]
    listed: list[tuple[str | Cell, ...]] = [
        (
            group.name,
            units.duration(group.seconds),
            units.duration(group.limit_s),
            units.duration(group.gain_s),
            units.share((group.gain_s or 0.0) / found.step_s),
        )
        for group in gains
    ]
    heads = "place|>time in a step|>least time|>possible gain|>of the step"
    return [*blocks, table("The most promising places to gain", heads, listed)]


def _of(value: float | None, roof: float | None) -> str:
    return "" if value is None or not roof else f", {units.share(value / roof)} of the memory's roof"


def _profile(found: ProfileSummary) -> list[Block]:
    shares = [
        ("convolutions", found.convolution_share),
        ("batch norm", found.batch_norm_share),
        ("layout changes", found.layout_share),
        ("copies", found.copy_share),
        ("compute in 16 bit", found.compute_16bit_share),
    ]
    rows = [("step", f"{units.duration(found.step_s)} under the profiler, {found.steps} steps captured")]
    rows += [(name, units.duration(seconds)) for name, seconds in _step_parts(found)]
    rows += [(f"share: {name}", units.share(value)) for name, value in shares if value is not None]
    if found.overhead is not None:
        rows.append(("profiler's own cost", f"{units.share(found.overhead.value)} of a step"))
    if found.peak_bytes is not None:
        rows.append(("peak memory", units.size(found.peak_bytes)))
    notes = tuple(Note(sentence(notice), "warn", "note") for notice in found.notices)
    blocks: list[Block] = [
        Facts(tuple(rows)),
        *_figures(*(plots.operations(found.operations, place) for place in PLACES)),
    ]
    return [*blocks, Notes(notes)] if notes else blocks


def _evidence(record: Record) -> list[Block]:
    blocks: list[Block] = []
    if record.evidence:
        rows: list[tuple[str | Cell, ...]] = [_claim(claim) for claim in record.evidence]
        heads = "claim|requested|observed|result|source or reason"
        blocks.append(table("What was asked for, and what ran", heads, rows))
    if record.parity is not None:
        blocks.append(_parity(record.parity))
    return blocks


def _claim(claim: Claim) -> tuple[str | Cell, ...]:
    words, tone = HOLDS[claim.holds]
    asked = " (given)" if claim.explicit else ""
    source = "; ".join(part for part in (claim.source, claim.why) if part)
    return (
        NAMES.get(claim.claim, claim.claim.replace("_", " ")),
        f"{_value(claim.requested)}{asked}",
        _value(claim.observed),
        Cell(words, tone=tone),
        source or units.UNKNOWN,
    )


def _value(value: object) -> str:
    if value is None:
        return units.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _parity(found: Parity) -> Facts:
    return Facts(
        (
            ("output error", f"against {found.reference}, {found.images} images"),
            ("largest difference of a logit", f"{found.max_abs:.3g}"),
            ("root mean square, relative", f"{found.relative_rms:.3g}"),
            ("same class", units.share(found.same_class_share)),
        )
    )


def _energy(found: Energy) -> list[Block]:
    if found.status == "unavailable":
        return [Facts((("status", f"unavailable: {found.why}"),))]
    method = found.facts.get("method")
    rows = [
        ("status", f"measured by {(found.source or '').upper()}{f' ({method})' if method else ''}"),
        ("power in the timed window", _watts(found.active_w)),
        ("idle power, subtracted", f"{_watts(found.idle_w)}{f'; {found.why}' if found.why else ''}"),
        ("energy beyond idle", units.UNKNOWN if found.joules is None else f"{units.significant(found.joules)} J"),
    ]
    if found.images_per_joule is not None:
        rows.append(("efficiency", f"{units.significant(found.images_per_joule)} images per joule beyond idle"))
    return [Facts(tuple(rows))]


def _watts(value: float | None) -> str:
    return units.UNKNOWN if value is None else f"{units.significant(value)} W"


def _training(record: Record) -> list[Block]:
    found = record.training
    if found is None:
        return []
    reached = found.time_to_accuracy_s
    rows = [
        ("best accuracy", units.share(found.best_accuracy)),
        ("steps", f"{found.steps:,} in {len(found.epochs)} epochs; ended by {found.ended.replace('_', ' ')}"),
    ]
    if found.target_accuracy is not None:
        words = "not reached" if reached is None else f"reached after {units.duration(reached)}"
        rows.append((f"target {units.share(found.target_accuracy)}", words))
    return [Facts(tuple(rows)), *plots.learning(record)]


def _published(record: Record) -> list[Block]:
    known = published.figures(record)
    if not known or record.summary is None:
        return []
    own = record.summary.images_per_s.value
    rows: list[tuple[str | Cell, ...]] = [
        (
            Cell(each.hardware),
            f"{each.precision}{', XLA' if each.xla else ''}",
            str(each.batch_size),
            Cell(units.rate(each.images_per_s), sort=each.images_per_s),
            units.significant(own / each.images_per_s),
            source.software,
            Cell(f"{source.publisher}, {source.year}", href=source.url),
        )
        for each, source in known
    ]
    heads = "hardware|arithmetic|>batch|>published|>this run is times that|software|source"
    note = sentence(Notice(kind="published_elsewhere"))
    return [Paragraph(note), table("Published figures of the same network and mode", heads, rows)]


def _environment(record: Record) -> list[Block]:
    rows = [
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
