"""`bench-cli ab` and `noise` from outside, with fake workers behind both sides."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from resnet_bench.analysis import noise_floor
from resnet_bench.cli import group
from resnet_bench.config import Config
from resnet_bench.experiments.paired import ab
from resnet_bench.experiments.paired.side import Side
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Each side gets a fake worker; XLA halves a step. What the test puts in here reaches side B's."""
    extra: dict[str, str] = {}

    def fake(label: str, config: Config) -> Side:
        step_s = "0.05" if config.step.xla else "0.1"
        own = extra if config.step.xla else {}
        return Side(
            label,
            config,
            lambda: InProcessWorker(STEP_S=step_s, **own),
        )

    monkeypatch.setattr(ab, "Side", fake)
    monkeypatch.setenv("RESNET_BENCH_CACHE", str(tmp_path / "cache"))
    return extra


def invoke(*words: str, columns: int = 100) -> Result:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(group, list(words))


def result_in(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "ab").glob("*.json")
    data: dict[str, Any] = json.loads(path.read_text())
    return data


SHORT = ("--pairs", "2", "--turns", "2", "--turn-steps", "1")


def test_ab_prints_the_ratio_first_and_saves_every_round(fakes: dict[str, str], tmp_path: Path) -> None:
    del fakes
    done = invoke("ab", "", "--xla", "--common", "--mode infer", *SHORT, "--output", str(tmp_path))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "B against A"
    assert lines[2].rstrip() == "  2.000  (95 % CI 2.000 to 2.000)   faster"
    assert "differs in   xla (off, on)" in done.stdout
    saved = result_in(tmp_path)
    assert saved["result"]["ratio"]["value"] == pytest.approx(2.0)
    assert [len(pair["a"]) for pair in saved["result"]["pairs"]] == [2, 2]
    assert saved["a"]["resolved"]["step"]["mode"] == saved["b"]["resolved"]["step"]["mode"] == "infer"
    assert re.search("pair 2/2: [AB] build", done.stderr)
    assert sorted(pair["started_first"] for pair in saved["result"]["pairs"]) == ["a", "b"]
    assert "start order  A's process was started first in 1 of 2 pairs" in done.stdout
    assert "ratio 2.000 (2.000 to 2.000) after 2 pairs" in done.stderr


def test_ab_says_when_the_sides_do_different_work(fakes: dict[str, str], tmp_path: Path) -> None:
    del fakes
    done = invoke("ab", "--batch-size 16", "--batch-size 32", *SHORT, "--output", str(tmp_path))
    assert "The sides do different work" in done.stdout
    assert {each["field"] for each in result_in(tmp_path)["workload"]} == {"batch_size", "learning_rate"}


def test_ab_prints_json_alone(fakes: dict[str, str], tmp_path: Path) -> None:
    del fakes
    done = invoke("ab", "", "--xla", *SHORT, "--json", "--output", str(tmp_path))
    assert json.loads(done.stdout) == result_in(tmp_path)


@pytest.mark.parametrize(
    ("scenario", "code", "part"),
    [
        ("crash:build", 6, "Side B (--xla): The worker crashed (SIGSEGV) in phase build."),
        ("oom:build", 5, "Side B (--xla): --batch-size 16 does not fit."),
        ("data:data", 3, "Side B (--xla): shard-0 record 3 is corrupt."),
    ],
)
def test_a_side_that_fails_is_named_and_the_result_says_so(
    fakes: dict[str, str], tmp_path: Path, scenario: str, code: int, part: str
) -> None:
    fakes["SCENARIO"] = scenario
    done = invoke("ab", "", "--xla", *SHORT, "--output", str(tmp_path))
    assert done.exit_code == code, done.output
    assert part in done.stdout
    saved = result_in(tmp_path)
    assert (saved["failed_side"], saved["result"]) == ("b", None)


