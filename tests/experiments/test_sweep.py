"""Sweeps with fake workers: what is asked, what is kept, and what a kill at any moment leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from resnet_bench.cli import group
from resnet_bench.errors import ConfigError
from resnet_bench.experiments import combinations, sweep_confirm
from resnet_bench.experiments import run as session
from resnet_bench.experiments.combinations import cross_product, parse_file, parse_vary
from resnet_bench.experiments.evidence_pass import EvidencePass
from resnet_bench.experiments.paired.side import Side
from resnet_bench.records.record import Record
from resnet_bench.worker.interface import Worker
from tests.cli.test_commands import bench_cli
from tests.support.fake_evidence import no_pass
from tests.support.in_process import InProcessWorker

COMMON = ("--processes", "1", "--rounds", "3", "--steps", "2", "--json")
FOUR = ("--vary", "precision=float32,mixed_bfloat16", "--vary", "xla=on,off")


@pytest.fixture(autouse=True)
def fake_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sweeps of this process start fake workers too."""
    real = session.run

    def fake(*arguments: Any, **more: Any) -> Any:
        more["new_worker"] = InProcessWorker
        return real(*arguments, **more)

    monkeypatch.setattr(session, "run", fake)
    monkeypatch.setattr(EvidencePass, "run", no_pass)


def run(folder: Path, *words: str, **environment: str) -> tuple[int, list[dict[str, Any]], str]:
    done = CliRunner(env=environment).invoke(group, ["sweep", *COMMON, "--output", str(folder), *words])
    return done.exit_code, json.loads(done.stdout or "[]"), done.stderr


def identities(folder: Path) -> Counter[str]:
    """How many finished records each configuration has."""
    records = [Record.load(path) for path in folder.glob("*.json")]
    return Counter(combinations.identity(r.config.requested) for r in records if r.outcome.kind != "interrupted")


