"""The last line of a summary: one command, chosen by what was found, which the command line accepts."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from msgspec.structs import replace

from resnet_bench.cli import group
from resnet_bench.config import TrainingConfig
from resnet_bench.config.options import parse_args
from resnet_bench.records.base import Notice
from resnet_bench.records.record import Record
from resnet_bench.records.run import Outcome, OutcomeKind, Verdict
from resnet_bench.records.training import Epoch, TrainingResult
from resnet_bench.report.words import ab, bottleneck, tune
from resnet_bench.report.words.next_step import next_step
from tests.experiments.test_run import run
from tests.support.report_results import ab_record, bottleneck_of, tuning

PATH = Path("runs/one two.json")
WORKLOAD = "--mode infer --batch-size 8 --image-size 64x96 --output out --no-memory-growth --threads 2"


def accepted(line: str) -> list[str]:
    """The command of a line, which must parse."""
    words = shlex.split(line[line.index("bench-cli") :])
    command: click.Command = group
    context = click.Context(group, info_name="bench-cli")
    rest = words[1:]
    while isinstance(command, click.Group):
        found = command.get_command(context, rest[0])
        assert found is not None
        command, rest = found, rest[1:]
    command.make_context("bench-cli", [*rest], resilient_parsing=False)
    return words


def measured(words: str = "", **changes: Any) -> Record:
    record = run(f"{WORKLOAD} --processes 3 --rounds 8 {words}", STEP_S="0.5")
    return replace(record, **changes) if changes else record


def doubted(*reasons: Notice, words: str = "") -> Record:
    return measured(words, verdict=Verdict(kind="provisional", reasons=reasons))


@pytest.mark.parametrize(
    ("words", "start"),
    [
        ("", "is it input-bound? bench-cli bottleneck "),
        ("--source synthetic", "where does a step's time go? bench-cli profile "),
    ],
)
def test_a_valid_result_raises_the_next_question(words: str, start: str) -> None:
    line = next_step(measured(words), PATH)
    command = accepted(line)
    assert line.startswith(start)
    assert {"--mode", "--image-size", "64x96", "--no-memory-growth"} <= {*command}
    assert "--rounds" not in command
    assert command[-2:] == ["--output", "out"]


def test_a_pipeline_alone_is_looked_into_stage_by_stage() -> None:
    record = replace(run("--mode input --processes 3 --rounds 8 --prefetch-buffer-size 2", STEP_S="0.5"))
    record = replace(record, verdict=Verdict(kind="valid"), pipeline=None)
    command = accepted(next_step(record, PATH))
    assert command == ["bench-cli", "data", "bench", "--prefetch-buffer-size", "2"]


def test_too_little_is_measured_again_with_enough_processes_rounds_and_time() -> None:
    record = run(f"{WORKLOAD} --processes 1 --rounds 5", STEP_S="0.5")
    command = accepted(next_step(record, PATH))
    assert command[:2] == ["bench-cli", "run"]
    for name, value in (("--processes", "3"), ("--rounds", "20"), ("--max-time", "600"), ("--threads", "2")):
        assert command[command.index(name) + 1] == value


@pytest.mark.parametrize(
    ("reason", "start"),
    [
        (Notice.make("still_drifting", processes=1, of=3), "measure longer: bench-cli run"),
        (Notice.make("other_load", share=0.5, limit=0.05), "run again when the machine is idle: bench-cli run"),
        (Notice.make("loss_not_finite", process=0, mode="infer"), "use a safe precision: bench-cli run"),
        (
            Notice.make("option_without_effect", claim="xla", requested=True, observed=False, source="graph"),
            "see every option check: bench-cli show --evidence 'runs/one two.json'",
        ),
    ],
)
def test_a_doubt_is_answered_with_its_remedy(reason: Notice, start: str) -> None:
    line = next_step(doubted(reason), PATH)
    assert line.startswith(start)
    if "show" not in line:
        accepted(line)


def test_another_network_on_purpose_is_no_reason_to_measure_again() -> None:
    reason = Notice.make("not_resnet50", stage_sizes="1,1", width=8)
    assert next_step(doubted(reason), PATH).startswith("is it input-bound?")


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("out_of_memory", "find the largest batch that fits: bench-cli run"),
        ("budget", "allow more time: bench-cli run"),
        ("interrupted", "start again: bench-cli run"),
        ("data", "correct that, then start again: bench-cli run"),
        ("device", "inspect the machine: bench-cli doctor"),
        ("crashed", "inspect the machine: bench-cli doctor"),
    ],
)
def test_a_failure_is_answered_with_its_remedy(kind: OutcomeKind, start: str) -> None:
    line = next_step(measured(outcome=Outcome(kind=kind)), PATH)
    assert line.startswith(start)
    accepted(line)


def test_broken_records_are_looked_for() -> None:
    record = run("--mode input --source tfrecord --data d/train-*", "data:data")
    assert next_step(record, PATH) == "check every record: bench-cli data check 'd/train-*'"


def test_a_training_is_continued_or_its_model_tested() -> None:
    record = measured()
    record = replace(record, config=replace(record.config, training=TrainingConfig()))
    epoch = Epoch(epoch=1, loss=1.0, accuracy=0.5, learning_rate=0.1, images_per_s=1.0, elapsed_s=1.0)
    done = TrainingResult(epochs=(epoch,), model_path="a model.keras")
    assert next_step(replace(record, training=done), PATH).startswith(
        "test the model: bench-cli evaluate --model 'a model.keras'"
    )
    failed = replace(record, training=TrainingResult(epochs=(epoch,), ended="failed", model_path="m.keras"))
    assert next_step(failed, PATH).startswith("correct that, then continue: bench-cli train --resume")
    cut = TrainingResult(epochs=(epoch,), ended="interrupted")
    assert next_step(replace(record, training=cut), PATH).startswith("continue: bench-cli train --resume")


def test_an_ab_result_is_used_or_made_more_precise() -> None:
    flags = ("--mode infer --xla --batch-size 4", "--mode infer --batch-size 4 --image-size 64")
    sides = [replace(ab_record(1.1).a, requested=parse_args(side.split())[0]) for side in flags]
    faster, unsure = (replace(ab_record(*ratios), a=sides[0], b=sides[1]) for ratios in ((1.1, 1.11, 1.1), (1.1,)))
    shared = ["--mode", "infer", "--batch-size", "4"]
    assert accepted(ab.next_step(faster)) == ["bench-cli", "run", "--image-size", "64x64", *shared]
    assert accepted(ab.next_step(unsure)) == ["bench-cli", "ab", "--xla", "--image-size 64x64", *shared, "--pairs", "6"]
    slower = replace(ab_record(0.9, 0.91, 0.9), a=sides[0], b=sides[1])
    assert ab.next_step(slower).startswith("why is B slower? bench-cli profile")
    assert accepted(ab.next_step(replace(unsure, kind="noise")))[1] == "noise"


@pytest.mark.parametrize("answer", ["input-bound", "compute-bound", "balanced", "inconclusive"])
def test_a_bottleneck_is_looked_for_where_it_is(answer: Any) -> None:
    result = bottleneck_of(measured())
    assert result.analysis is not None
    command = accepted(bottleneck.next_step(replace(result, analysis=replace(result.analysis, answer=answer))))
    names = {"input-bound": "data", "compute-bound": "profile", "balanced": "tune", "inconclusive": "bottleneck"}
    assert command[1] == names[answer]


def test_what_tune_found_is_measured_in_full_or_the_search_goes_on() -> None:
    assert accepted(tune.next_step(tuning(), Path("t.json"))) == ["bench-cli", "run", "--preset-file", "t.toml"]
    nothing = replace(tuning(), recommended="defaults", given={"mode": "infer", "image_size": "64x64", "rounds": 3})
    command = accepted(tune.next_step(nothing, PATH))
    assert command == ["bench-cli", "profile", "--mode", "infer", "--image-size", "64x64"]
    cut = replace(tuning(), outcome=Outcome(kind="interrupted"))
    assert "--resume 'runs/one two.json'" in tune.next_step(cut, PATH)
