"""`bench-cli bottleneck` from outside, with fake workers."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resnet_bench.cli import group
from resnet_bench.experiments import bottleneck
from resnet_bench.experiments.paired import interleave
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]
SHORT = ("--processes", "2", "--rounds", "4", "--steps", "2", "--batch-size", "16")


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A model of 80 img/s, a pipeline of 320, both together 62: what the test puts in here changes that."""
    environment = {"STEP_S": "0.258", "MODEL_STEP_S": "0.2", "PIPELINE_STEP_S": "0.05"}
    measure = partial(bottleneck.measure, new_worker=lambda: InProcessWorker(**environment))
    monkeypatch.setattr(bottleneck, "measure", measure)
    return environment


def invoke(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "110"}).invoke(group, ["bottleneck", *words])


def result_in(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "bottleneck").glob("*.json")
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def test_the_answer_comes_first_and_every_round_is_saved(fakes: dict[str, str], tmp_path: Path) -> None:
    del fakes
    done = invoke(*SHORT, "--output", str(tmp_path))
    assert done.exit_code == 0, done.output
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert lines[0] == "Training, ResNet-50 v1.5 on photos"
    assert lines[3].startswith("  compute-bound   the pipeline alone is 4.00 x as fast as the model alone")
    text = " ".join(" ".join(lines).split())
    assert "model alone 80.0 img/s" in text
    assert "possible 64.0 img/s, 1 / (1/model + 1/pipeline): both share the cores" in text
    assert "efficiency 96.9 % of what is possible" in text
    assert "stall 22.5 % of a step" in text
    assert "accelerator" not in text
    saved = result_in(tmp_path)
    assert saved["analysis"]["answer"] == "compute-bound"
    assert [len(each["pipeline"]) for each in saved["repetitions"]] == [4, 4]
    assert saved["config"]["given"] == sorted(["processes", "rounds", "steps", "batch_size", "output"])
    assert saved["config"]["resolved"]["step"]["batch_size"] == 16
    assert "repetition 2/2: pipeline alone build" in done.stderr
    assert "efficiency 96.9 % after 2 repetitions" in done.stderr


def test_options_that_change_nothing_here_are_named(fakes: dict[str, str], tmp_path: Path) -> None:
    del fakes
    words = ("--profile", "--roofline", "--evidence", "full", "--split", "--latency-samples", "9", "--require-valid")
    done = invoke(*SHORT, *words, "--output", str(tmp_path))
    assert done.exit_code == 0, done.output
    (notice,) = (each for each in result_in(tmp_path)["warnings"] if each["kind"] == "options_unused")
    assert notice["facts"]["options"] == (
        "--split, --latency-samples, --evidence, --roofline, --profile, --require-valid"
    )
    assert f"bench-cli bottleneck ignores {notice['facts']['options']}." in " ".join(done.stdout.split())


def test_json_alone_is_what_was_saved(fakes: dict[str, str], tmp_path: Path) -> None:
    del fakes
    done = invoke(*SHORT, "--json", "--output", str(tmp_path))
    assert json.loads(done.stdout) == result_in(tmp_path)


@pytest.mark.parametrize(
    ("scenario", "code", "part"),
    [
        ("crash:build", 6, "The worker crashed (SIGSEGV) in phase build."),
        ("oom:build", 5, "--batch-size 16 does not fit."),
        ("data:data", 3, "shard-0 record 3 is corrupt."),
    ],
)
def test_a_part_that_fails_is_named_and_the_result_says_so(
    fakes: dict[str, str], tmp_path: Path, scenario: str, code: int, part: str
) -> None:
    fakes["SCENARIO"] = scenario
    done = invoke(*SHORT, "--output", str(tmp_path))
    assert done.exit_code == code, done.output
    saved = result_in(tmp_path)
    assert f"{saved['failed_side'].capitalize()}: {part}" in done.stdout
    assert saved["failed_side"] in ("end to end", "model alone", "pipeline alone")  # whichever was started first
    assert saved["analysis"] is None


def test_ctrl_c_keeps_the_repetitions_that_exist(
    fakes: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del fakes
    real = interleave.Interleaver._repetition

    def once(game: interleave.Interleaver) -> interleave.Repetition:
        if game.done:
            os.kill(os.getpid(), signal.SIGINT)
        return real(game)

    monkeypatch.setattr(interleave.Interleaver, "_repetition", once)
    done = invoke(*SHORT, "--output", str(tmp_path))
    assert done.exit_code == 130
    saved = result_in(tmp_path)
    assert saved["outcome"]["kind"] == "interrupted"
    assert len(saved["repetitions"]) == 1
    assert saved["analysis"]["efficiency"]["low"] is None


def test_a_budget_without_room_is_an_outcome(fakes: dict[str, str], tmp_path: Path) -> None:
    fakes["SCENARIO"] = "hang:build"
    done = invoke(*SHORT, "--max-time", "5", "--output", str(tmp_path))
    assert done.exit_code == 7, done.output
    assert result_in(tmp_path)["outcome"]["kind"] == "budget"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--mode", "input"), "--mode input has no model"),
        (("--source", "synthetic"), "--source synthetic has no pipeline"),
        (("--batch-size", "max"), "--batch-size max works with run only"),
        (("--data-service", "local:0"), "--data-service local:0 is not allowed: it takes local:N or HOST:PORT"),
        (("--data-service", "localhost"), "--data-service localhost is not allowed"),
        (("--data-service", "local:2", "--cache", "records"), "--cache records would tie each shard"),
        (
            ("--data-service", "local:2", "--on-bad-record", "skip"),
            "--on-bad-record skip counts bad records in this process",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exit_2(words: tuple[str, ...], part: str, tmp_path: Path) -> None:
    done = invoke(*words, "--output", str(tmp_path / "none"))
    assert done.exit_code == 2
    assert part in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "none").exists()