def test_ctrl_c_keeps_the_pairs_that_exist(
    fakes: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del fakes
    real = ab.AbRun.run

    def run(runs: ab.AbRun) -> None:
        object.__setattr__(runs._interleaver._budget, "pairs", 1)
        real(runs)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(ab.AbRun, "run", run)
    done = invoke("ab", "", "--xla", *SHORT, "--output", str(tmp_path))
    assert done.exit_code == 130
    saved = result_in(tmp_path)
    assert saved["outcome"]["kind"] == "interrupted"
    assert len(saved["result"]["pairs"]) == 1


def test_options_of_both_sides_may_follow_the_sides_without_quotes(fakes: dict[str, str], tmp_path: Path) -> None:
    del fakes
    words = ("--mode", "infer", "--batch-size 8 --no-flip")
    done = invoke("ab", "", "--xla", *SHORT, *words, "--output", str(tmp_path), "--common", "--seed 3")
    assert done.exit_code == 0, done.output
    saved = result_in(tmp_path)
    assert {each["field"] for each in saved["options"]} == {"xla"}
    for side in ("a", "b"):
        asked = saved[side]["requested"]
        assert (asked["step"]["mode"], asked["step"]["batch_size"], asked["data"]["flip"]) == ("infer", 8, False)
        assert asked["runtime"]["seed"] == 3
    assert (saved["a"]["label"], saved["b"]["label"]) == ("", "--xla")


@pytest.mark.parametrize(
    "words",
    [("--preset", "smoke", "--mode", "eval"), ("--preset smoke --mode eval",), ("--preset smoke", "--mode=eval")],
)
def test_noise_takes_options_of_run_with_and_without_quotes(
    fakes: dict[str, str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    del fakes
    done = invoke("noise", *words, *SHORT, "--output", str(tmp_path))
    assert done.exit_code == 0, done.output
    saved = result_in(tmp_path)
    assert saved["a"]["requested"] == saved["b"]["requested"]
    assert saved["a"]["requested"]["step"]["mode"] == "eval"
    assert saved["a"]["requested"]["preset"] == "smoke"


def test_noise_takes_the_usual_options_where_none_is_given_and_none_for_empty_quotes(
    fakes: dict[str, str], tmp_path: Path
) -> None:
    del fakes
    for words, mode in (((), "infer"), (("",), "train")):
        folder = tmp_path / mode
        assert invoke("noise", *words, *SHORT, "--output", str(folder)).exit_code == 0
        assert result_in(folder)["a"]["requested"]["step"]["mode"] == mode


def test_help_and_completion_of_ab_and_noise_have_the_options_of_a_side() -> None:
    for name in ("ab", "noise"):
        shown = invoke(name, "--help").stdout
        assert "--batch-size" in shown
        assert "--rounds" not in shown
    context = click.Context(sides_of("ab"))
    assert "--xla" in [item.value for item in sides_of("ab").shell_complete(context, "--x")]


def sides_of(name: str) -> click.Command:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return command


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("ab", "--preset", "smoke", "--xla"), "The two sides come first, each in quotes."),
        (("noise", "--rounds", "5"), "--rounds is not an option of ab and noise"),
        (("noise", "--no-such"), "No such option"),
        (("tune", "--pairs", "1"), "--pairs 1 is not allowed: confirming the result takes at least 2."),
        (("tune", "--turns", "3"), "--turns 3 is not allowed: confirming the result takes at least 4."),
        (("ab", "--rounds 5", ""), "--rounds is not an option of ab and noise"),
        (("ab", "--xla 'open", ""), "is not understood"),
        (("ab", "--batch-size max", ""), "--batch-size max works with run only"),
        (("ab", "--batch-size 0", ""), "--batch-size 0 is not allowed"),
        (("ab", "", "", "--precision-target", "1"), "--precision-target 1 is not allowed: it takes a percentage"),
        (("ab", "", "", "--max-time", "soon"), "--max-time soon is not allowed"),
    ],
)
def test_bad_words_are_one_line_and_exit_2(fakes: dict[str, str], words: tuple[str, ...], part: str) -> None:
    del fakes
    done = invoke(*words)
    assert done.exit_code == 2
    assert part in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_noise_keeps_the_floor_for_this_machine_and_workload(fakes: dict[str, str], tmp_path: Path) -> None:
    del fakes
    done = invoke("noise", "--mode infer", *SHORT, "--output", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "no difference (expected)" in done.stdout
    assert "% for comparisons of infer-cpu on this machine" in done.stdout
    found = noise_floor.find(tmp_path / "cache", None, "infer-cpu")
    assert found is not None
    assert found.pairs == 2
    assert found.floor == pytest.approx(0.0)
    assert noise_floor.find(tmp_path / "cache", None, "train-cpu") is None


def test_noise_of_one_pair_keeps_nothing(fakes: dict[str, str], tmp_path: Path) -> None:
    del fakes
    done = invoke("noise", "--pairs", "1", "--turns", "2", "--turn-steps", "1", "--output", str(tmp_path))
    assert done.exit_code == 0
    assert "no confidence interval: one pair" in done.stdout
    assert not (tmp_path / "cache").exists()


def test_a_damaged_floor_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "m-train-cpu.json").write_text("{")
    assert noise_floor.find(tmp_path, "m", "train-cpu") is None
