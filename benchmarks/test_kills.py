"""Campaign: `sweep`, `train` and `data make` are killed at random moments, again and again, until they finish.

    pytest --benchmark-only --bench-campaign benchmarks/test_kills.py

Nothing may be lost or repeated, every file is whole, and no process stays behind. `RESNET_BENCH_KILLS` sets the number
of kills for each command (1,000 is the goal, 50 the default). Workers are fake; the training uses the real loop and
real checkpoints over a chain of hashes (`tests/support/killable_trainer.py`).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from resnet_bench.experiments.combinations import identity
from resnet_bench.records.record import Record
from resnet_bench.step.training import checkpoint
from tests.support.killable_trainer import CHAIN

pytestmark = pytest.mark.campaign
ROOT = Path(__file__).parents[1]
KILLS = int(os.environ.get("RESNET_BENCH_KILLS", "50"))
TAG = "RESNET_BENCH_KILLED_BY_A_TEST"
GONE_S = 20.0
TIMEOUT_S = 300

SWEEP = ("--processes", "1", "--rounds", "3", "--steps", "2", "--vary", "batch_size=1,2,3,4", "--vary", "xla=on,off")
MAKE = ("--count", "40", "--shards", "10", "--sizes", "96x64", "--quality", "85", "--threads", "2")
TRAIN = ("--batch-size", "4", "--epochs", "6", "--image-size", "32", "--stage-sizes", "1,1,1,1", "--width", "8")


@dataclass(frozen=True)
class Killed:
    """A command in a folder: its words, given whether it goes on, and what must hold after a kill and at the end."""

    words: Callable[[Path], Sequence[str]]
    after_kill: Callable[[Path], None]
    at_end: Callable[[Path], None]


def sweep(folder: Path) -> Sequence[str]:
    """Eight configurations."""
    return ("sweep", *SWEEP, "--resume", "--output", str(folder))


def records(folder: Path) -> Counter[str]:
    """How many finished records each configuration has; every file can be read."""
    found = [Record.load(path) for path in folder.glob("*.json")]
    return Counter(identity(record.config.requested) for record in found if record.outcome.kind == "ok")


def none_twice(folder: Path) -> None:
    """No configuration was measured twice."""
    assert set(records(folder).values()) <= {1}


def all_once(folder: Path) -> None:
    """Every configuration was measured once, and no lock is left."""
    assert sorted(records(folder).values()) == [1] * 8
    assert list(folder.rglob("*.claim")) == []


def make(folder: Path) -> Sequence[str]:
    """Ten shards."""
    return ("data", "make", str(folder), *MAKE)


def content(folder: Path) -> dict[str, bytes]:
    """All files that are not hidden."""
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")}


def training(folder: Path) -> Sequence[str]:
    """Six epochs, from the checkpoint where there is one."""
    resume = ("--resume",) if (folder / checkpoint.CHECKPOINT).exists() else TRAIN
    return ("train", *resume, "--folder", str(folder), "--output", str(folder / "runs"))


def loadable(folder: Path) -> None:
    """The checkpoint, if there is one, is whole."""
    path = folder / checkpoint.CHECKPOINT
    if path.exists():
        checkpoint.load(path)


def trained(folder: Path) -> tuple[list[int], int, list[tuple[float, float | None]]]:
    """The chain of all steps, their number, and each epoch's losses."""
    arrays, progress = checkpoint.load(folder / checkpoint.CHECKPOINT)
    return arrays[CHAIN].tolist(), progress.step, [(epoch.loss, epoch.test_loss) for epoch in progress.epochs]


def start(words: Sequence[str]) -> subprocess.Popen[bytes]:
    """The command as a process."""
    return subprocess.Popen(
        [sys.executable, "-c", "from tests.support.fake_cli import main; main()", *words],
        cwd=ROOT,
        env={**os.environ, TAG: str(os.getpid()), "KILLABLE_TRAINER": "1", "STEP_SLEEP_S": "0.004", "SLEEP_S": "0.01"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(words: Sequence[str]) -> float:
    """Let it finish; seconds that it took."""
    begun = time.monotonic()
    process = start(words)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, errors.decode()[-2000:]
    return time.monotonic() - begun


def left_behind() -> list[psutil.Process]:
    """Processes that a killed command started and that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TAG) == str(os.getpid()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def check_none_left() -> None:
    """All processes end by themselves soon after the kill."""
    until = time.monotonic() + GONE_S
    while left_behind():
        assert time.monotonic() < until, f"still running: {left_behind()}"
        time.sleep(0.05)


def kill_until_finished(killed: Killed, folder: Path, whole_s: float, draw: random.Random, most: int) -> int:
    """Start, kill at a random moment, start again, until it finishes or `most` kills are done; how many they were."""
    kills = 0
    while kills < most:
        process = start(killed.words(folder))
        try:
            process.communicate(timeout=draw.uniform(0, 1.05 * whole_s))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, killed.words(folder)
        kills += 1
        check_none_left()
        killed.after_kill(folder)
    else:
        finish(killed.words(folder))
    killed.at_end(folder)
    return kills


def campaign(benchmark: Any, killed: Killed, root: Path, whole_s: float) -> None:
    """Folder after folder until all kills are done."""
    draw, done, folders = random.Random(0), 0, 0

    def kill_all() -> None:
        nonlocal done, folders
        while done < KILLS:
            folders += 1
            done += kill_until_finished(killed, root / str(folders), whole_s, draw, KILLS - done)

    benchmark.pedantic(kill_all, rounds=1, iterations=1)
    benchmark.extra_info.update(kills=done, folders=folders)


def test_a_killed_sweep_measures_everything_once(benchmark: Any, tmp_path: Path) -> None:
    """With --resume each configuration is measured once, whatever was killed."""
    whole_s = finish(sweep(tmp_path / "whole"))
    all_once(tmp_path / "whole")
    campaign(benchmark, Killed(sweep, none_twice, all_once), tmp_path, whole_s)


def test_a_killed_data_make_gives_the_same_bytes(benchmark: Any, tmp_path: Path) -> None:
    """What is visible is whole at any moment, and the end is that of a start that was not killed."""
    whole_s = finish(make(tmp_path / "whole"))
    whole = content(tmp_path / "whole")

    def whole_files_alone(folder: Path) -> None:
        assert content(folder).items() <= whole.items()

    def the_same(folder: Path) -> None:
        assert content(folder) == whole
        assert {path.name for path in folder.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}

    campaign(benchmark, Killed(make, whole_files_alone, the_same), tmp_path, whole_s)


def test_a_killed_training_takes_every_step_once(benchmark: Any, tmp_path: Path) -> None:
    """The chain of steps, and each epoch's losses, are those of a training that was not killed."""
    whole_s = finish(training(tmp_path / "whole"))
    whole = trained(tmp_path / "whole")
    assert whole[1] == 6 * 15

    def the_same(folder: Path) -> None:
        assert trained(folder) == whole
        assert list(folder.glob(".*.part")) == []

    campaign(benchmark, Killed(training, loadable, the_same), tmp_path, whole_s)
