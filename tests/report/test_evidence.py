"""What a terminal says of evidence: one line where all is well, a row for what is not, sources by number."""

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

HELD = OptionCheck(claim="batch_norm", requested="fused", observed="53 fused", source="run/graphs.gz", holds="true")
CHANGED = OptionCheck(claim="layout_changes", requested=0, observed=54, source="run/step.hlo.gz", holds="false")
EMULATED = OptionCheck(
    claim="precision", requested=1.0, observed=0.0, source="run/graphs.gz", holds="emulated", why="no instructions"
)
UNSEEN = OptionCheck(claim="onednn", requested=True, why="it needs the untimed pass")
BESIDE = OptionCheck(claim="onednn", requested=True, holds="not_applicable", why="XLA compiles the step")


def record(*claims: OptionCheck, **more: Any) -> Record:
    return Record(
        id="0" * 32,
        created_at="2026-01-31T12:00:00+00:00",
        tool_version="0",
        outcome=Outcome(kind="ok"),
        config=Configuration(requested=Config()),
        evidence=claims,
        **{"verdict": Verdict(kind="valid"), **more},
    )


def shown(renderable: RenderableType | None) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_all_is_well_in_one_line() -> None:
    assert evidence.line(record(HELD, HELD)) == "2 claims checked, all hold"
    assert evidence.failures(record(HELD, BESIDE)) is None


def test_the_line_tells_what_failed_what_was_emulated_and_what_nobody_saw() -> None:
    assert evidence.line(record(HELD, CHANGED, EMULATED, UNSEEN, BESIDE)) == (
        "1 of 3 claims hold; not layout changes in a step; emulated: convolution FLOPs in 16 bits; 1 not looked at"
    )


def test_a_record_without_evidence_says_nothing() -> None:
    assert evidence.line(record()) == ""
    assert "no evidence" in shown(evidence.full(record()))


def test_failures_are_rows_with_their_source_below() -> None:
    words = shown(evidence.failures(record(HELD, CHANGED, EMULATED)))
    assert "batch norm" not in words
    assert "0 % (no instructions)" in words
    assert "[1] run/step.hlo.gz\n[2] run/graphs.gz" in words


def test_what_the_verdict_says_already_is_not_said_twice() -> None:
    reason = Notice(kind="option_without_effect", facts={"claim": "layout_changes"})
    assert evidence.failures(record(CHANGED, verdict=Verdict(kind="invalid", reasons=(reason,)))) is None


def test_all_claims_can_be_seen() -> None:
    words = shown(evidence.full(record(HELD, CHANGED, UNSEEN)))
    assert "53 fused" in words
    assert "it needs the untimed pass" in words
    assert "unknown" in words


def test_the_error_of_the_outputs_is_a_percentage() -> None:
    parity = OutputError(reference="float32", images=16, max_abs=0.1, relative_rms=0.0025, same_class_share=0.9375)
    words = evidence.outputs(parity)
    assert words == "off float32's by 0.25 % (root mean square of the logits of 16 images), same class for 93.8 %"
    exact = OutputError(reference="float32", images=16, max_abs=0.0, relative_rms=0.0, same_class_share=1.0)
    assert "to the last bit" in evidence.outputs(exact)


def test_a_records_summary_has_what_failed() -> None:
    assert "layout changes in a step" in shown(text.render(record(HELD, CHANGED)))
