"""What is collected: the harnesses only where benchmarks are asked for. The `bench` fixture is the package's own
plugin, `resnet_bench/harness.py`."""

from __future__ import annotations

import pytest


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """A bare `pytest` runs the tests alone."""
    bare = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return True if bare and not config.getoption("--benchmark-only") else None
