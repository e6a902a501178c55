"""What only a real process shows: streams that cannot hold or take the output after the work is done, and a folder
full of files that are named like modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_bench.records.record import Record

ROOT = Path(__file__).parents[2]
RUN = ("run", "--preset", "smoke", "--source", "synthetic", "--processes", "1", "--rounds", "2", "--evidence", "off")
MAKE = ("data", "make", "set [v1]", "--count", "2", "--shards", "1", "--sizes", "32x24", "--quality", "80")
MODULES = (
    *("random", "calendar", "typing", "token", "numpy", "json", "inspect", "queue", "select", "statistics", "secrets"),
    *("copy", "string", "keras", "tensorflow", "resnet_bench", "sitecustomize", "logging", "socket", "msgspec"),
)


def start(folder: Path, *words: str, stdout: int = subprocess.PIPE, **environment: str) -> tuple[int, bytes, str]:
    """`bench-cli` with fake workers, run in a folder."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from tests.support.fake_cli import main; main()", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout or b"", done.stderr.decode(errors="replace")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("words", [RUN, MAKE], ids=["run", "make"])
def test_work_that_is_done_is_reported_in_any_encoding(words: tuple[str, ...], encoding: str, tmp_path: Path) -> None:
    code, output, errors = start(tmp_path, *words, PYTHONIOENCODING=encoding)
    assert (code, "Traceback" in errors) == (0, False), errors
    assert ("set [v1]" if words is MAKE else "img/s") in output.decode(encoding)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
def test_a_measurement_is_saved_where_its_output_cannot_be_written(more: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, errors = start(tmp_path, *RUN, *more, "--output", "runs", stdout=full.fileno())
    assert (code, "Traceback" in errors) == (12, False), errors
    (path,) = (tmp_path / "runs").glob("*.json")
    assert Record.load(path).outcome.kind == "ok"


def test_nothing_in_the_working_folder_is_imported(tmp_path: Path) -> None:
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text("open('imported-' + __name__, 'w').close()\n")
    code, output, errors = start(tmp_path, *RUN, "--json", "--output", "runs")
    assert code == 0, errors
    assert json.loads(output)["outcome"]["kind"] == "ok"
    assert not list(tmp_path.glob("imported-*"))
