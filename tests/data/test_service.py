"""The pipeline in other processes: each record once a pass, lost workers replaced and reported, nothing left behind.

The pipeline runs in child processes only.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from resnet_bench.config.options import build
from resnet_bench.data import service
from resnet_bench.data.service_address import wait_for_dispatcher
from resnet_bench.errors import DataError
from resnet_bench.experiments import run
from resnet_bench.experiments.progress import RunObserver
from resnet_bench.runtime import python_process, system
from resnet_bench.worker.process import is_stopped
from tests.support.data_files import good_shard

READ = """
import json, os
from pathlib import Path
from resnet_bench.data import open_input
from resnet_bench.experiments.progress import RunObserver
from tests.support.data_files import THREADS, config
given = json.loads(os.environ["GIVEN"])
inp = open_input(config(**given), THREADS, Path("."), "/CPU:0")
iterator = iter(inp.dataset)
labels = [label for _ in range(12) for label in next(iterator)[1].numpy().tolist()]
helpers = inp.happened.__self__.pids
print(json.dumps({"labels": labels, "cpu_s": inp.helpers_cpu_s(), "helpers": helpers,
                  "happened": [each.kind for each in inp.happened()]}), flush=True)
os._exit(0)  # without a word to its workers
"""


def shards(folder: Path, count: int = 3) -> str:
    """Shards of four images each, with labels of their own."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        good_shard(folder / f"train-{number}", 4, first=3 * number)
    return f"{folder}/train-*"


def test_each_record_is_read_once_a_pass_and_workers_end_with_their_reader(
    tmp_path: Path, child: Callable[..., str]
) -> None:
    given = {"source": "tfrecord", "data": shards(tmp_path / "set", 1), "data_service": "local:2", "mode": "train"}
    read = json.loads(child(READ, GIVEN=json.dumps(given)).splitlines()[-1])
    assert sorted(read["labels"]) == sorted([0, 1, 2, 3] * 12)
    assert read["cpu_s"] > 0
    assert len(read["helpers"]) == 2
    assert read["happened"] == [*["data_service_open"] * system.has_network(), "few_shards"]
    assert soon_gone(read["helpers"])


