"""`bench-cli serve`: becomes the service's process."""

from __future__ import annotations

import os
import socket
import sys

import pytest
from click.testing import CliRunner

from resnet_bench.cli import group


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dispatcher", "--port", "6000"], ["dispatcher", "--port", "6000", "--host", "localhost"]),
        (
            ["worker", "--dispatcher", "one:6000", "--host", "two"],
            ["worker", "--dispatcher", "one:6000", "--port", "0", "--host", "two"],
        ),
    ],
)
def test_the_process_turns_into_the_service(
    monkeypatch: pytest.MonkeyPatch, words: list[str], expected: list[str]
) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execve", lambda _path, words, _environment: became.append(words))
    monkeypatch.setattr("resnet_bench.data.service_address.why_no_dispatcher", lambda _address: "")
    done = CliRunner().invoke(group, ["serve", *words])
    assert done.exit_code == 0, done.output
    assert became == [[sys.executable, "-P", "-m", "resnet_bench.data.service_process", *expected]]


def test_a_worker_needs_a_dispatcher() -> None:
    done = CliRunner().invoke(group, ["serve", "worker"])
    assert done.exit_code == 2
    assert "--dispatcher" in done.output


def test_a_dispatcher_is_named_by_host_and_port() -> None:
    done = CliRunner().invoke(group, ["serve", "worker", "--dispatcher", "host1"])
    assert done.exit_code == 2
    assert "--dispatcher host1 is not allowed: it takes HOST:PORT." in done.stderr


@pytest.mark.parametrize("words", [["dispatcher"], ["worker", "--dispatcher", "localhost:1"]])
def test_a_port_in_use_is_named(words: list[str]) -> None:
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        done = CliRunner().invoke(group, ["serve", *words, "--port", str(port)])
    assert done.exit_code == 2
    assert (
        done.stderr == f"bench-cli: --port {port} cannot be used: another program has it. Choose another with --port.\n"
    )
