"""What was found out about a run beside its speed, as blocks of a report: limits, operations, evidence, energy,
training, and what others have published.

Pure. Neighbours: `record_sections.py` places them, `report/figures/limit_plots.py` and `report/figures/plots.py` draw.
"""

from __future__ import annotations

from typing import Literal

from resnet_bench import units
from resnet_bench.analysis import roofline as rooflines
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import OptionCheck, OutputError
from resnet_bench.records.profile import ProfileSummary
from resnet_bench.records.record import Record
from resnet_bench.records.roofline import Energy, Roofline
from resnet_bench.records.run import Outcome
from resnet_bench.report import published
from resnet_bench.report.figures import learning_plots, limit_plots, plots
from resnet_bench.report.page.document import Block, Cell, Facts, Figure, Log, Note, Notes, Paragraph, Tone, table
from resnet_bench.report.page.notices import note_of
from resnet_bench.report.words import record as text
from resnet_bench.report.words import training as training_words
from resnet_bench.report.words.evidence import title
from resnet_bench.report.words.roofline import byte_rate, flop_rate

CHECK_RESULTS: dict[str | None, tuple[str, Tone]] = {
    "true": ("passed", "good"),
    "false": ("failed", "bad"),
    "emulated": ("emulated", "warn"),
    "not_applicable": ("not applicable", ""),
    None: ("not run", "warn"),
}
PLACES: tuple[Literal["step", "input"], ...] = ("step", "input")
WAITING = "waiting for input"
STEP_PARTS = (
    ("device_s", "device work"),
    ("host_s", "CPU operations"),
    ("input_s", WAITING),
    ("idle_s", "idle and dispatch"),
)


def failure(outcome: Outcome) -> list[Block]:
    """What ended a run early, and the end of its worker's log; empty for one that finished."""
    if outcome.kind == "ok":
        return []
    sentence = f"{outcome.message} {outcome.remedy}".strip() or outcome.kind
    blocks: list[Block] = [Notes((Note(sentence, "bad", outcome.kind.replace("_", " ")),))]
    tail = text.last_words(outcome)
    return [*blocks, Log("End of the worker's log", tuple(tail))] if tail else blocks


def figures(*found: Figure | None) -> list[Block]:
    """Those that there are."""
    return [figure for figure in found if figure is not None]


def step_parts(profile: ProfileSummary | None) -> list[tuple[str, float]]:
    """The parts of a profiled step in seconds, where more than one was observed."""
    if profile is None:
        return []
    found = [(words, getattr(profile, name)) for name, words in STEP_PARTS]
    known = [(words, seconds) for words, seconds in found if seconds is not None]
    return known if len(known) > 1 and any(seconds > 0 for _, seconds in known) else []


def roofline(found: Roofline) -> list[Block]:
    """The run against the measured peaks: utilization, the plot, and where there is most to gain."""
    rows = [
        ("model flops utilisation (MFU)", units.share(found.mfu)),
        ("achieved", f"{flop_rate(found.step_flops / found.step_s)} in {found.dtype}"),
        (
            "least traffic",
            f"{byte_rate(found.bytes_per_s)}{_of(found.bytes_per_s, found.peak_bytes_per_s)}",
        ),
        *((f"measured peak, {name}", flop_rate(value)) for name, value in found.peak_flops_per_s.items()),
        ("measured peak, memory", byte_rate(found.peak_bytes_per_s)),
        ("step", f"{units.duration(found.step_s)}; at the measured peaks {units.duration(found.step_limit_s)}"),
        ("counted", found.flop_convention),
    ]
    blocks: list[Block] = [Facts(tuple(rows)), *figures(limit_plots.roofline(found))]
    gains = rooflines.gains(found)
    if not gains:
        return [*blocks, Paragraph(Notice.make("gains_need_profile").message)]
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


def _of(value: float | None, peak: float | None) -> str:
    return "" if value is None or not peak else f", {units.share(value / peak)} of the memory's peak"


def operations(found: ProfileSummary) -> list[Block]:
    """What the trace says: the split of a step, shares, and the operations that took longest."""
    shares = [
        ("convolutions", found.convolution_share),
        ("batch norm", found.batch_norm_share),
        ("layout changes", found.layout_share),
        ("copies", found.copy_share),
        ("16-bit compute", found.compute_16bit_share),
    ]
    rows = [("step", f"{units.duration(found.step_s)} under the profiler, {found.steps} steps captured")]
    rows += [(name, units.duration(seconds)) for name, seconds in step_parts(found)]
    rows += [(f"share: {name}", units.share(value)) for name, value in shares if value is not None]
    if found.overhead is not None:
        rows.append(("profiler overhead", f"{units.share(found.overhead.value)} of a step"))
    if found.peak_bytes is not None:
        rows.append(("peak memory", units.size(found.peak_bytes)))
    notes = tuple(note_of(notice) for notice in found.notices)
    blocks: list[Block] = [
        Facts(tuple(rows)),
        *figures(*(plots.operations(found.operations, place) for place in PLACES)),
    ]
    return [*blocks, Notes(notes)] if notes else blocks


def evidence(record: Record) -> list[Block]:
    """Option checks, and the output error against float32."""
    blocks: list[Block] = []
    if record.evidence:
        rows: list[tuple[str | Cell, ...]] = [_option_check(check) for check in record.evidence]
        heads = "option check|requested|observed|result|source or reason"
        blocks.append(table("Option checks: what was requested, and what ran", heads, rows))
    if record.output_error is not None:
        blocks.append(_parity(record.output_error))
    return blocks


def _option_check(check: OptionCheck) -> tuple[str | Cell, ...]:
    words, tone = CHECK_RESULTS[check.holds]
    given = " (given)" if check.explicit else ""
    source = "; ".join(part for part in (check.source, check.why) if part)
    return (
        title(check),
        f"{_value(check.requested)}{given}",
        _value(check.observed),
        Cell(words, tone=tone),
        source or units.UNKNOWN,
    )


def _value(value: object) -> str:
    if value is None:
        return units.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _parity(found: OutputError) -> Facts:
    return Facts(
        (
            ("output error", f"against {found.reference}, {found.images} images"),
            ("largest difference of a logit", f"{found.max_abs:.3g}"),
            ("root mean square, relative", f"{found.relative_rms:.3g}"),
            ("same class", units.share(found.same_class_share)),
        )
    )


def energy(found: Energy) -> list[Block]:
    """Energy and power, or why there are none."""
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


def training(record: Record) -> list[Block]:
    """Accuracy, and the curves that led there."""
    found = record.training
    if found is None:
        return []
    accuracy, details = training_words.answer(found)
    ended, *amounts = training_words.facts(found, training_words.replicas_of(record))
    rows = [
        ("result", "; ".join([accuracy, *(detail for detail, _ in details)])),
        ("ended", ended),
        ("did", ", ".join(amounts)),
    ]
    if found.model_path is not None:
        rows.append(("model", found.model_path))
    heads = "|".join(f">{name}" for name in training_words.COLUMNS)
    epochs = [table("Every epoch", heads, [training_words.cells(one) for one in found.epochs])] if found.epochs else []
    return [Facts(tuple(rows)), *learning_plots.learning(record), *epochs]


def published_elsewhere(record: Record) -> list[Block]:
    """Others' figures of the same network and mode, with their sources."""
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
    heads = "hardware|arithmetic|>batch|>published|>this run over it|software|source"
    note = Notice.make("published_elsewhere").message
    return [Paragraph(note), table("Published figures of the same network and mode", heads, rows)]