def soon_gone(pids: Iterable[int]) -> bool:
    """Whether the system has ended all of them, which takes a moment after their parent's end."""
    end = time.monotonic() + 30
    while any(psutil.pid_exists(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Killer(RunObserver):
    """Once the first round is timed: stops and wakes the worker's group, then kills one service process by pid."""

    def __init__(self) -> None:
        self.stopped: list[bool] = []
        self.killed = 0
        self.helpers: set[int] = set()

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        del of, images_per_s, left_s
        worker, helpers = self._processes()
        self.helpers |= set(helpers)
        if done != 1:
            return
        os.killpg(worker, signal.SIGSTOP)
        end = time.monotonic() + 30
        while not all(is_stopped(pid) for pid in helpers) and time.monotonic() < end:
            time.sleep(0.01)
        self.stopped = [is_stopped(pid) for pid in helpers]
        os.killpg(worker, signal.SIGCONT)
        os.kill(helpers[0], signal.SIGKILL)
        self.killed = helpers[0]

    def _processes(self) -> tuple[int, list[int]]:
        (worker,) = (each for each in psutil.Process().children() if "resnet_bench.worker.child" in _words(each))
        return worker.pid, [
            each.pid for each in worker.children() if "resnet_bench.data.service_process" in _words(each)
        ]


def _words(process: psutil.Process) -> str:
    """Its command line; empty where it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_a_worker_killed_in_the_middle_of_a_pass_loses_no_run(tmp_path: Path) -> None:
    given = {
        **{"source": "tfrecord", "data": shards(tmp_path / "set"), "data_service": "local:2", "mode": "input"},
        **{"image_size": (32, 32), "batch_size": 4, "classes": 16, "processes": 1, "rounds": 12, "steps": 50},
        "max_time": 150.0,
    }
    killer = Killer()
    record = run.run(*build(given), killer)
    assert record.outcome.kind == "ok", record.outcome
    assert killer.stopped == [True, True]
    (lost,) = (each for each in record.warnings if each.kind == "data_service_worker_lost")
    assert (lost.facts["cause"], lost.facts["then"]) == ("SIGKILL", "it was replaced")
    assert "data_service_worker_lost" in {reason.kind for reason in record.verdict.reasons}
    assert len(record.samples.processes[0].rounds) == 12
    assert len(killer.helpers) >= 2
    assert soon_gone(killer.helpers)


@contextmanager
def listener(answer: bytes) -> Iterator[str]:
    """Something at an address of this machine that says `answer` to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            connection.recv(64)
            connection.sendall(answer)
            connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def test_an_address_where_nothing_answers_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    with pytest.raises(DataError, match=f"--data-service 127.0.0.1:{free}: no answer"):
        service.open_service(f"127.0.0.1:{free}", 8)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 ready\r\n"])
def test_what_speaks_no_grpc_is_no_dispatcher(answer: bytes) -> None:
    with listener(answer) as address, pytest.raises(DataError, match="the server at this address is not a dispatcher"):
        service.open_service(address, 8)


def test_what_speaks_grpc_is_asked_further() -> None:
    with listener(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00") as address:
        found = service.open_service(address, 8)
    assert found.happened() == ()
    assert (found.address, found.cpu_s()) == (address, 0.0)


def test_a_service_that_gives_no_batch_is_an_error_in_bounded_time() -> None:
    never = threading.Event()
    with pytest.raises(DataError, match=r"a:1 gave no batch in 0\.1 s"):
        service.first_batch(never.wait, "a:1", 0.1)


def test_what_goes_wrong_with_the_first_batch_is_raised() -> None:
    def make() -> object:
        raise ValueError("no such method\nand more")

    with pytest.raises(ValueError, match="no such method") as caught:
        service.first_batch(make, "a:1", 10)
    assert service.failed("a:1", caught.value).message == "--data-service a:1 failed: no such method"
    own = DataError("mine")
    assert service.failed("a:1", own) is own


def test_processor_time_of_a_process_is_read_and_of_none_unknown() -> None:
    assert (service.process_cpu_s(os.getpid()) or 0) > 0
    assert service.process_cpu_s(2**22 + 1) is None


class Dispatcher:
    """Stands for TensorFlow's, at an address."""

    def __init__(self, address: str) -> None:
        self.target = f"grpc://{address}"


def test_a_worker_that_dies_again_and_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def dying(*_: object) -> list[str]:
        started.append(1)
        return [sys.executable, "-c", "print('ready', flush=True); raise SystemExit(3)"]

    monkeypatch.setattr(python_process, "command", dying)
    with listener(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00") as address:
        monkeypatch.setattr("resnet_bench.data.service_process.new_dispatcher", lambda: Dispatcher(address))
        found = service.open_service("local:1", 1)
    told: list[str] = []
    end = time.monotonic() + 60
    while len(told) < service.DEATHS and time.monotonic() < end:
        happened = found.happened()
        told += [str(notice.facts["then"]) for notice in happened if notice.kind == "data_service_worker_lost"]
        time.sleep(0.02)
    assert told == ["it was replaced"] * (service.DEATHS - 1) + [
        "it ended 5 times within 60 s and is not replaced again"
    ]
    time.sleep(0.2)
    assert len(started) == service.DEATHS


@pytest.mark.parametrize(("interfaces", "told"), [(["lo"], []), (["lo", "eth0"], ["data_service_open"])])
def test_a_service_that_other_machines_may_reach_is_told(
    monkeypatch: pytest.MonkeyPatch, interfaces: list[str], told: list[str]
) -> None:
    """TensorFlow always listens on all interfaces; in a network namespace there may be loopback alone."""
    monkeypatch.setattr(socket, "if_nameindex", lambda: list(enumerate(interfaces)))
    monkeypatch.setattr(service.LocalService, "_keep", lambda self, _number: self._ready.put(""))
    with listener(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00") as address:
        monkeypatch.setattr("resnet_bench.data.service_process.new_dispatcher", lambda: Dispatcher(address))
        found = service.open_service("local:1", 1)
    assert [notice.kind for notice in found.happened()] == told


def test_a_machine_that_cannot_reach_itself_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a network namespace whose loopback interface is down."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    monkeypatch.setattr("resnet_bench.data.service_process.new_dispatcher", lambda: Dispatcher(f"127.0.0.1:{free}"))
    with pytest.raises(DataError, match=r"--data-service local:2: no answer .* at 127\.0\.0\.1:.*loopback"):
        service.open_service("local:2", 8)


def test_a_worker_waits_for_its_dispatcher_in_bounded_time_and_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = f"127.0.0.1:{server.getsockname()[1]}"
    said: list[str] = []
    with pytest.raises(DataError, match=rf"--dispatcher {free}: no answer \(Connection refused\) for 0\.1 s"):
        wait_for_dispatcher(free, said.append, 0.1)
    assert said == [f"Waiting for the dispatcher at {free}, up to 0.1 s: no answer (Connection refused)."]
    with (
        listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address,
        pytest.raises(DataError, match="is not a dispatcher"),
    ):
        wait_for_dispatcher(address, said.append, 60)
    with listener(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00") as address:
        wait_for_dispatcher(address, said.append, 60)
    assert len(said) == 1
