"""Verdicts: what makes a number invalid, what makes it merely indicative."""

from __future__ import annotations

import pytest

from resnet_bench.config import Config
from resnet_bench.options import parse_args
from resnet_bench.results import Notice, Outcome, ProcessSamples, Round, Samples, StepResult
from resnet_bench.verdict import judge

ROUND = Round(steps=1, images=16, wall_s=1.0, dispatch_s=0.1)


def samples(processes: int = 3, rounds: int = 5, finite: bool | None = True) -> Samples:
    return Samples(
        processes=tuple(
            ProcessSamples(process=number, rounds=(ROUND,) * rounds, result=StepResult(finite=finite))
            for number in range(processes)
        )
    )


def reasons(measured: Samples, words: str = "", outcome: str = "ok", notices: tuple[Notice, ...] = ()) -> list[str]:
    config: Config = parse_args(words.split())[0]
    verdict = judge(config, Outcome(kind=outcome), measured, notices)  # type: ignore[arg-type]
    return [verdict.kind, *(reason.kind for reason in verdict.reasons)]


def test_three_processes_of_five_rounds_are_valid() -> None:
    assert reasons(samples()) == ["valid"]


@pytest.mark.parametrize("outcome", ["crashed", "killed", "hung", "out_of_memory", "budget", "interrupted", "data"])
def test_what_did_not_finish_is_invalid(outcome: str) -> None:
    assert reasons(samples(), outcome=outcome) == ["invalid", "did_not_finish"]


def test_no_rounds_are_invalid() -> None:
    assert reasons(samples(rounds=0)) == ["invalid", "nothing_timed"]
    assert reasons(Samples()) == ["invalid", "nothing_timed"]


def test_arithmetic_on_infinities_is_invalid() -> None:
    assert reasons(samples(processes=1, finite=False)) == ["invalid", "loss_not_finite"]
    assert reasons(samples(processes=1, finite=False), "--mode infer") == ["invalid", "loss_not_finite"]
    assert reasons(samples(finite=None)) == ["valid"]


@pytest.mark.parametrize(
    ("measured", "words", "kind"),
    [
        (samples(processes=2), "", "few_processes"),
        (samples(rounds=4), "", "few_rounds"),
        (samples(), "--stage-sizes 1,1,1,1", "not_resnet50"),
        (samples(), "--width 8", "not_resnet50"),
    ],
)
def test_too_little_is_indicative(measured: Samples, words: str, kind: str) -> None:
    assert reasons(measured, words) == ["indicative", kind]


@pytest.mark.parametrize("kind", ["budget_cut_rounds", "budget_cut_processes", "budget_cut_warmup"])
def test_a_cut_plan_is_indicative(kind: str) -> None:
    assert reasons(samples(), notices=(Notice(kind=kind),)) == ["indicative", kind]


def test_a_warning_alone_takes_nothing_from_the_verdict() -> None:
    assert reasons(samples(), notices=(Notice(kind="xla_train_cpu"),)) == ["valid"]
