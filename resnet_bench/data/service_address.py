"""Addresses of a tf.data service: whether a dispatcher answers at one, and whether a port can be listened on.

Everything ends in bounded time. Neighbours: `service.py` is the client, `cli/serve.py` starts dispatchers and workers.
Imports no TensorFlow.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable

from resnet_bench.errors import ConfigError, DataError

ANSWER_S = 5.0
"""Timeout for an address to answer at all."""

WAIT_S = 300.0
"""How long a worker waits for its dispatcher: hosts may start in any order."""

OTHER_SERVER = "the server at this address is not a dispatcher"

# HTTP/2's connection preface and an empty SETTINGS frame (RFC 9113, section 3.4): gRPC answers with its own.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS = 4


def why_no_dispatcher(address: str) -> str:
    """Why no gRPC server can be reached at host:port, `OTHER_SERVER` if another one answers; empty if one does."""
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
    except (OSError, OverflowError, UnicodeError) as error:
        return f"no answer ({getattr(error, 'strerror', None) or error})"
    return "" if len(header) == 9 and header[3] == _SETTINGS else OTHER_SERVER


def wait_for_dispatcher(address: str, say: Callable[[str], None], seconds: float = WAIT_S) -> None:
    """Return once a dispatcher answers. `DataError` if another kind of server does, or nothing within `seconds`."""
    end = time.monotonic() + seconds
    told = False
    while problem := why_no_dispatcher(address):
        if problem == OTHER_SERVER or time.monotonic() >= end:
            after = "" if problem == OTHER_SERVER else f" for {seconds:g} s"
            raise DataError(
                f"--dispatcher {address}: {problem}{after}.",
                "Start one there: bench-cli serve dispatcher --port PORT.",
            )
        if not told:
            say(f"Waiting for the dispatcher at {address}, up to {seconds:g} s: {problem}.")
            told = True
        time.sleep(min(1.0, max(0.0, end - time.monotonic())))


def check_port(port: int) -> None:
    """Refuse a port of this machine that another program listens on, or that this user may not use."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", port))
    except OSError as error:
        reason = "another program has it" if error.errno == errno.EADDRINUSE else os.strerror(error.errno or 0)
        raise ConfigError(f"--port {port} cannot be used: {reason}.", "Choose another with --port.") from error