def test_values_are_validated_as_on_the_command_line() -> None:
    found = parse_vary(["precision=float32, mixed_bfloat16", "xla=true,off", "batch-size=8,max", "image_size=64,96x64"])
    assert found["xla"] == [True, False]
    assert found["batch_size"] == [8, "max"]
    assert found["image_size"] == [(64, 64), (96, 64)]
    assert parse_vary(["stage-sizes=1,1;3,4,6,3"])["stage_sizes"] == [(1, 1), (3, 4, 6, 3)]


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("precision", "names no values"),
        ("precision=", "names no values"),
        ("precison=float32", "Try precision"),
        ("output=a,b", "no option 'output'"),
        ("batch_size=8,0", "--batch-size 0 is not allowed: it takes a whole number, at least 1, auto or max"),
        ("xla=maybe", "--xla maybe is not allowed: it takes on or off"),
        ("xla=true,on", "true twice"),
    ],
)
def test_what_cannot_be_varied_is_refused(word: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_vary([word])
    assert part in str(caught.value)


def test_a_file_gives_base_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(
        '[base]\nmode = "infer"\nmax-time = "90s"\n[vary]\nxla = [true, false]\nstage_sizes = [[1], [1, 1]]\n'
    )
    base, vary = parse_file(path)
    assert base == {"mode": "infer", "max_time": 90.0}
    assert vary == {"xla": [True, False], "stage_sizes": [(1,), (1, 1)]}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("[vary", "is not TOML"),
        ("[varry]\nxla=[true]", "varry is not expected"),
        ("[vary]\nxla = true", "is no list"),
        ("[vary]\nxla = []", "no value"),
        ("[vary]\nxla = [1]", "xla = 1 is not allowed"),
        ("[base]\nbatch_size = true", "batch_size = true is not allowed"),
        ("[base]\nbatchsize = 1", "Try batch_size"),
    ],
)
def test_a_wrong_file_is_refused(content: str, part: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        parse_file(path)
    assert part in str(caught.value)


def test_the_order_is_drawn_with_the_seed() -> None:
    vary = {"batch_size": list(range(1, 9))}
    first, again, other = (cross_product({"seed": seed}, vary) for seed in (1, 1, 2))
    assert [cell.values for cell in first] == [cell.values for cell in again]
    assert [cell.values for cell in first] != [cell.values for cell in other]
    assert len({cell.identity for cell in first}) == 8


def test_where_results_go_is_no_part_of_the_identity() -> None:
    (one,), (two,) = (cross_product({"output": folder}, {"xla": [True]}) for folder in ("a", "b"))
    assert one.identity == two.identity


def test_a_sweep_measures_all_and_ranks_them(tmp_path: Path) -> None:
    code, rows, errors = run(tmp_path, "--vary", "batch_size=4,32,8")
    assert code == 0, errors
    assert [row["options"]["batch_size"] for row in rows] == ["32", "8", "4"]
    assert rows[0]["images_per_s"]["value"] == pytest.approx(320)
    assert {str(path) for path in tmp_path.glob("*.json")} == {row["record"] for row in rows}
    assert "configuration 1/3: batch_size=" in errors
    assert list((tmp_path / ".claims").glob("*.claim")) == []


def test_contradictions_are_skipped_and_recorded_and_failures_do_not_end_it(tmp_path: Path) -> None:
    code, rows, errors = run(tmp_path, "--vary", "freeze=on,off", "--vary", "batch_size=8,64", OOM_ABOVE="32")
    assert code == 1
    assert Counter(row["status"] for row in rows) == {"skipped": 2, "measured": 1, "failed": 1}
    skipped = Record.load(Path(next(row["record"] for row in rows if row["status"] == "skipped")))
    assert (skipped.outcome.kind, skipped.verdict.kind) == ("config", "invalid")
    assert "--freeze" in skipped.outcome.message
    assert "1 of 4 failed" in errors


def test_resume_measures_only_what_is_missing(tmp_path: Path) -> None:
    run(tmp_path, "--vary", "batch_size=8,16")
    (tmp_path / "broken.json").write_text("{")
    code, rows, errors = run(tmp_path, "--resume", "--vary", "batch_size=8,16,32")
    assert code == 0, errors
    assert "broken.json is not a record" in errors
    assert errors.count("already there") == 2
    assert len(rows) == 3
    assert set(identities_of(tmp_path).values()) == {1}


def identities_of(folder: Path) -> Counter[str]:
    (folder / "broken.json").unlink(missing_ok=True)
    return identities(folder)


def test_without_resume_everything_is_measured_again(tmp_path: Path) -> None:
    run(tmp_path, "--vary", "batch_size=8")
    run(tmp_path, "--vary", "batch_size=8")
    assert set(identities(tmp_path).values()) == {2}


@pytest.mark.parametrize("after", ["configuration 1/4", "configuration 2/4", "timed"])
def test_a_killed_sweep_goes_on_without_losing_or_repeating(tmp_path: Path, after: str) -> None:
    process = bench_cli("sweep", *COMMON, "--output", str(tmp_path), *FOUR, SLEEP_S="0.05")
    wait_for(process, after)
    process.kill()
    process.communicate()
    before = identities(tmp_path)
    code, rows, errors = run(tmp_path, "--resume", *FOUR)
    assert code == 0, errors
    assert len(rows) == 4
    assert len(identities(tmp_path)) == 4
    assert set(identities(tmp_path).values()) == {1}
    assert errors.count("already there") == len(before)
    assert list((tmp_path / ".claims").glob("*.claim")) == []


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    assert any(text in line for line in process.stderr)


def test_ctrl_c_saves_and_sums_up_and_resume_runs_the_interrupted_one_again(tmp_path: Path) -> None:
    words = ("sweep", *COMMON, "--output", str(tmp_path), *FOUR, "--rounds", "500")
    process = bench_cli(*words, SLEEP_S="0.05")
    wait_for(process, "timed")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [row["status"] for row in json.loads(output)] == ["waiting"] * 4
    assert "4 of 4 not measured. Continue with --resume." in errors
    (path,) = tmp_path.glob("*.json")
    assert Record.load(path).outcome.kind == "interrupted"
    code, _, errors = run(tmp_path, "--resume", *FOUR, "--rounds", "500")
    assert code == 0, errors
    assert set(identities(tmp_path).values()) == {1}
    assert len(identities(tmp_path)) == 4


def test_two_sweeps_in_one_folder_share_the_work(tmp_path: Path) -> None:
    words = ("sweep", *COMMON, "--output", str(tmp_path), *FOUR)
    both = [bench_cli(*words, SLEEP_S="0.02") for _ in range(2)]
    ends = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert len(identities(tmp_path)) == 4
    assert set(identities(tmp_path).values()) == {1}


def test_the_total_time_ends_a_sweep_between_configurations(tmp_path: Path) -> None:
    code, rows, errors = run(tmp_path, *FOUR, "--total-time", "0.001")
    assert code == 7
    assert {row["status"] for row in rows} == {"waiting"}
    assert "--total-time ended; 4 of 4 not measured. Continue with --resume." in errors


def test_a_file_is_overridden_by_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text("[base]\nrounds = 4\nbatch_size = 8\n[vary]\nxla = [true, false]\nwidth = [8, 16]\n")
    code, rows, errors = run(tmp_path / "runs", "--file", str(path), "--vary", "batch_size=2,4", "--width", "8")
    assert code == 0, errors
    assert {tuple(row["options"]) for row in rows} == {("xla", "batch_size")}
    assert len(rows) == 4


def confirmed(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str, **environment: str) -> list[dict[str, Any]]:
    """A sweep's rows where the matches afterwards have fake workers too."""
    real = sweep_confirm.confirm

    def play(*given: Any) -> list[sweep_confirm.SweepConfirmation]:
        return real(*given, new_side=lambda label, config: Side(label, config, fake_worker))  # type: ignore[misc]

    monkeypatch.setattr(sweep_confirm, "confirm", play)
    code, rows, errors = run(folder, "--vary", "xla=on,off", "--vary", "freeze=off", *words, **environment)
    assert code == 0, errors
    return rows


def fake_worker() -> Worker:
    return InProcessWorker()


def test_the_best_may_take_turns_afterwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    speeds = json.dumps({"xla=true": 1.25})
    rows = confirmed(monkeypatch, tmp_path, "--confirm", "3", OPTION_SPEEDS=speeds, SLEEP_S="0.001")
    assert [row["options"]["xla"] for row in rows] == ["true", "false"]
    assert rows[0]["in_turns"] is None
    played = rows[1]["in_turns"]
    assert (played["ratio"]["value"], played["finding"]) == (pytest.approx(0.8), "slower")
    assert json.loads(Path(played["result"]).read_text())["result"]["finding"] == "slower"


def test_options_that_change_nothing_here_or_in_the_turns_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sweep_confirm, "confirm", lambda *_given: [])
    words = ("--vary", "xla=on,off", "--split", "--require-valid")
    code, _, errors = run(tmp_path / "a", *words)
    assert code == 0, errors
    assert "bench-cli: bench-cli sweep ignores --require-valid.\n" in errors
    assert "--confirm" not in errors
    code, _, errors = run(tmp_path / "b", *words, "--confirm", "2")
    assert code == 0, errors
    named = "--split, --rounds, --steps, --processes"
    assert f"bench-cli: bench-cli sweep --confirm ignores {named}.\n" in errors


