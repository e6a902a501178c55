"""The headline of a record: throughput, verdict, and bottleneck.

Pure. The bottleneck is what `bench-cli bottleneck` measured of the same work on the same machine; without
that, what the record itself shows, or the command that finds out. Neighbours: `record_sections.py` and
`report.py` place it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from resnet_bench import units
from resnet_bench.analysis import compare, roofline
from resnet_bench.config.fields import Value
from resnet_bench.records.base import Notice
from resnet_bench.records.bottleneck import Analysis, BottleneckRecord
from resnet_bench.records.columns import config_of
from resnet_bench.records.record import Record
from resnet_bench.report.page import sections
from resnet_bench.report.page.document import Cell, Headline, Note, Tone
from resnet_bench.report.words import bottleneck as words_of
from resnet_bench.report.words import record as text
from resnet_bench.report.words import training
from resnet_bench.report.words.next_step import command_like

TONES: dict[str, Tone] = {"valid": "good", "provisional": "warn", "invalid": "bad"}
BOTTLENECK_TONES: dict[str, Tone] = {
    "input-bound": "warn",
    "compute-bound": "good",
    "balanced": "good",
    "inconclusive": "warn",
}
"""The tone of each answer of `bench-cli bottleneck`."""


@dataclass(frozen=True)
class BottleneckLink:
    """A result of `bench-cli bottleneck` that found an answer, and where the report shows it."""

    result: BottleneckRecord
    analysis: Analysis
    anchor: str

    @property
    def cell(self) -> Cell:
        """The answer in a word, linked."""
        return Cell(self.analysis.answer, tone=BOTTLENECK_TONES[self.analysis.answer], href=f"#{self.anchor}")


def bottleneck_of(record: Record, known: Sequence[BottleneckLink]) -> BottleneckLink | None:
    """The result about the same work on the same machine; of several, the one with the options most like the
    record's, then the newest. None where there is none."""
    if record.config.training is not None or record.summary is None:
        return None
    same_work = [each for each in known if compare.same_work(record, each.result)]
    same_work.sort(key=lambda each: each.result.created_at, reverse=True)
    return min(same_work, key=lambda each: len(compare.option_differences(record, each.result)), default=None)


def answer(record: Record, measured: BottleneckLink | None = None) -> Headline:
    """Throughput, verdict and bottleneck; of a training, the accuracy first."""
    verdict = record.verdict
    rate, beside = _trained(record) if _is_training(record) else _rate(record)
    return Headline(
        rate=rate,
        interval=beside,
        verdict=verdict.kind,
        tone=TONES[verdict.kind],
        reasons=tuple(Note(reason.message, TONES[verdict.kind], "reason") for reason in verdict.reasons),
        bottleneck=_bottleneck(record, measured),
        limit=measured.cell if measured is not None else None,
    )


def _is_training(record: Record) -> bool:
    return record.training is not None and (record.config.training is not None or record.summary is None)


def _rate(record: Record) -> tuple[str, str]:
    """The throughput and its interval."""
    if record.summary is None:
        return "no throughput", ""
    between = text.interval_of(record)
    return units.rate(
        record.summary.images_per_s.value
    ), f"95 % CI {between}" if between else "no confidence interval: one process"


def _trained(record: Record) -> tuple[str, str]:
    """The final accuracy of a training, and its details."""
    assert record.training is not None, "only of a training"
    accuracy, details = training.answer(record.training)
    speed = [f"at {units.rate(record.summary.images_per_s.value)}"] if record.summary is not None else []
    return accuracy, "; ".join([*(detail for detail, _ in details), *speed])


def _bottleneck(record: Record, measured: BottleneckLink | None) -> str:
    """The bottleneck in sentences; nothing where nothing was measured, and of a training only what it shows."""
    if record.summary is None and record.pipeline is None:
        return ""
    own = shown(record)
    if measured is None:
        known = own if own is not None or record.config.training is not None else unknown(record)
        return known.message if known is not None else ""
    lines = [f"{words_of.balance(measured.analysis)}."]
    differing = compare.option_differences(record, measured.result)
    if differing:
        named = ", ".join(f"{each.field} ({each.base} here, {each.new} there)" for each in differing)
        lines.append(Notice.make("bottleneck_other_options", options=named).message)
    return " ".join([*lines, *([own.message] if own is not None else [])])


def shown(record: Record) -> Notice | None:
    """The bottleneck of the run, from the best evidence that the record itself has: the pipeline's stages where it
    ran alone, the split of a profiled step, the roofline; None where nothing in it shows one."""
    alone = record.summary is None or config_of(record).step.mode == "input"
    if alone and record.pipeline is not None and record.pipeline.bottleneck is not None:
        return Notice.make("bottleneck_stage", stage=record.pipeline.bottleneck)
    parts = sections.step_parts(record.profile)
    if parts:
        whole = sum(seconds for _, seconds in parts)
        name, seconds = max(parts, key=lambda part: part[1])
        facts: dict[str, Value] = {"part": name, "share": seconds / whole, "seconds": seconds}
        waited = dict(parts).get(sections.WAITING)
        if waited is None or name == sections.WAITING:
            return Notice.make("bottleneck_part", **facts)
        return Notice.make("bottleneck_part_and_wait", **facts, waiting=waited / whole)
    gains = roofline.gains(record.roofline) if record.roofline else ()
    if gains and gains[0].gain_s is not None:
        return Notice.make("bottleneck_group", group=gains[0].name, gain_s=gains[0].gain_s)
    return None


def unknown(record: Record) -> Notice:
    """The notice that nothing in the record shows the bottleneck, with the command that finds out."""
    config = config_of(record)
    if config.step.mode == "input":
        return Notice.make("bottleneck_of_input")
    if not config.data.has_pipeline:
        return Notice.make("bottleneck_of_synthetic")
    return Notice.make("bottleneck_unknown", command=shlex.join(command_like("bottleneck", record.config)))
