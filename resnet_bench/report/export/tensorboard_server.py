"""TensorBoard on records: a folder of links and event files, and its server in a process of its own.

The traces stay where they are: the folder links to their files, so that what XProf keeps beside a trace is thrown
away with the folder. The server runs without TensorFlow, which TensorBoard and XProf would only import. As a
program (`python -m resnet_bench.report.export.tensorboard_server PARENT WORDS...`) this is that server.
Neighbours: `tensorboard.py` writes events, `cli/tensorboard.py` starts and stops.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.records.record import Record, trace_folder
from resnet_bench.report.export import tensorboard
from resnet_bench.runtime import python_process
from resnet_bench.runtime.lifetime import die_with_parent

HOST = "127.0.0.1"
USUAL_PORT = 6006
START_S = 60.0
STOP_S = 5.0


def fill(records: Sequence[tuple[Path, Record]], folder: Path) -> tuple[int, tuple[Path, ...]]:
    """Make a logdir of records: events of each, and links to its trace.

    Returns how many traces are in it, and those that records name but that are gone.
    """
    tensorboard.write(records, folder)
    linked, missing = 0, []
    for run, (path, record) in zip(tensorboard.run_names(records), records, strict=True):
        trace = trace_folder(path, record)
        if trace is None:
            continue
        files = sorted(trace.glob("*.xplane.pb"))
        if not files:
            missing.append(trace)
            continue
        place = folder / run / "plugins" / "profile" / trace.name
        place.mkdir(parents=True, exist_ok=True)
        for file in files:
            (place / file.name).symlink_to(file.resolve())
        linked += 1
    return linked, tuple(missing)


def free_port(wanted: int | None) -> int:
    """The port to use: `wanted`, or the usual one, or any that is free (also for 0). `ConfigError` where
    `wanted` is taken."""
    for port in (USUAL_PORT, 0) if wanted is None else (wanted,):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            found: int = probe.getsockname()[1]
            return found
    raise ConfigError(f"--port {wanted} cannot be used: another program has it.", "Use --port 0 for any that is free.")


class Server:
    """A running TensorBoard; use as a context manager, which leaves no process behind."""

    def __init__(self, folder: Path, port: int) -> None:
        self._log = folder / ".tensorboard.log"
        self.address = f"http://{HOST}:{port}/"
        words = ["--logdir", str(folder), "--host", HOST, "--port", str(port), "--load_fast", "false"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                python_process.command("resnet_bench.report.export.tensorboard_server", str(os.getpid()), *words),
                env=python_process.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_until_ready(self, seconds: float = START_S) -> None:
        """Return once a page is served; `BenchError` where the server ended first, or took too long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(self.address, timeout=5):
                return
            time.sleep(0.1)
        last = ([line for line in self._log.read_text(errors="replace").splitlines() if line.strip()] or [""])[-1]
        raise BenchError(f"TensorBoard did not start: {last}", "Try another --port.")

    def wait(self) -> int:
        """Block until the server ends by itself; returns its exit code."""
        return self._process.wait()

    def close(self) -> None:
        """End the server and whatever it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
                return


def main() -> None:
    """Be TensorBoard, until the parent ends."""
    die_with_parent(int(sys.argv.pop(1)))
    # Both would import all of TensorFlow where they find it, for files in clouds and for capturing from afar.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    from tensorboard.main import run_main

    run_main()


if __name__ == "__main__":
    main()