def test_a_table_says_how_little_its_order_proves(tmp_path: Path) -> None:
    words = [word for word in COMMON if word != "--json"]
    done = CliRunner().invoke(group, ["sweep", *words, "--output", str(tmp_path), "--vary", "batch_size=4,8"])
    words_shown = " ".join(done.stdout.split())
    assert "measured one after the other" in words_shown
    assert "compare the best three with interleaved runs: the same command with --resume --confirm 3" in words_shown


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "needs something to vary"),
        (("--vary", "xla=on,off", "--xla"), "--vary xla and --xla are both given"),
        (("--vary", "xla=on", "--total-time", "soon"), "--total-time soon is not allowed"),
        (("--vary", "freeze=on"), "Every combination contradicts itself"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(words: tuple[str, ...], part: str, tmp_path: Path) -> None:
    code, _, errors = run(tmp_path, *words)
    assert code == 2
    assert part in errors


def test_a_folder_lost_on_the_way_ends_the_sweep_and_the_record_is_rescued(tmp_path: Path) -> None:
    process = bench_cli(
        "sweep", *COMMON, "--output", str(tmp_path / "runs"), *FOUR, SLEEP_S="0.1", TMPDIR=str(tmp_path)
    )
    wait_for(process, "timed")
    (tmp_path / "runs").rename(tmp_path / "moved")
    (tmp_path / "runs").write_text("")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 8, errors
    assert len(list((tmp_path / "resnet-bench-rescued").glob("*.json"))) == 1
