"""`bench-cli tune` from outside, with fake workers whose speed depends on the options they are asked for."""

from __future__ import annotations

import json
import os
import signal
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from resnet_bench.cli import group
from resnet_bench.config import Config
from resnet_bench.config.options import parse_args
from resnet_bench.experiments import run as session
from resnet_bench.experiments.paired.ab import AbRun
from resnet_bench.experiments.paired.side import Side
from resnet_bench.experiments.tuning import confirm, tune
from resnet_bench.records.ab import AbResult
from resnet_bench.records.base import Estimate
from resnet_bench.records.noise_floor import NoiseFloor
from resnet_bench.records.tuning import TuningRecord, words
from resnet_bench.worker.interface import Worker
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]
WORDS = ("--mode", "infer", "--turn-steps", "1", "--pairs", "2", "--turns", "4")
SPEEDS = {"onednn=on": 1.5, "batch_norm=fused": 1.1, "xla=true": 0.5}


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Searches and runs start fake workers."""

    def worker() -> Worker:
        return InProcessWorker()

    def new_side(label: str, config: Config) -> Side:
        return Side(label, config, worker)

    real_tune, real_run = tune.run, session.run
    monkeypatch.setattr(tune, "run", lambda *given: real_tune(*given, new_side=new_side))  # type: ignore[misc]
    monkeypatch.setattr(session, "run", lambda *words, **more: real_run(*words, **{**more, "new_worker": worker}))
    monkeypatch.setenv("RESNET_BENCH_CACHE", str(tmp_path / "cache"))
    know_noise(tmp_path, 0.005)


def know_noise(folder: Path, pair_sd: float) -> None:
    """Keep a noise floor, as `bench-cli noise` does: a quiet machine needs few pairs to tell equals."""
    floor = NoiseFloor(
        machine_id=None,
        kind="infer-cpu",
        created_at="2026-01-31T12:00:00+00:00",
        floor=0.01,
        pair_sd=pair_sd,
        process_sd=0.01,
        pairs=5,
    )
    floor.save(folder / "cache")


def invoke(folder: Path, *more: str, speeds: dict[str, float] | None = None, **environment: str) -> Result:
    environment |= {"COLUMNS": "140", "OPTION_SPEEDS": json.dumps(SPEEDS if speeds is None else speeds)}
    return CliRunner(env=environment).invoke(group, ["tune", *WORDS, "--output", str(folder), *more])


def saved(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "tune").glob("*.json")
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def preset(folder: Path) -> Path:
    (path,) = (folder / "tune").glob("*.toml")
    return path


def test_the_fastest_is_found_confirmed_and_can_be_run(tmp_path: Path) -> None:
    done = invoke(tmp_path, "--only", "onednn,batch_norm,xla")
    assert done.exit_code == 0, done.output
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert lines[0] == "The fastest configuration for inference"
    assert lines[2] == "  1.650 times TensorFlow's defaults  (95 % CI 1.650 to 1.650)   faster"
    assert "bench-cli run --mode infer --onednn on" in done.stdout
    assert any(line.split() == ["onednn", "on", "off", "1.500", "1.500", "to", "1.500", "faster"] for line in lines)
    found = saved(tmp_path)
    assert found["recommended"] == "best"
    assert found["defaults"]["model"]["batch_norm"] == "keras"
    assert [each["option"] for each in found["contributions"]] == ["onednn", "batch_norm"]
    values = tomllib.loads(preset(tmp_path).read_text())
    assert values == {"mode": "infer", "onednn": "on", "batch_norm": "fused", "xla": False}
    ran = CliRunner().invoke(
        group,
        ["run", "--preset-file", str(preset(tmp_path)), "--processes", "1", "--json", "--output", str(tmp_path / "r")],
    )
    assert ran.exit_code == 0, ran.output
    config = json.loads(ran.stdout)["config"]
    assert config["requested"]["step"]["mode"] == "infer"
    assert config["requested"]["preset_file"] == str(preset(tmp_path))
    assert {"mode", "onednn", "preset_file"} <= set(config["given"])
    by_words, by_file = parse_args(words(found["settings"])), parse_args(["--preset-file", str(preset(tmp_path))])
    assert replace(by_file[0], preset_file=None) == by_words[0], "the command and the file say the same"


def test_among_equals_nothing_beats_the_defaults(tmp_path: Path) -> None:
    done = invoke(tmp_path, "--only", "onednn,batch_norm", "--json", speeds={})
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found == saved(tmp_path)
    assert (found["recommended"], found["gain"], found["contributions"]) == ("defaults", None, [])
    assert found["best"] == found["defaults"]
    assert tomllib.loads(preset(tmp_path).read_text())["batch_norm"] == "keras"


def test_a_winner_that_its_own_runs_refute_is_not_recommended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The race may be lucky; the claim is measured anew."""
    real = AbRun.run
    runs: list[int] = []

    def run(one: AbRun) -> None:
        runs.append(1)
        if len(runs) > 1:
            monkeypatch.setenv("OPTION_SPEEDS", "{}")
        real(one)

    monkeypatch.setattr(AbRun, "run", run)
    monkeypatch.setenv("OPTION_SPEEDS", json.dumps({"batch_norm=fused": 1.3}))
    done = CliRunner().invoke(group, ["tune", *WORDS, "--only", "batch_norm", "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    found = saved(tmp_path)
    assert found["challenges"][0]["status"] == "won"
    assert (found["recommended"], found["gain"]["finding"]) == ("defaults", "no difference")
    assert "No configuration was significantly faster than TensorFlow's defaults" in done.stdout


def test_a_confirmation_too_short_to_see_the_gain_does_not_refute_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        confirm.Confirmation, "gain", property(lambda _self: wide, lambda _self, _gain: None), raising=False
    )
    wide = AbResult(
        label_a="",
        label_b="",
        ratio=Estimate(value=1.4, low=0.2, high=9.0),
        images_per_s_a=1.0,
        images_per_s_b=1.4,
        pairs=(),
        finding="no difference",
        resolution=5.7,
    )
    done = invoke(tmp_path, "--only", "batch_norm")
    assert saved(tmp_path)["recommended"] == "best"
    assert "The confirmation run was too short to confirm the gain" in done.stdout


def test_what_is_given_is_fixed_for_the_defaults_too(tmp_path: Path) -> None:
    done = invoke(tmp_path, "--batch-norm", "fused", "--only", "batch_norm,onednn")
    assert done.exit_code == 2
    assert "--only batch_norm is not tuned for this workload" in done.stderr
    invoke(tmp_path, "--batch-norm", "fused", "--only", "onednn")
    assert saved(tmp_path)["defaults"]["model"]["batch_norm"] == "fused"


def test_what_a_preset_file_says_of_how_run_measures_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("rounds = 7\nonednn = 'on'\n")
    done = invoke(tmp_path, "--only", "xla", "--preset-file", str(tmp_path / "p.toml"), speeds={})
    assert done.exit_code == 0, done.output
    assert "bench-cli tune ignores --rounds." in done.stdout
    (notice,) = (each for each in saved(tmp_path)["notices"] if each["kind"] == "options_unused")
    assert notice["facts"]["options"] == "--rounds"


def test_a_candidate_that_crashes_or_does_not_fit_is_recorded(tmp_path: Path) -> None:
    fails = json.dumps({"batch_size=32": "oom", "xla=true": "crash"})
    done = invoke(tmp_path, "--vary", "batch_size=16,32", "--only", "xla", OPTION_FAILS=fails)
    assert done.exit_code == 0, done.output
    outcomes = {tuple(each["changes"].items()): each for each in saved(tmp_path)["challenges"]}
    assert outcomes[("batch_size", 32),]["outcome"]["kind"] == "out_of_memory"
    assert outcomes[("xla", True),]["outcome"]["kind"] == "crashed"
    assert saved(tmp_path)["recommended"] == "defaults"
    assert "failed: The worker crashed (SIGSEGV) in phase build." in done.stdout


def test_a_machine_that_runs_nothing_ends_with_the_workers_code(tmp_path: Path) -> None:
    done = invoke(tmp_path, SCENARIO="data:data")
    assert done.exit_code == 3
    assert saved(tmp_path)["recommended"] is None
    assert not list((tmp_path / "tune").glob("*.toml"))


def test_ctrl_c_keeps_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = AbRun.run
    runs: list[int] = []

    def run(one: AbRun) -> None:
        runs.append(1)
        if len(runs) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        real(one)

    monkeypatch.setattr(AbRun, "run", run)
    done = invoke(tmp_path, "--only", "onednn,batch_norm,xla")
    assert done.exit_code == 130
    found = saved(tmp_path)
    assert found["outcome"]["kind"] == "interrupted"
    assert [each["status"] for each in found["challenges"]] == ["won"]
    assert found["recommended"] == "best"
    assert "the gain was not measured" in done.stdout
    assert preset(tmp_path).exists()


def test_a_bound_on_latency_lowers_the_batch_and_keeps_winners_out(tmp_path: Path) -> None:
    """A step of 0.1 s breaks the bound at any batch but where it is made faster."""
    speeds = {"batch_size=8": 2.0, "batch_size=16": 1.0, "batch_norm=fused": 1.3}
    done = invoke(tmp_path, "--vary", "batch_size=8,16", "--only", "batch_norm", "--max-latency", "60ms", speeds=speeds)
    assert done.exit_code == 0, done.output
    found = saved(tmp_path)
    assert found["defaults"]["step"]["batch_size"] == 8
    assert found["best"]["model"]["batch_norm"] == "fused"
    won = next(each for each in found["challenges"] if each["status"] == "won")
    assert won["probe"]["latency_p90_s"]["value"] == pytest.approx(0.1 / 2 / 1.3)


def test_a_bound_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    done = invoke(tmp_path, "--only", "batch_norm", "--max-latency", "1ms")
    assert done.exit_code == 2
    assert "--max-latency cannot be reached: TensorFlow's defaults take 100 ms (batch_norm=keras)." in done.stderr


def test_a_bound_on_the_output_keeps_winners_out(tmp_path: Path) -> None:
    errors = json.dumps({"batch_norm=fused": 0.2})
    done = invoke(tmp_path, "--only", "batch_norm,onednn", "--max-output-error", "0.01", OPTION_ERRORS=errors)
    assert done.exit_code == 0, done.output
    found = saved(tmp_path)
    assert (found["best"]["model"]["batch_norm"], found["best"]["runtime"]["onednn"]) == ("keras", "on")
    assert "faster, but breaks --max-output-error (0.2)" in done.stdout


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--batch-size", "max"), "--batch-size max is searched for by run alone"),
        (("--mode", "input", "--max-latency", "1"), "--max-latency constrains the network"),
        (("--only", "colour"), "--only: there is no option 'colour'"),
        (("--vary", "image_size=32,64"), "--vary image_size cannot be tuned"),
        (("--vary", "rounds=2,4"), "--vary rounds cannot be tuned"),
        (("--vary", "xla=maybe"), "--xla maybe is not allowed"),
        (("--max-latency", "soon"), "--max-latency soon is not allowed"),
    ],
)
def test_bad_words_are_one_line_and_exit_2(tmp_path: Path, words: tuple[str, ...], part: str) -> None:
    done = invoke(tmp_path, *words)
    assert done.exit_code == 2
    assert part in done.stderr.splitlines()[-1]


