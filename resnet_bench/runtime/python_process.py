"""How to start another Python process of this package so that nothing in the working directory is imported.

A folder of data may hold a `numpy.py`. Neighbours: `worker/process.py`, `data/service.py`, `cli/serve.py` and
`report/export/tensorboard_server.py` start processes.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Mapping
from pathlib import Path

import resnet_bench

PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")
"""Variables that name a proxy for gRPC."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SAFE_PATH = "-P"
"""Python's option that keeps the working directory out of `sys.path`."""


def command(module: str, *words: str) -> list[str]:
    """The command line that runs a module of this package."""
    return [sys.executable, SAFE_PATH, "-m", module, *words]


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process' environment (or `environ`) with the package importable from wherever it was imported here.

    An installed package is so already. Its folder is then no part of PYTHONPATH, which Python searches before the
    standard library: a `typing.py` of another package would be imported instead of Python's own. A checkout comes
    last. Empty entries, which mean the working directory, are left out. gRPC between processes of this machine goes
    past a proxy.
    """
    found = _past_proxies(dict(os.environ if environ is None else environ))
    root = Path(resnet_bench.__file__).resolve().parent.parent
    paths = [entry for entry in found.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if root not in _site_folders() and str(root) not in paths:
        paths.append(str(root))
    found.pop("PYTHONPATH", None)
    return {**found, "PYTHONPATH": os.pathsep.join(paths)} if paths else found


def _past_proxies(environ: dict[str, str]) -> dict[str, str]:
    """The environment in which gRPC takes no proxy to this machine, which proxies refuse or drop.

    gRPC reads `no_grpc_proxy`, and `no_proxy` only without it, so the user's own exceptions are kept.
    """
    if not any(environ.get(name) for name in PROXIES):
        return environ
    exceptions = [environ.get("no_grpc_proxy") or environ.get("no_proxy") or environ.get("NO_PROXY") or "", *LOOPBACK]
    return {**environ, "no_grpc_proxy": ",".join(each for each in exceptions if each)}


def _site_folders() -> set[Path]:
    """Where installed packages lie."""
    return {Path(folder).resolve() for folder in (*site.getsitepackages(), site.getusersitepackages())}
