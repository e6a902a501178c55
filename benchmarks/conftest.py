"""Benchmarks are collected only where they are asked for. The `resnet_bench` fixture is the package's own plugin,
`resnet_bench/pytest_plugin.py`."""

from __future__ import annotations

import pytest


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """A bare `pytest` runs the tests alone."""
    bare = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return True if bare and not config.getoption("--benchmark-only", default=False) else None
