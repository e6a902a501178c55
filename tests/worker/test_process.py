"""The parent's side of a worker, against a real child process that misbehaves on purpose."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resnet_bench.config import Config
from resnet_bench.errors import BenchError
from resnet_bench.records.run import Outcome
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker, WorkerFailure, classify_exit
from resnet_bench.worker.process import WorkerProcess, is_stopped

ROOT = Path(__file__).parents[2]
NewWorker = Callable[..., Worker]


@pytest.fixture
def new_worker() -> Iterator[NewWorker]:
    started: list[Worker] = []

    def start(scenario: str = "ok", **environment: str) -> Worker:
        worker = WorkerProcess(
            "tests.support.fake_worker", {"PYTHONPATH": str(ROOT), "SCENARIO": scenario, **environment}
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.close()


def ask(worker: Worker, silence_s: float = 60.0, budget_s: float = 60.0, then_stop: bool = False) -> p.Prepared:
    command = p.Prepare(config=Config(), log_path=str(worker.log_path), then_stop=then_stop)
    return worker.request(command, p.Prepared, silence_s=silence_s, deadline=time.monotonic() + budget_s)


def failure(worker: Worker, silence_s: float = 60.0, budget_s: float = 60.0) -> Outcome:
    with pytest.raises(WorkerFailure) as caught:
        ask(worker, silence_s, budget_s)
    return caught.value.outcome


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_answers_with_events_and_then_a_reply(new_worker: NewWorker) -> None:
    events: list[p.Events] = []
    worker = new_worker()
    reply = worker.request(
        p.Prepare(config=Config(), log_path=""),
        p.Prepared,
        silence_s=60,
        deadline=time.monotonic() + 60,
        on_event=events.append,
    )
    assert reply.model is not None
    assert [event.phase if isinstance(event, p.PhaseStarted) else type(event).__name__ for event in events] == [
        "import",
        "start",
        "Resolved",
        "data",
        "build",
        "trace",
        "first step",
        "data",
    ]


@pytest.mark.parametrize(
    ("scenario", "kind", "part"),
    [
        ("crash:build", "crashed", "SIGSEGV"),
        ("kill:trace", "killed", "SIGKILL"),
        ("exit:build", "crashed", "exit code 7"),
        ("bad_alloc:build", "out_of_memory", "ran out of memory"),
        ("oom:build", "out_of_memory", "--batch-size 16 does not fit."),
        ("data:data", "data", "shard-0 record 3"),
        ("error:trace", "error", "something else"),
        ("garbage:trace", "crashed", "Hello, I am no message"),
    ],
)
def test_every_way_to_fail_is_a_typed_outcome(new_worker: NewWorker, scenario: str, kind: str, part: str) -> None:
    worker = new_worker(scenario)
    outcome = failure(worker)
    assert outcome.kind == kind
    assert part in outcome.message
    assert outcome.phase == scenario.partition(":")[2]
    assert not exists(worker.pid)


def test_the_last_words_of_a_crash_are_kept(new_worker: NewWorker) -> None:
    outcome = failure(new_worker("crash:build"))
    assert "a last word" in outcome.log_tail
    assert outcome.signal == signal.SIGSEGV


def test_memory_arenas_are_bounded_and_the_users_own_bound_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def bound(module: str = "resnet_bench.worker.child") -> list[str]:
        with WorkerProcess(module) as worker:
            process = Path(f"/proc/{worker.pid}")
            while module not in (process / "cmdline").read_text():  # It is still this process' copy.
                time.sleep(0.001)
            environment = (process / "environ").read_text().split("\0")
        return [each.partition("=")[2] for each in environment if each.startswith("MALLOC_ARENA_MAX=")]

    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    (found,) = bound()
    assert 2 <= int(found) <= max(2, len(os.sched_getaffinity(0)))
    assert bound("tests.support.fake_worker") == []
    monkeypatch.setenv("MALLOC_ARENA_MAX", "7")
    assert bound() == ["7"]


def test_silence_is_a_hang_and_the_worker_is_killed(new_worker: NewWorker) -> None:
    worker = new_worker("hang:trace")
    outcome = failure(worker, silence_s=3.0)
    assert (outcome.kind, outcome.phase) == ("hung", "trace")
    assert "--timeout" in outcome.remedy
    assert not exists(worker.pid)


def test_the_end_of_the_budget_is_told_from_a_hang(new_worker: NewWorker) -> None:
    outcome = failure(new_worker("hang:trace"), budget_s=3.0)
    assert outcome.kind == "budget"
    assert "--max-time" in outcome.remedy


def test_a_worker_that_stopped_itself_continues_when_asked_again(new_worker: NewWorker) -> None:
    worker = new_worker()
    ask(worker, then_stop=True)
    worker.wait_until_stopped()
    assert is_stopped(worker.pid)
    ask(worker)
    assert not is_stopped(worker.pid)


def test_a_stopped_worker_can_be_closed(new_worker: NewWorker) -> None:
    worker = new_worker()
    ask(worker, then_stop=True)
    worker.wait_until_stopped()
    worker.close()
    assert not exists(worker.pid)
    assert not worker.log_path.exists()


@pytest.mark.parametrize("then_stop", [False, True], ids=["running", "stopped"])
@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_a_worker_dies_with_its_parent_even_when_stopped(then_stop: bool) -> None:
    code = f"""