def test_a_noise_floor_says_how_much_pairs_vary(tmp_path: Path) -> None:
    know_noise(tmp_path, 0.3)
    invoke(tmp_path, "--only", "batch_norm")
    assert saved(tmp_path)["recommended"] == "defaults", "a gain of 10 % is nothing where pairs deviate by 30 %"


def test_a_killed_search_goes_on_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved before each candidate is what a killed search leaves."""
    kept: list[TuningRecord] = []
    real = tune.run
    monkeypatch.setattr(tune, "run", lambda given, how, observer, _keep: real(given, how, observer, kept.append))
    first = invoke(tmp_path / "first", "--only", "onednn,xla", "--json")
    assert [len(each.candidates) for each in kept] == [0, 1]
    assert {each.outcome.kind for each in kept} == {"interrupted"}
    assert [each["status"] for each in json.loads(first.stdout)["challenges"]] == ["won", "dropped"]
    left = kept[1].save(tmp_path / "killed")
    runs: list[AbRun] = []
    real_run = AbRun.run

    def run(one: AbRun) -> None:
        runs.append(one)
        real_run(one)

    monkeypatch.setattr(AbRun, "run", run)
    again = invoke(tmp_path / "again", "--only", "onednn,xla", "--json", "--resume", str(left))
    assert again.exit_code == 0, again.output
    assert len(runs) == 2, "a candidate, and the gain"
    assert json.loads(again.stdout)["challenges"][0] == json.loads(first.stdout)["challenges"][0]
    other = invoke(tmp_path / "other", "--only", "onednn,batch_norm", "--resume", str(left))
    assert other.exit_code == 2
    assert "--resume: that search had other options" in other.stderr


def test_what_is_no_result_cannot_be_resumed(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text("{")
    done = invoke(tmp_path, "--resume", str(path))
    assert done.exit_code == 8
    assert "cut.json is not a record or result" in done.stderr
