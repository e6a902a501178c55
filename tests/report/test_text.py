"""The summary of a run on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from resnet_bench.records.record import Record
from resnet_bench.records.run import Outcome, OutcomeKind
from resnet_bench.report.terminal import text
from resnet_bench.report.terminal.rich_text import console
from resnet_bench.report.words import record as text_words
from tests.experiments.test_run import run

CHATTER = "I0000 00:00:1795312015.593618    2303 port.cc:153] oneDNN custom operations are on."


def shown(record: Record) -> str:
    screen = io.StringIO()
    Console(file=screen, width=100).print(text.render(record))
    return screen.getvalue()


def failed(kind: OutcomeKind) -> Record:
    record = run("--processes 1 --stage-sizes 1,1 --width 8", "data:data")
    outcome = Outcome(kind=kind, message="It failed.", log_tail=(CHATTER, "the line that matters"))
    return replace(record, outcome=outcome)


def test_the_input_pipeline_names_no_network() -> None:
    assert text_words.headline(run("--mode input --processes 1 --rounds 3")) == "Input pipeline on photos"


def test_a_network_that_was_never_built_is_not_called_resnet50_unless_it_was_asked_for() -> None:
    assert (
        text_words.headline(run("--processes 1 --stage-sizes 1,1", "data:import"))
        == "Training, Custom network v1.5 on photos"
    )
    assert text_words.headline(run("--processes 1", "data:import")) == "Training, ResNet-50 v1.5 on photos"


def test_what_sets_a_run_apart_stands_below_the_headline() -> None:
    words = "--data-format channels_first --batch-norm keras --steps-per-call 4 --deterministic"
    line = text_words.subtitle(run(f"--processes 1 --rounds 3 {words}"))
    for part in ("Keras batch norm", "channels_first", "4 steps per call", "deterministic"):
        assert part in line


@pytest.mark.parametrize("kind", ["crashed", "killed", "hung", "out_of_memory", "device", "error"])
def test_a_failure_shows_the_workers_words_without_tensorflows_greeting(kind: OutcomeKind) -> None:
    screen = shown(failed(kind))
    assert "the line that matters" in screen
    assert "oneDNN custom operations" not in screen


@pytest.mark.parametrize("kind", ["config", "data", "budget", "interrupted"])
def test_a_failure_whose_message_says_it_all_shows_that_alone(kind: OutcomeKind) -> None:
    screen = shown(failed(kind))
    assert "It failed." in screen
    assert "the line that matters" not in screen


WHOLE = ("Record:", "Next:", "Trace:", "Model:")


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("words", ["--processes 1", "--mode input --processes 1 --rounds 3", "--profile --processes 1"])
def test_a_summary_fits_the_screen_and_only_lines_to_copy_are_longer(words: str, width: int) -> None:
    screen = io.StringIO()
    console(file=screen, width=width).print(text.render(run(words), Path(f"{'long/' * 30}record.json")), crop=False)
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    assert "…" not in screen.getvalue()
    assert all(len(line) <= width for line in lines if not line.startswith(WHOLE))
    assert lines[-2].startswith(("Record:", "Trace:"))
    assert lines[-1].startswith("Next:")


def test_the_three_numbers_that_matter_come_first_and_the_next_command_last() -> None:
    lines = shown(run("--processes 3 --rounds 8", STEP_S="0.5")).splitlines()
    names = [line.split()[0] for line in lines if line.strip()]
    assert names[2:6] == ["throughput", "step", "latency", "verdict"]