import os, time
from resnet_bench.config import Config
from resnet_bench.worker.process import WorkerProcess
from resnet_bench.worker import protocol as p
worker = WorkerProcess("tests.support.fake_worker", {{"PYTHONPATH": {str(ROOT)!r}}})
command = p.Prepare(config=Config(), log_path="", then_stop={then_stop})
worker.request(command, p.Prepared, silence_s=60, deadline=time.monotonic() + 60)
worker.wait_until_stopped()
print(worker.pid, flush=True)
time.sleep(3600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_stopped(pid) == then_stop
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 20
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    """Whether a process that is not ours still runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("code", "log", "oom_killed", "kind"),
    [
        (-signal.SIGKILL, "", True, "out_of_memory"),
        (-signal.SIGKILL, "", False, "killed"),
        (-signal.SIGSEGV, "", True, "crashed"),  # the kernel killed a neighbour in the same group
        (-signal.SIGTERM, "", False, "killed"),
        (-signal.SIGABRT, "what():  std::bad_alloc", False, "out_of_memory"),
        (-signal.SIGABRT, "", False, "crashed"),
        (-signal.SIGABRT, "F0 parse.cc:234] Unknown flags in XLA_FLAGS: --xla_a=1 --xla_b\n", False, "config"),
        (-signal.SIGABRT, "F0 parse.cc:234] Unknown flag in TF_XLA_FLAGS: --tf_xla_a=1", False, "config"),
        (1, "", False, "crashed"),
        (0, "", False, "crashed"),
        (None, "", False, "crashed"),
    ],
)
def test_exits_are_classified(code: int | None, log: str, oom_killed: bool, kind: str) -> None:
    assert classify_exit(code, log, oom_killed)[0] == kind


def test_flags_that_xla_does_not_know_are_named() -> None:
    _, message, remedy = classify_exit(-signal.SIGABRT, "] Unknown flags in XLA_FLAGS: --xla_a=1 --xla_b\n", False)
    assert message == "XLA_FLAGS in the environment has unknown flags (--xla_a=1 --xla_b), so TensorFlow aborted"
    assert remedy == "Correct XLA_FLAGS, or unset it."


def test_a_failure_carries_the_exit_code_of_its_kind() -> None:
    assert WorkerFailure(Outcome(kind="out_of_memory")).exit_code == 5
    assert WorkerFailure(Outcome(kind="crashed")).exit_code == 6
    assert isinstance(WorkerFailure(Outcome(kind="hung")), BenchError)
