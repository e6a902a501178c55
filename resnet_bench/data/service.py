"""The input pipeline in other processes: tf.data service, started here or found at an address.

With `local:N` this process holds the dispatcher and starts N worker processes in its own process group, so
that what stops, wakes or ends the group reaches them too; each ends with this process, and one that dies is
replaced and reported. With HOST:PORT the service is somebody else's (`bench-cli serve`), and is only asked.

Shards are handed out one at a time to whichever worker is free (`ShardingPolicy.DYNAMIC`): in every pass each
record is read by one worker, once, in every mode; a worker that dies takes the rest of the shards it had open
out of that pass. Order is nobody's. Neighbours: `serve.py` is the other processes' side, `pipeline.py` puts
`distribute` between batching and prefetching. Imports TensorFlow: workers only.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from resnet_bench.config.fields import Value
from resnet_bench.data import service_process
from resnet_bench.errors import BenchError, DataError
from resnet_bench.records.base import Notice
from resnet_bench.runtime import python_process

LOCAL = "local:"
ANSWER_S = 5.0
"""What a dispatcher at an address may take to answer at all."""

START_S = 90.0
"""What local workers may take to start (they import TensorFlow), and a service to give its first batch."""

# HTTP/2's connection preface and an empty SETTINGS frame (RFC 9113, section 3.4): gRPC answers with its own.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS = 4


class Service(Protocol):
    """Where the pipeline runs."""

    address: str
    compression: str | None

    def happened(self) -> tuple[Notice, ...]:
        """What a reader of the result must know, each once."""

    def cpu_s(self) -> float:
        """Processor seconds of its processes on this machine so far; 0 for a service elsewhere."""


def open_service(data_service: str, shards: int) -> Service:
    """The service that `--data-service` names, ready to be asked. Blocks; raises `DataError` in bounded time.

    shards: files that can be handed out.
    """
    if data_service.startswith(LOCAL):
        return LocalService(int(data_service.removeprefix(LOCAL)), shards)
    return RemoteService(data_service)


def distribute(dataset: Any, service: Service) -> Any:
    """The data set as read from the service: its elements are made there."""
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
    """A service that others started. `compression` is left to TensorFlow, which compresses between hosts."""

    compression: str | None = "AUTO"

    def __init__(self, address: str) -> None:
        self.address = address
        problem = _no_grpc(address)
        if problem:
            raise DataError(
                f"--data-service {address}: {problem}.",
                "Start it there with: bench-cli serve dispatcher --port PORT, then a bench-cli serve worker or more.",
            )

    def happened(self) -> tuple[Notice, ...]:
        """Nobody says what befalls others' processes."""
        return ()

    def cpu_s(self) -> float:
        """Not of this machine."""
        return 0.0


def _no_grpc(address: str) -> str:
    """Why nothing that speaks gRPC answers at host:port; empty where something does."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S) as connection:
            connection.settimeout(ANSWER_S)
            connection.sendall(_PREFACE)
            header = b""
            while len(header) < 9:
                part = connection.recv(9 - len(header))
                if not part:
                    break
                header += part
    except (OSError, OverflowError) as error:
        return f"nothing answers there ({getattr(error, 'strerror', None) or error})"
    return "" if len(header) == 9 and header[3] == _SETTINGS else "what answers there is no dispatcher"


class LocalService:
    """A dispatcher in this process, and worker processes that it starts, watches and replaces."""

    compression: str | None = None  # On one machine copying costs less than compressing.

    def __init__(self, workers: int, shards: int) -> None:
        self._dispatcher = service_process.new_dispatcher()
        self.address = str(self._dispatcher.target).removeprefix("grpc://")
        self._happened: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._spent_s: dict[int, float] = {}
        self._pids: dict[int, int] = {}
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
        """Of all workers, the lost ones as last seen."""
        for pid in self.pids:
            used = process_cpu_s(pid)
            if used is not None:
                self._spent_s[pid] = used
        return sum(self._spent_s.values())

    def _keep(self, number: int) -> None:
        """Keep worker `number` alive. This thread never ends while a worker of its lives: the kernel ends a
        process with the thread that started it."""
        first = True
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
            then = "it was replaced" if started else "its replacement did not start"
            facts: dict[str, Value] = {"worker": number, "cause": cause, "then": then}
            self._happened.put(Notice.make("data_service_worker_lost", **facts))
            if not started:
                return


def process_cpu_s(pid: int) -> float | None:
    """User and system seconds of a process so far, in ticks of 10 ms (proc(5)); None where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_batch(make: Callable[[], Any], address: str, seconds: float = START_S) -> None:
    """Make a pipeline and take one batch, to learn in bounded time whether its service serves.

    Raises `DataError` where none comes (the attempt is left behind in its thread), and whatever making it raised.
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
            "Has it workers, and do they see the same files? Start one with: bench-cli serve worker --dispatcher "
            f"{address}.",
        ) from None
    if problem is not None:
        raise problem


def failed(address: str, error: Exception) -> BenchError:
    """What an error of the service itself, and not of the data, means."""
    if isinstance(error, BenchError):
        return error
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return DataError(
        f"--data-service {address} failed: {first[:300]}",
        "Its workers need the same versions of TensorFlow and of this package, and see the same files.",
    )
