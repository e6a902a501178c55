"""`bench-cli` from outside: click's runner where that is enough, a real child process where it is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resnet_bench.cli import COMMANDS, group
from resnet_bench.experiments import run as session
from resnet_bench.experiments.evidence_pass import EvidencePass
from resnet_bench.records.record import Record
from tests.experiments.test_run import run as run_fake
from tests.support.fake_evidence import no_pass
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let `bench-cli run` start fake workers; `SCENARIO` and `STEP_S` reach them."""
    real = session.run

    def run(*arguments: Any, **options: Any) -> Any:
        options["new_worker"] = InProcessWorker
        return real(*arguments, **options)

    monkeypatch.setattr(session, "run", run)
    monkeypatch.setattr(EvidencePass, "run", no_pass)
    return monkeypatch


def invoke(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(group, list(words))


def one_record(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*.json")
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def test_run_saves_a_record_and_prints_the_answer_first(fake: pytest.MonkeyPatch, tmp_path: Path) -> None:
    del fake
    result = invoke("run", "--processes", "1", "--output", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert one_record(tmp_path)["outcome"]["kind"] == "ok"
    lines = result.stdout.splitlines()
    assert lines[0] == "Training, ResNet-50 v1.5 on photos"
    assert lines[1] == "224x224 pixels, batch 16 · CPU, 2 threads · float32, oneDNN, fused batch norm"
    assert lines[3].rstrip() == "  throughput     160 img/s  (no confidence interval: one process)"
    assert lines[4].startswith("  step time      100 ms mean")
    assert [line.split()[0] for line in lines[3:7]] == ["throughput", "step", "latency", "verdict"]
    assert lines[6].split() == ["verdict", "provisional"]
    assert lines[-1].startswith("Next:    measure longer: bench-cli run --processes 3 ")


def test_json_prints_the_record_alone(fake: pytest.MonkeyPatch, tmp_path: Path) -> None:
    del fake
    result = invoke("run", "--processes", "1", "--json", "--output", str(tmp_path))
    assert json.loads(result.stdout) == one_record(tmp_path)


def test_ctrl_c_in_a_command_without_a_result_is_one_line_and_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("resnet_bench.cli.show.read_each", interrupted)
    result = invoke("show", "runs")
    assert result.exit_code == 130
    assert result.stderr == "bench-cli: Interrupted.\n"


def test_progress_goes_to_stderr_as_plain_lines(fake: pytest.MonkeyPatch, tmp_path: Path) -> None:
    del fake
    result = invoke("run", "--processes", "1", "--rounds", "4", "--output", str(tmp_path))
    assert "process 1/1: build" in result.stderr
    assert "round 4/4, 160 img/s" in result.stderr


@pytest.mark.parametrize(
    ("scenario", "code", "part"),
    [
        ("oom:build", 5, "--batch-size 16 does not fit. Try --batch-size 8."),
        ("data:data", 3, "shard-0 record 3 is corrupt."),
        ("crash:trace", 6, "The worker crashed (SIGSEGV) in phase trace."),
        ("error:trace", 1, "something else"),
    ],
)
def test_a_failed_run_exits_with_its_code_and_keeps_a_record(
    fake: pytest.MonkeyPatch, tmp_path: Path, scenario: str, code: int, part: str
) -> None:
    fake.setenv("SCENARIO", scenario)
    result = invoke("run", "--output", str(tmp_path))
    assert result.exit_code == code
    assert part in result.output
    assert one_record(tmp_path)["verdict"]["kind"] == "invalid"


def test_require_valid_accepts_a_valid_run(fake: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake.setenv("STEP_S", "0.5")
    result = invoke("run", "--require-valid", "--rounds", "8", "--output", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "valid" in result.stdout
    assert "reached at step 2" in result.stdout


@pytest.mark.parametrize(("scenario", "code"), [("ok", 11), ("nan", 11), ("crash:trace", 6)])
def test_require_valid_fails_on_anything_else_and_saves_the_record(
    fake: pytest.MonkeyPatch, tmp_path: Path, scenario: str, code: int
) -> None:
    fake.setenv("SCENARIO", scenario)
    result = invoke("run", "--require-valid", "--processes", "1", "--output", str(tmp_path))
    assert result.exit_code == code
    verdict = one_record(tmp_path)["verdict"]["kind"]
    assert verdict == ("provisional" if scenario == "ok" else "invalid")
    if code == 11:
        assert f"--require-valid: the verdict is {verdict}." in result.stderr


def test_a_bad_value_is_one_line_on_stderr_and_exit_2(tmp_path: Path) -> None:
    result = invoke("run", "--batch-size", "0", "--output", str(tmp_path))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "bench-cli: --batch-size 0 is not allowed: it takes a whole number, at least 1, auto or max.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = invoke("run", "--output", str(tmp_path / "file"))
    assert result.exit_code == 8
    assert "--output" in result.stderr


def test_a_folder_that_fails_at_the_end_loses_nothing(fake: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake.setenv("TMPDIR", str(tmp_path / "refuge"))
    (tmp_path / "refuge").mkdir()
    fake.setattr("tempfile.tempdir", None)
    fake.setattr("resnet_bench.cli.run.check_folder", lambda *_: None)
    (tmp_path / "file").write_text("")
    result = invoke("run", "--processes", "1", "--output", str(tmp_path / "file"))
    assert result.exit_code == 8
    assert one_record(tmp_path / "refuge" / "resnet-bench-rescued")["outcome"]["kind"] == "ok"


def test_show_prints_one_record_whole_and_several_as_a_table(tmp_path: Path) -> None:
    one, two = run_fake("--processes 1 --rounds 3"), run_fake("--processes 1 --rounds 3 --mode infer")
    paths = [record.save(tmp_path) for record in (one, two)]
    single = invoke("show", str(paths[0]))
    assert single.exit_code == 0
    assert "25,557,032 trainable parameters" in single.stdout
    table = CliRunner(env={"COLUMNS": "200"}).invoke(group, ["show", str(tmp_path)])
    assert table.stdout.count(" 160 ") == 2
    assert paths[0].name in table.stdout
    assert json.loads(invoke("show", "--json", str(tmp_path)).stdout)[1]["config"]["requested"]["step"]["mode"]


def test_show_names_a_bad_file_and_goes_on(tmp_path: Path) -> None:
    good = run_fake("--processes 1 --rounds 3").save(tmp_path)
    bad = tmp_path / "cut.json"
    bad.write_bytes(good.read_bytes()[:100])
    result = invoke("show", str(tmp_path))
    assert result.exit_code == 8
    assert "cut.json is not a record" in result.stderr
    assert "160 img/s" in result.stdout


def test_show_of_nothing_says_so(tmp_path: Path) -> None:
    result = invoke("show", str(tmp_path))
    assert result.exit_code == 8
    assert "holds no records" in result.stderr


def test_schema_is_json() -> None:
    assert json.loads(invoke("schema").stdout)["title"] == "resnet-bench record"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    if shell == "bash" and subprocess.run(["bash", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("no bash here")
    assert "_BENCH_CLI_COMPLETE" in invoke("completion", shell).stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 3


def test_the_help_of_run_names_every_section() -> None:
    text = invoke("run", "--help").stdout
    for title in ("Preset", "Network", "Data", "Step", "Runtime", "Measurement", "Output"):
        assert f"\n{title}:\n" in text


def bench_cli(*words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from tests.support.fake_cli import main; main()", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"])
def test_an_interrupted_run_saves_what_exists(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process = bench_cli("run", "--processes", "1", "--rounds", "1000", "--output", str(tmp_path), SLEEP_S="0.05")
    assert process.stderr is not None
    for line in process.stderr:
        if "timed" in line:
            break
    time.sleep(0.5)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Interrupted." in output
    (path,) = tmp_path.glob("*.json")
    record = Record.load(path)
    assert record.outcome.kind == "interrupted"
    assert record.samples.processes[0].rounds


def test_help_and_the_parent_import_no_tensorflow() -> None:
    code = (
        "import sys; import resnet_bench.cli.run, resnet_bench.cli.doctor, resnet_bench.cli.show;"
        "import resnet_bench.experiments.paired.ab;"
        "print([name for name in ('tensorflow', 'keras', 'scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from resnet_bench.cli import group;"
        "assert CliRunner().invoke(group, ['--help']).exit_code == 0;"
        "print([name for name in ('msgspec', 'rich', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_working_directory_that_was_deleted_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    done = invoke("show", "x.json")
    assert done.exit_code == 3
    assert "The working directory cannot be used" in done.stderr
