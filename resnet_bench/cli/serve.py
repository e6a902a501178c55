"""`bench-cli serve`: a dispatcher or worker of the tf.data service, for `--data-service HOST:PORT`."""

from __future__ import annotations

import os
import re
import sys

import click

from resnet_bench.cli.output import echo
from resnet_bench.errors import ConfigError

_MODULE = "resnet_bench.data.service_process"


@click.group("serve")
def command() -> None:
    """Run a tf.data service dispatcher or worker, for --data-service.

    \b
    bench-cli serve dispatcher --port 5050                                      on one host
    bench-cli serve worker --dispatcher host1:5050 --host host2 --port 5051     on each host that reads data
    bench-cli run --data-service host1:5050                                     where the model is

    Workers read the files themselves: --data must name the same files on all hosts. All need the same versions of
    TensorFlow and of this package. Both listen on all network interfaces, neither encrypted nor authenticated, and
    anyone who reaches them can run graphs in them: use a network that you trust.
    """


@command.command("dispatcher")
@click.option("--port", type=click.IntRange(1, 65535), default=5050, show_default=True, help="Port to listen on.")
@click.option(
    "--host",
    default="localhost",
    help="This host's name, only to be printed.",
    show_default=True,
)
def dispatcher(port: int, host: str) -> None:
    """Assign shards to workers; one per service."""
    from resnet_bench.data.service_address import check_port

    check_port(port)
    _become("dispatcher", "--port", str(port), "--host", host)


@command.command("worker")
@click.option("--dispatcher", "address", required=True, metavar="HOST:PORT", help="Where the dispatcher listens.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on.  [default: a free one]")
@click.option("--host", default="localhost", show_default=True, help="This host's name as readers reach it.")
def worker(address: str, port: int, host: str) -> None:
    """Read and decode images for the dispatcher's clients; hosts may start in any order, within five minutes."""
    from resnet_bench.data.service_address import check_port, wait_for_dispatcher

    if not re.fullmatch(r".+:[1-9]\d{0,4}", address):
        raise ConfigError(f"--dispatcher {address} is not allowed: it takes HOST:PORT.", "For instance host1:5050.")
    check_port(port)
    wait_for_dispatcher(address, lambda words: echo(words, err=True))
    _become("worker", "--dispatcher", address, "--port", str(port), "--host", host)


def _become(*words: str) -> None:
    """Turn this process into the service's, so that it is stopped as any program is."""
    from resnet_bench.runtime import python_process

    sys.stdout.flush()
    os.execve(sys.executable, python_process.command(_MODULE, *words), python_process.environment())
