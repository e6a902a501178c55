"""What must not harm a record: signals at any moment, disks that are full or closed, strangers in the folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from resnet_bench.records.record import Record
from tests.experiments.test_run import run as run_fake

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `bench-cli` with fake workers; nothing of it outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, first: str = "", **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", f"{first}\nfrom tests.support.fake_cli import main; main()", *words],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended before {words!r}")


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def all_gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=20)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
@pytest.mark.parametrize("moment", ["build", "timed", "finish"])
def test_a_parent_killed_in_any_phase_leaves_no_process_and_no_half_record(
    start: Start, tmp_path: Path, moment: str
) -> None:
    scenario = {"SCENARIO": f"hang:{moment}"}
    process = start("run", "--processes", "1", "--rounds", "4", "--steps", "2", "--output", str(tmp_path), **scenario)
    wait_for(process, moment)
    workers = descendants(process.pid)
    assert workers
    process.kill()
    process.wait()
    assert all_gone(workers)
    assert list(tmp_path.glob("*.json")) == []


def test_a_parent_killed_while_saving_leaves_whole_records_only(start: Start, tmp_path: Path) -> None:
    """It dies between writing and renaming, the worst moment: what is left is no record, and is not taken for one."""
    good = run_fake("--processes 1 --rounds 3").save(tmp_path)
    process = start("run", "--processes", "1", "--output", str(tmp_path), DIE_IN_REPLACE="1")
    assert process.wait(timeout=60) == -signal.SIGKILL
    assert [path for path in tmp_path.glob("*.json") if Record.load(path)] == [good]
    shown = start("show", str(tmp_path))
    assert shown.wait(timeout=60) == 0


@pytest.mark.parametrize("signals", [1, 3], ids=["once", "again and again"])
def test_ctrl_c_saves_sums_up_and_leaves_no_orphan(start: Start, tmp_path: Path, signals: int) -> None:
    words = ["--processes", "1", "--rounds", "1000", "--steps", "2", "--output", str(tmp_path)]
    process = start("run", *words, SLEEP_S="0.02")
    wait_for(process, "round")
    workers = descendants(process.pid)
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert all_gone(workers)
    assert "160 img/s" in output
    (path,) = tmp_path.glob("*.json")
    record = Record.load(path)
    assert (record.outcome.kind, record.verdict.kind) == ("interrupted", "invalid")
    assert record.samples.processes[0].rounds


LIMIT_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))"
"""No file may grow beyond a kilobyte: writing fails in the kernel, as it does on a full disk."""


def test_a_disk_that_is_full_everywhere_prints_the_record_instead(start: Start, tmp_path: Path) -> None:
    process = start("run", "--processes", "1", "--json", "--output", str(tmp_path), first=LIMIT_FILES)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 8
    assert "The record was printed instead." in errors
    assert json.loads(output)["outcome"]["kind"] == "ok"
    assert list(tmp_path.iterdir()) == []


OBEY_PERMISSIONS = """
import ctypes, os, sys
if "OBEYING" not in os.environ:
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
    os.execve(sys.executable, sys.orig_argv, {**os.environ, "OBEYING": "1"})
"""
"""Even root respects permissions in a program that starts without that capability."""


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_folder_that_may_only_be_read_is_refused_before_the_run(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    process = start("run", "--output", str(folder), first=OBEY_PERMISSIONS)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 8
    assert "Permission denied" in errors
    assert "--output" in errors
    assert "process 1" not in errors


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Path, Record]:
    """A good record among one that was cut in half, one of a future schema and one that is something else."""
    record = run_fake("--processes 1 --rounds 3")
    path = record.save(tmp_path)
    content = path.read_bytes()
    (tmp_path / "half.json").write_bytes(content[: len(content) // 2])
    (tmp_path / "future.json").write_text(json.dumps({**json.loads(content), "schema_version": 99, "new": {}}))
    (tmp_path / "other.json").write_text('{"hello": "world"}')
    return tmp_path, record


def test_strangers_among_records_are_named_and_skipped(start: Start, folder: tuple[Path, Record]) -> None:
    process = start("show", "--json", str(folder[0]))
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 8
    assert json.loads(output)["id"] == folder[1].id
    assert [name for name in ("half.json", "future.json", "other.json") if name not in errors] == []
    assert "schema version 99" in errors
