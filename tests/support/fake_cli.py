"""`bench-cli` in a process of its own, with fake workers."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resnet_bench import cli
from resnet_bench.experiments import run
from resnet_bench.experiments.evidence_pass import EvidencePass
from resnet_bench.experiments.train import TrainRun
from resnet_bench.records import files
from resnet_bench.worker.interface import Worker
from resnet_bench.worker.process import WorkerProcess
from tests.support.fake_evidence import no_pass

ROOT = Path(__file__).parents[2]
_real = run.run


def _new_process(module: str = "fake_worker") -> Worker:
    return WorkerProcess(f"tests.support.{module}", {"PYTHONPATH": str(ROOT)})


def use_fake_workers(new_worker: Callable[[], Worker] = _new_process) -> None:
    """Let every run of this process use fake workers, and none after the timed ones."""

    def fake_run(*arguments: Any, **options: Any) -> Any:
        return _real(*arguments, **{**options, "new_worker": new_worker})

    run.run = fake_run
    EvidencePass.run = no_pass  # type: ignore[assignment]


def use_killable_trainer() -> None:
    """Let `train` of this process train a chain of hashes (`killable_trainer.py`), and draw nothing."""
    from resnet_bench.cli import train

    train.TrainRun = functools.partial(TrainRun, new_worker=lambda: _new_process("killable_trainer"))  # type: ignore
    train._draw = lambda *_: ()


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run `bench-cli` with the words of this process; with `DIE_IN_REPLACE` it is killed where it would rename a
    record that it has written, with `KILLABLE_TRAINER` `train` has a worker that can be killed at any step."""
    use_fake_workers()
    if "KILLABLE_TRAINER" in os.environ:
        use_killable_trainer()
    if "DIE_IN_REPLACE" in os.environ:
        files.check_folder = lambda *_: None
        Path.replace = _die  # type: ignore[assignment]
    cli.main()
