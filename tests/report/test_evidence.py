"""Option checks on a terminal: counted in one line, a row for each that failed, sources by number."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, RenderableType

from resnet_bench.config import Config
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import OptionCheck, OutputError
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.run import Outcome, Verdict
from resnet_bench.report.terminal import evidence, text
from resnet_bench.report.words import evidence as evidence_words

HELD = OptionCheck(name="batch_norm", requested="fused", observed="53 fused", source="run/graphs.gz", holds="true")
CHANGED = OptionCheck(name="layout_changes", requested=0, observed=54, source="run/step.hlo.gz", holds="false")
EMULATED = OptionCheck(
    name="precision", requested=1.0, observed=0.0, source="run/graphs.gz", holds="emulated", why="no instructions"
)
UNSEEN = OptionCheck(name="onednn", requested=True, why="it needs the untimed pass")
BESIDE = OptionCheck(name="onednn", requested=True, holds="not_applicable", why="XLA compiles the step")


def record(*checks: OptionCheck, **more: Any) -> Record:
    return Record(
        id="0" * 32,
        created_at="2026-01-31T12:00:00+00:00",
        tool_version="0",
        outcome=Outcome(kind="ok"),
        config=Configuration(requested=Config()),
        evidence=checks,
        **{"verdict": Verdict(kind="valid"), **more},
    )


def shown(renderable: RenderableType | None) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_all_is_well_in_one_line() -> None:
    assert evidence_words.line(record(HELD, HELD)) == "2 passed"
    assert evidence.failures(record(HELD, BESIDE)) is None


def test_the_line_names_what_failed_and_was_emulated_and_counts_what_was_not_run() -> None:
    assert evidence_words.line(record(HELD, CHANGED, EMULATED, UNSEEN, BESIDE)) == (
        "1 passed, 1 failed (layout changes in a step), 1 emulated (convolution FLOPs in 16 bits), 1 not run"
    )


def test_a_record_without_option_checks_says_nothing() -> None:
    assert evidence_words.line(record()) == ""
    assert "no option checks" in shown(evidence.full(record()))


def test_failures_are_rows_with_their_source_below() -> None:
    words = shown(evidence.failures(record(HELD, CHANGED, EMULATED)))
    assert "batch norm" not in words
    assert "0 % (no instructions)" in words
    assert "[1] run/step.hlo.gz\n[2] run/graphs.gz" in words


def test_what_the_verdict_says_already_is_not_said_twice() -> None:
    reason = Notice(kind="option_without_effect", facts={"claim": "layout_changes"})
    assert evidence.failures(record(CHANGED, verdict=Verdict(kind="invalid", reasons=(reason,)))) is None


def test_all_checks_can_be_seen() -> None:
    words = shown(evidence.full(record(HELD, CHANGED, UNSEEN)))
    assert "53 fused" in words
    assert "it needs the untimed pass" in words
    assert "not run" in words


def test_the_error_of_the_outputs_is_a_percentage() -> None:
    parity = OutputError(reference="float32", images=16, max_abs=0.1, relative_rms=0.0025, same_class_share=0.9375)
    words = evidence_words.outputs(parity)
    assert words == "relative RMS error vs float32: 0.25 % (logits, 16 images), same class for 93.8 %"
    exact = OutputError(reference="float32", images=16, max_abs=0.0, relative_rms=0.0, same_class_share=1.0)
    assert "bitwise equal" in evidence_words.outputs(exact)


def test_a_records_summary_has_what_failed() -> None:
    assert "layout changes in a step" in shown(text.render(record(HELD, CHANGED)))


def test_a_check_that_only_its_record_knows_has_the_title_of_the_record() -> None:
    future = OptionCheck(name="time_travel", title="steps that end before they start", holds="false")
    assert evidence_words.line(record(future)) == "1 failed (steps that end before they start)"
    assert evidence_words.title(OptionCheck(name="time_travel")) == "time travel"
