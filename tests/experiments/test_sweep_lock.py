"""Locks of a sweep: one holder at a time, taken over from the dead, respected of the living."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psutil
import pytest

from resnet_bench.errors import RecordError
from resnet_bench.experiments import sweep_lock
from resnet_bench.experiments.sweep_lock import Owner, SweepLock, this_process

ROOT = Path(__file__).parents[2]


def other(**changes: object) -> Owner:
    parent = psutil.Process(os.getppid())
    return msgspec.structs.replace(this_process(), **{"pid": parent.pid, "started": parent.create_time(), **changes})


def put(folder: Path, owner: Owner) -> None:
    (folder / sweep_lock.FOLDER).mkdir(exist_ok=True)
    (folder / sweep_lock.FOLDER / "x.claim").write_bytes(msgspec.json.encode(owner))


@pytest.mark.parametrize("changes", [{}, {"machine": None}, {"pid": 2**22 + 1}, {"started": 1.0, "machine": None}])
def test_a_lock_that_a_living_process_keeps_is_respected(tmp_path: Path, changes: dict[str, object]) -> None:
    """In another container its number means nothing here, and both may have no or the same machine id."""
    put(tmp_path, other(**changes))
    with (tmp_path / sweep_lock.FOLDER / "x.claim").open("rb") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        assert SweepLock(tmp_path).take("x") == other(**changes)
        SweepLock(tmp_path).release("x")
        assert SweepLock(tmp_path).path("x").exists()
    assert SweepLock(tmp_path).take("x") is None


@pytest.mark.parametrize("stale", [{}, {"started": 1.0}, {"pid": 2**22 + 1}], ids=["ours", "number used again", "gone"])
def test_a_lock_that_nobody_keeps_is_taken_over(tmp_path: Path, stale: dict[str, object]) -> None:
    put(tmp_path, other(**stale))
    mine = SweepLock(tmp_path)
    assert mine.take("x") is None
    assert msgspec.json.decode(mine.path("x").read_bytes(), type=Owner) == this_process()
    assert mine.take("x") is None
    assert SweepLock(tmp_path).take("x") == this_process()


def test_a_lock_whose_file_says_nothing_yet_is_respected(tmp_path: Path) -> None:
    put(tmp_path, other())
    path = tmp_path / sweep_lock.FOLDER / "x.claim"
    path.write_bytes(b"\xff")
    with path.open("rb") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        assert SweepLock(tmp_path).take("x") == sweep_lock.UNKNOWN


def test_a_claim_that_was_cut_off_belongs_to_nobody(tmp_path: Path) -> None:
    put(tmp_path, other())
    SweepLock(tmp_path).path("x").write_bytes(b'{"pid": 1')
    assert SweepLock(tmp_path).take("x") is None


def test_a_claim_of_another_machine_is_believed(tmp_path: Path) -> None:
    put(tmp_path, other(pid=2**22 + 1, machine="elsewhere"))
    owner = SweepLock(tmp_path).take("x")
    assert owner is not None
    assert owner.machine == "elsewhere"


def test_a_released_claim_is_free(tmp_path: Path) -> None:
    mine = SweepLock(tmp_path)
    assert mine.take("x") is None
    mine.release("x")
    assert not mine.path("x").exists()


def test_of_many_processes_exactly_one_takes_over(tmp_path: Path) -> None:
    put(tmp_path, other(started=1.0))
    code = (
        "import sys, pathlib; from resnet_bench.experiments.sweep_lock import SweepLock;"
        "print(SweepLock(pathlib.Path(sys.argv[1])).take('x') is None, flush=True); sys.stdin.read()"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda process: process.stdout and process.stdout.readline().strip(), running))
    for process in running:
        process.communicate()
    assert sorted(won, key=str) == ["False", "False", "False", "True"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="file"):
        SweepLock(tmp_path / "file").take("x")
