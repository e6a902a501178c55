"""Every file of docs/examples/ does what it says, with fake workers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from resnet_bench.config.options import parse_args
from tests.support.documents import ROOT

EXAMPLES = ROOT / "docs" / "examples"
GOLDEN = ROOT / "tests" / "golden"
FAKE_CLI = f"{sys.executable} -c 'from tests.support.fake_cli import main; main()'"


def run(*command: str, cwd: Path = ROOT, code: int = 0, environment: Mapping[str, str] | None = None) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_XDIST", "GIT_"))}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_every_example_is_tested() -> None:
    text = Path(__file__).read_text()
    assert all(f'"{path.name}"' in text for path in EXAMPLES.iterdir() if path.is_file())


def test_the_preset_file_sets_its_options() -> None:
    config, given = parse_args(["--preset-file", str(EXAMPLES / "preset.toml"), "--batch-size", "8"])
    assert (config.step.mode, config.step.freeze, config.step.batch_size) == ("infer", True, 8)
    assert "preset_file" in given


@pytest.mark.process
def test_the_sweep_file_measures_four_configurations(tmp_path: Path) -> None:
    words = ["sweep", "--file", str(EXAMPLES / "sweep.toml"), "--output", str(tmp_path), "--rounds", "3", "--json"]
    run(sys.executable, "-c", "from tests.support.fake_cli import main; main()", *words)
    records = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    found = {
        (r["config"]["requested"]["model"]["batch_norm"], r["config"]["requested"]["step"]["freeze"]) for r in records
    }
    assert found == {("keras", True), ("keras", False), ("fused", True), ("fused", False)}


@pytest.mark.process
def test_records_are_read_from_python(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "schema_2.json", tmp_path)
    (line,) = run(sys.executable, str(EXAMPLES / "read_records.py"), str(tmp_path)).splitlines()
    assert line.startswith("schema_2.json: ")
    assert "images/s" in line


@pytest.mark.process
def test_a_row_of_ones_own_is_measured(tmp_path: Path) -> None:
    table = tmp_path / "rows.json"
    run(
        *(sys.executable, "-m", "pytest", "-p", "tests.support.fake_harness", "-p", "no:cacheprovider", "-q"),
        *("--benchmark-only", f"--benchmark-json={table}", f"--benchmark-storage=file://{tmp_path}"),
        *(f"--bench-args=--output {tmp_path}/runs --rounds 3", str(EXAMPLES / "test_my_rows.py")),
    )
    rows: list[dict[str, Any]] = json.loads(table.read_text())["benchmarks"]
    assert [row["name"] for row in rows] == ["test_inference[1]", "test_inference[16]"]


@pytest.mark.process
@pytest.mark.parametrize(("step_s", "code"), [("0.1", 0), ("0.2", 9)])
def test_two_commits_are_compared(tmp_path: Path, step_s: str, code: int) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    bench = tmp_path / "bench-cli"
    bench.write_text(
        f'#!/bin/sh\ncase $PWD in */new) export STEP_S={step_s} ;; esac\nPYTHONPATH={ROOT} exec {FAKE_CLI} "$@"\n'
    )
    bench.chmod(0o755)
    repository = tmp_path / "repository"
    repository.mkdir()
    who = {f"GIT_{role}_{part}": "someone" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    run("git", "init", "--quiet", cwd=repository)
    for message in ("base", "new"):
        run("git", "commit", "--quiet", "--allow-empty", "-m", message, cwd=repository, environment=who)
    commits = ("HEAD~1", "HEAD", "--processes", "2", "--rounds", "3")
    environment = {"BENCH": str(bench), "STEP_S": "0.1", "TMPDIR": str(tmp_path)}
    script = str(EXAMPLES / "compare_commits.sh")
    printed = run("bash", script, *commits, cwd=repository, code=code, environment=environment)
    assert "|" in printed
    assert run("git", "worktree", "list", cwd=repository).count("\n") == 1
