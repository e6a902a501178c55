"""`pytest --benchmark-only` as its users run it, with fake workers: table, JSON, comparison, terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def _outside_xdist() -> dict[str, str]:
    """This environment without what pytest-xdist adds: with it, pytest-benchmark times nothing."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}


PLAIN = ("-p", "no:cacheprovider")
"""What these runs leave alone: the failed tests that `--lf` of the outer run remembers."""


def run(tmp_path: Path, *words: str, code: int = 0, **environment: str) -> str:
    storage = [] if "no:benchmark" in words else ["--benchmark-storage", f"file://{tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.support.fake_harness", *PLAIN, *storage, *words],
        cwd=ROOT,
        env={**_outside_xdist(), "COLUMNS": "160", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def rows(tmp_path: Path, *words: str) -> dict[str, Any]:
    path = tmp_path / "out.json"
    arguments = f"--output {tmp_path}/runs {' '.join(words)}".strip()
    run(tmp_path, "--benchmark-only", f"--benchmark-json={path}", f"--bench-args={arguments}")
    return {row["name"]: row for row in json.loads(path.read_text())["benchmarks"]}


@pytest.fixture(scope="module")
def default_rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The four rows of a plain `pytest --benchmark-only`."""
    return rows(tmp_path_factory.mktemp("default"))


def test_each_harness_is_a_row_whose_mean_is_the_records(default_rows: dict[str, Any]) -> None:
    found = default_rows
    assert list(found) == ["test_train", "test_infer_throughput", "test_infer_latency", "test_input"]
    for row in found.values():
        record = json.loads(Path(row["extra_info"]["record"]).read_text())
        assert row["stats"]["mean"] == pytest.approx(record["summary"]["step_s"]["value"], rel=1e-9)
        assert row["stats"]["rounds"] == len(record["samples"]["processes"][0]["rounds"])
        assert row["extra_info"]["images_per_s"] == record["summary"]["images_per_s"]["value"]
        assert row["extra_info"]["verdict"] == record["verdict"]["kind"]
        assert row["extra_info"]["peak_host_bytes"] == 1 << 30


def test_each_row_leaves_a_trace_where_one_is_asked_for(tmp_path: Path) -> None:
    arguments = f"--bench-args=--output {tmp_path}/runs"
    run(tmp_path, "--benchmark-only", "-k", "infer_latency", f"--bench-profile={tmp_path}/traces", arguments)
    (trace,) = tmp_path.glob("traces/test_infer_latency/plugins/profile/*/*.xplane.pb")
    (path,) = tmp_path.glob("runs/*.json")
    assert json.loads(path.read_text())["trace"]["path"] == str(trace.parent.resolve())


def test_latency_is_one_image_at_a_time(default_rows: dict[str, Any]) -> None:
    row = default_rows["test_infer_latency"]
    record = json.loads(Path(row["extra_info"]["record"]).read_text())
    assert record["config"]["resolved"]["step"]["batch_size"] == 1
    assert {one["steps"] for one in record["samples"]["processes"][0]["rounds"]} == {1}
    assert row["extra_info"]["step_latency_p99_s"] is not None


def test_options_reach_every_row(tmp_path: Path) -> None:
    for row in rows(tmp_path, "--xla", "--precision mixed_bfloat16").values():
        record = json.loads(Path(row["extra_info"]["record"]).read_text())
        assert record["config"]["requested"]["step"]["xla"]
        assert record["config"]["requested"]["step"]["precision"] == "mixed_bfloat16"


def test_the_terminal_shows_rates_and_verdicts(tmp_path: Path) -> None:
    text = run(tmp_path, "--benchmark-only", f"--bench-args=--output {tmp_path}/runs", "-k", "test_train")
    assert "160" in text
    assert "1.00 GiB" in text
    assert "provisional" in text
    assert "test_train: Only 1 of the 3 processes needed for a useful confidence interval ran." in text


def test_what_holds_for_every_row_is_said_once(tmp_path: Path) -> None:
    words = f"--bench-args=--output {tmp_path}/runs"
    text = run(tmp_path, "--benchmark-only", words, "-k", "test_train or test_infer_throughput")
    assert text.count("Only 1 of the 3 processes needed for a useful confidence interval ran.") == 1
    assert "every row: Only 1 of the 3 processes needed for a useful confidence interval ran." in text


def test_preset_and_device_reach_the_configuration(tmp_path: Path) -> None:
    words = f"--bench-args=--output {tmp_path}/runs"
    run(tmp_path, "--benchmark-only", "--bench-preset=smoke", "--bench-device=cpu", words, "-k", "test_train")
    (path,) = (tmp_path / "runs").glob("*.json")
    requested = json.loads(path.read_text())["config"]["requested"]
    assert (requested["preset"], requested["runtime"]["device"]) == ("smoke", "cpu")


def test_two_runs_can_be_compared_and_drawn(tmp_path: Path) -> None:
    words = ["--benchmark-only", f"--bench-args=--output {tmp_path}/runs", "-k", "test_train"]
    run(tmp_path, *words, "--benchmark-autosave")
    text = run(tmp_path, *words, "--benchmark-compare", f"--benchmark-histogram={tmp_path}/histogram")
    assert "(NOW)" in text
    assert list(tmp_path.glob("histogram*.svg"))


def test_a_failing_worker_fails_its_row_with_the_reason(tmp_path: Path) -> None:
    words = [f"--bench-args=--output {tmp_path}/runs", "-k", "test_train"]
    text = run(tmp_path, "--benchmark-only", *words, code=1, SCENARIO="oom:build")
    assert "--batch-size 16 does not fit. Try --batch-size 8." in text


def test_require_valid_fails_a_row_whose_verdict_is_not_valid(tmp_path: Path) -> None:
    words = [f"--bench-args=--require-valid --output {tmp_path}/runs", "-k", "test_train"]
    text = run(tmp_path, "--benchmark-only", *words, code=1)
    assert "--require-valid: the verdict is provisional. Only 1 of the 3 processes" in text


def test_rounds_of_warm_up_are_no_part_of_the_row(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    words = ["--benchmark-only", f"--benchmark-json={path}", f"--bench-args=--output {tmp_path}/runs"]
    run(tmp_path, *words, "-k", "test_train", SLOWER="1.5,1.5,1.5,1.5,1.5", STEP_S="0.5")
    (row,) = json.loads(path.read_text())["benchmarks"]
    record = json.loads(Path(row["extra_info"]["record"]).read_text())
    process = record["samples"]["processes"][0]
    assert (process["counted_from"], len(process["rounds"])) == (5, 20)
    assert row["stats"]["rounds"] == 15
    assert row["stats"]["mean"] == pytest.approx(record["summary"]["step_s"]["value"], rel=1e-9)


def test_bad_options_are_refused_before_anything_runs(tmp_path: Path) -> None:
    text = run(tmp_path, "--benchmark-only", "--bench-args=--batch-size 0", code=4)
    assert "--batch-size 0 is not allowed" in text


def test_a_bare_pytest_collects_the_tests_alone(tmp_path: Path) -> None:
    text = run(tmp_path, "--collect-only", "-q", "-k", "test_train or test_a_bare_pytest")
    assert "tests/plugin/test_plugin.py::test_a_bare_pytest_collects_the_tests_alone" in text
    assert "benchmarks/" not in text


def test_benchmark_only_collects_the_benchmarks_alone(tmp_path: Path) -> None:
    text = run(tmp_path, "--collect-only", "-q", "--benchmark-only")
    assert "benchmarks/test_run.py::test_train" in text
    assert "tests/" not in text


def test_with_benchmarks_disabled_each_row_runs_once(tmp_path: Path) -> None:
    words = [
        f"--bench-args=--output {tmp_path}/runs",
        "--benchmark-disable",
        "benchmarks/test_run.py",
        "-k",
        "test_train",
    ]
    assert "1 passed" in run(tmp_path, *words)


USERS_OWN = {
    "plain": "def test_mine(resnet_bench):\n    resnet_bench('--mode infer')\n",
    "its own group": (
        "import pytest\n\n"
        "@pytest.mark.benchmark(group='mine', min_rounds=3)\n"
        "def test_mine(resnet_bench):\n    resnet_bench('--mode infer')\n"
    ),
    "its own clock": (
        "import time, pytest\npytestmark = pytest.mark.benchmark(timer=time.process_time)\n\n"
        "def test_mine(resnet_bench):\n    resnet_bench('--mode infer')\n"
    ),
    "through a fixture": (
        "import pytest\n\n@pytest.fixture\ndef faster(resnet_bench):\n    return resnet_bench\n\n"
        "def test_mine(faster):\n    faster('--mode infer')\n"
    ),
    "by name": "def test_mine(request):\n    request.getfixturevalue('resnet_bench')('--mode infer')\n",
    "beside benchmark": "def test_mine(benchmark, resnet_bench):\n    resnet_bench('--mode infer')\n",
    "a class": "class TestMine:\n    def test_mine(self, resnet_bench):\n        resnet_bench('--mode infer')\n",
}


@pytest.fixture(scope="module")
def own_rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The row of each module of one's own, by the module's name; all run by one pytest."""
    folder = tmp_path_factory.mktemp("own")
    path = folder / "out.json"
    for name, text in USERS_OWN.items():
        (folder / f"test_{name.replace(' ', '_')}.py").write_text(text)
    run(folder, str(folder), f"--benchmark-json={path}", f"--bench-args=--output {folder}/runs")
    found = {Path(row["fullname"].split("::")[0]).stem: row for row in json.loads(path.read_text())["benchmarks"]}
    assert len(found) == len(USERS_OWN)
    return found


@pytest.mark.parametrize("name", USERS_OWN)
def test_a_row_of_ones_own_shows_what_the_record_holds(own_rows: dict[str, Any], name: str) -> None:
    row = own_rows[f"test_{name.replace(' ', '_')}"]
    record = json.loads(Path(row["extra_info"]["record"]).read_text())
    assert row["stats"]["mean"] == pytest.approx(record["summary"]["step_s"]["value"], rel=1e-9)
    assert row["group"] == ("mine" if "group=" in USERS_OWN[name] else "infer")


def test_a_benchmark_fixture_with_another_clock_is_named(tmp_path: Path) -> None:
    module = tmp_path / "test_own.py"
    module.write_text(
        "def test_mine(benchmark, request):\n    request.getfixturevalue('resnet_bench')('--mode infer')\n"
    )
    text = run(tmp_path, str(module), f"--bench-args=--output {tmp_path}/runs", code=1)
    assert "Ask for resnet_bench before benchmark" in text


def test_brackets_in_a_rows_name_are_shown(tmp_path: Path) -> None:
    module = tmp_path / "test_own.py"
    module.write_text(
        "import pytest\n\n@pytest.mark.parametrize('norm', ['fused', 'a/b'])\n"
        "def test_mine(resnet_bench, norm):\n    resnet_bench('--mode infer')\n"
    )
    text = run(tmp_path, str(module), f"--bench-args=--output {tmp_path}/runs")
    summary = text[text.index(" resnet-bench ") :]
    assert "test_mine[fused]" in summary
    assert "test_mine[a/b]" in summary


def test_an_unclosed_quote_is_a_usage_error(tmp_path: Path) -> None:
    text = run(tmp_path, "--benchmark-only", "--bench-args=--output 'runs", code=4)
    assert '--bench-args "--output \'runs": No closing quotation.' in text
    assert "INTERNALERROR" not in text


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["-p", "no:benchmark", "benchmarks/test_run.py", "-k", "test_train"], 1, "fixture 'benchmark' not found"),
        (["--benchmark-only", "--benchmark-disable"], 4, "--benchmark-only and --benchmark-disable"),
        (["-n", "2", "--benchmark-only"], 4, "--benchmark-disable is automatically activated if xdist is on"),
    ],
    ids=["no plugin", "disabled", "xdist"],
)
def test_what_pytest_benchmark_cannot_do_is_its_own_message(
    tmp_path: Path, words: list[str], code: int, says: str
) -> None:
    text = run(tmp_path, *words, f"--bench-args=--output {tmp_path}/runs", code=code)
    assert says in text
    assert "INTERNALERROR" not in text
