"""A process of the tf.data service: `python -m resnet_bench.data.service_process dispatcher|worker`.

Started by `service.py` for `--data-service local:N`, and by `bench-cli serve` on other hosts. It never uses a
GPU. Imports TensorFlow.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import Any

from resnet_bench.runtime.lifetime import die_with_parent

PATIENCE_MS = 6 * 3600 * 1000
"""How long the dispatcher keeps a silent reader or worker: one that is paused during interleaved runs comes back."""

READY = "ready"


def new_dispatcher(port: int = 0) -> Any:
    """A dispatcher in this process, on a free port with 0; it stops when the object is deleted. Its `target` is grpc://host:port."""
    import tensorflow as tf
    from tensorflow.core.protobuf import service_config_pb2

    # TensorFlow's own DispatcherConfig does not offer the time that a reader may be silent.
    config = service_config_pb2.DispatcherConfig(
        port=port,
        protocol="grpc",
        job_gc_timeout_ms=PATIENCE_MS,
        client_timeout_ms=PATIENCE_MS,
        worker_timeout_ms=PATIENCE_MS,
    )
    return tf.data.experimental.service.DispatchServer(config)


def new_worker(dispatcher: str, address: str, port: int) -> Any:
    """A worker in this process; readers reach it at `address` ("host:%port%"), `dispatcher` is host:port."""
    import tensorflow as tf

    service = tf.data.experimental.service
    return service.WorkerServer(
        service.WorkerConfig(dispatcher_address=dispatcher, worker_address=address, port=port, protocol="grpc")
    )


def main(words: list[str]) -> None:
    """Serve until the process is ended; prints "ready ADDRESS" on stdout once it serves."""
    parser = argparse.ArgumentParser(prog="resnet_bench.data.service_process")
    parser.add_argument("role", choices=["dispatcher", "worker"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--dispatcher", default="")
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--parent", type=int, help="end when this process ends")
    asked = parser.parse_args(words)
    if asked.parent is not None:
        die_with_parent(asked.parent)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    # A worker whose dispatcher does not answer waits inside TensorFlow, where Python's signal handlers do not run.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if asked.role == "dispatcher":
        server = new_dispatcher(asked.port)
        where = str(server.target).removeprefix("grpc://").replace("localhost", asked.host)
    else:
        server = new_worker(asked.dispatcher, f"{asked.host}:%port%", asked.port)
        where = str(server._address).replace("localhost", asked.host)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    sys.stdout.write(f"{READY} {where}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
