"""The input pipeline in other processes: tf.data service, started here or found at an address.

With `local:N` this process runs the dispatcher and starts N worker processes in its own process group, so that signals
to the group (stop, continue, kill) reach them too. Workers end with this process; one that dies is replaced and
reported. With HOST:PORT the service was started elsewhere (`bench-cli serve`), and this process is a client only.

Dynamic sharding (`ShardingPolicy.DYNAMIC`): each free worker gets the next shard, so order is not deterministic. In
every pass and every mode each record is read once, by one worker; if a worker dies, the rest of the shards that it had
open is missing from that pass.

Neighbours: `service_process.py` is the code of those processes, `service_address.py` asks who answers at an address,
`pipeline.py` puts `distribute` between batching and prefetching. Imports TensorFlow: workers only.
"""

from __future__ import annotations

import collections
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from resnet_bench.config.fields import Value
from resnet_bench.data import service_process
from resnet_bench.data.service_address import why_no_dispatcher
from resnet_bench.errors import BenchError, DataError
from resnet_bench.records.base import Notice
from resnet_bench.runtime import python_process, system

LOCAL = "local:"
START_S = 90.0
"""Timeout for local workers to start (they import TensorFlow), and for a service to give its first batch."""

DEATHS, DEATHS_S = 5, 60.0
"""A worker that ended so often within so many seconds is not started again: the cause is not going away."""


class Service(Protocol):
    """Where the pipeline runs."""

    address: str
    compression: str | None

    def happened(self) -> tuple[Notice, ...]:
        """Notices since the last call."""

    def cpu_s(self) -> float:
        """Processor seconds of its processes on this machine so far; 0 for a service elsewhere."""


def open_service(data_service: str, shards: int) -> Service:
    """The service that `--data-service` names, once it answers. Blocks; raises `DataError` in bounded time.

    shards: the files that workers can share.
    """
    if data_service.startswith(LOCAL):
        return LocalService(int(data_service.removeprefix(LOCAL)), shards)
    return RemoteService(data_service)


def distribute(dataset: Any, service: Service) -> Any:
    """The data set as read from the service, which produces its elements."""
    import tensorflow as tf

    module = tf.data.experimental.service
    return dataset.apply(
        module.distribute(
            processing_mode=module.ShardingPolicy.DYNAMIC,
            service=f"grpc://{service.address}",
            compression=service.compression,
        )
    )


class RemoteService:
    """A service started elsewhere. `compression` is left to TensorFlow, which compresses between hosts."""

    compression: str | None = "AUTO"

    def __init__(self, address: str) -> None:
        self.address = address
        problem = why_no_dispatcher(address)
        if problem:
            raise DataError(
                f"--data-service {address}: {problem}.",
                "Start one there: bench-cli serve dispatcher --port PORT, then one or more bench-cli serve worker.",
            )

    def happened(self) -> tuple[Notice, ...]:
        """None: a client does not learn about the service's processes."""
        return ()

    def cpu_s(self) -> float:
        """0: its processes do not run on this machine."""
        return 0.0


class LocalService:
    """A dispatcher in this process, and worker processes that it starts, monitors and replaces."""

    compression: str | None = None  # On one machine copying costs less than compressing.

    def __init__(self, workers: int, shards: int) -> None:
        self._dispatcher = service_process.new_dispatcher()
        self.address = str(self._dispatcher.target).removeprefix("grpc://")
        problem = why_no_dispatcher(self.address)
        if problem:
            raise DataError(
                f"--data-service {LOCAL}{workers}: {problem} at {self.address}, where this process listens.",
                "Check the loopback interface (ip link show lo), or leave --data-service out.",
            )
        self._happened: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._spent_s: dict[int, float] = {}
        self._pids: dict[int, int] = {}
        if system.has_network():  # TensorFlow always listens on 0.0.0.0 and offers no other address.
            self._happened.put(Notice.make("data_service_open"))
        if shards < workers:
            self._happened.put(Notice.make("few_shards", shards=shards, workers=workers))
        for number in range(workers):
            threading.Thread(target=self._keep, args=(number,), daemon=True).start()
        for _ in range(workers):
            try:
                problem = self._ready.get(timeout=START_S)
            except queue.Empty:
                problem = f"a worker was not ready after {START_S:g} s"
            if problem:
                raise DataError(f"--data-service {LOCAL}{workers}: {problem}.", "Use fewer workers, or none.")

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes that live."""
        return tuple(self._pids.values())

    def happened(self) -> tuple[Notice, ...]:
        """Workers that were lost since this was last asked."""
        found = []
        while not self._happened.empty():
            found.append(self._happened.get())
        return tuple(found)

    def cpu_s(self) -> float:
        """Of all workers; lost ones count as last read."""
        for pid in self.pids:
            used = process_cpu_s(pid)
            if used is not None:
                self._spent_s[pid] = used
        return sum(self._spent_s.values())

    def _keep(self, number: int) -> None:
        """Keep worker `number` alive. This thread never ends before its worker does: the kernel would end the worker
        with the thread that started it."""
        first, deaths = True, collections.deque[float](maxlen=DEATHS)
        while True:
            command = ["worker", "--dispatcher", self.address, "--parent", str(os.getpid())]
            process = subprocess.Popen(
                python_process.command(service_process.__name__, *command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env={**python_process.environment(), "CUDA_VISIBLE_DEVICES": ""},
            )
            assert process.stdout is not None
            started = process.stdout.readline().startswith(service_process.READY.encode())
            if started:
                self._pids[number] = process.pid
            if first:
                self._ready.put("" if started else f"worker {number} ended before it was ready")
            first = False
            code = process.wait()
            self._pids.pop(number, None)
            process.stdout.close()
            cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            deaths.append(time.monotonic())
            often = len(deaths) == DEATHS and deaths[-1] - deaths[0] < DEATHS_S
            then = _then(started, often)
            facts: dict[str, Value] = {"worker": number, "cause": cause, "then": then}
            self._happened.put(Notice.make("data_service_worker_lost", **facts))
            if not started or often:
                return


def _then(started: bool, often: bool) -> str:
    """What came of a worker that ended."""
    if not started:
        return "its replacement did not start"
    return f"it ended {DEATHS} times within {DEATHS_S:g} s and is not replaced again" if often else "it was replaced"


def process_cpu_s(pid: int) -> float | None:
    """User and system seconds of a process so far, in ticks of 10 ms (proc(5)); None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_batch(make: Callable[[], Any], address: str, seconds: float = START_S) -> None:
    """Make a pipeline and take one batch, to learn in bounded time whether its service works.

    Raises `DataError` if none arrives in time (the attempt goes on in its thread), and what making it raised.
    """
    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def attempt() -> None:
        try:
            next(iter(make().take(1)))
            answers.put(None)
        except Exception as error:
            answers.put(error)

    threading.Thread(target=attempt, daemon=True).start()
    try:
        problem = answers.get(timeout=seconds)
    except queue.Empty:
        raise DataError(
            f"--data-service {address} gave no batch in {seconds:g} s.",
            "Check that it has workers and that they see the same files. Start one with: bench-cli serve worker "
            f"--dispatcher {address}.",
        ) from None
    if problem is not None:
        raise problem


def failed(address: str, error: Exception) -> BenchError:
    """An error of the service itself, not of the data, as a `BenchError`."""
    if isinstance(error, BenchError):
        return error
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return DataError(
        f"--data-service {address} failed: {first[:300]}",
        "Its workers need the same versions of TensorFlow and of this package, and access to the same files.",
    )
