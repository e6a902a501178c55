"""Fixtures that more than one test module needs, and the markers of `tests/support/selection.py`.

Imports no TensorFlow by itself, but holds it to one thread per test process: `make test` runs several side by side.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import selection
from tests.support.browser import browser, page, refused  # noqa: F401

TESTS = Path(__file__).parent
ROOT = TESTS.parent

for _variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_variable, "1")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`pytest --benchmark-only` from the root need not import the tests, `make test-fast` not those left out."""
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and config.getoption("--benchmark-only", False):
        return True
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    return True if selection.deselected(config.getoption("markexpr"), _below_tests(collection_path)) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test by its file and fixtures; under pytest-xdist start the slowest files first."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            for name in selection.markers(_below_tests(item.path), getattr(item, "fixturenames", ())):
                item.add_marker(name)
    if os.environ.get("PYTEST_XDIST_WORKER") and not config.getoption("lf"):
        items.sort(key=lambda item: _below_tests(item.path) not in selection.SLOW_FIRST)


def _below_tests(path: Path) -> str:
    return path.relative_to(TESTS).as_posix() if path.is_relative_to(TESTS) else ""


@pytest.fixture(autouse=True)
def nothing_unmarked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that starts a process, or is the first to import TensorFlow, says so in its markers."""
    marked = {name for name in selection.MARKERS if request.node.get_closest_marker(name)}
    started: list[object] = []
    if not marked:  # TensorFlow starts programs such as uname by itself.
        start = subprocess.Popen.__init__

        def noted(self: object, arguments: object, *rest: object, **options: object) -> None:
            started.append(arguments)
            start(self, arguments, *rest, **options)  # type: ignore[call-overload]

        monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    before = _tensorflow_is_imported()
    yield
    where = "mark the test, or list its file in tests/support/selection.py"
    assert not started, f"a process was started by a test that is not marked `process`: {where}: {started[0]}"
    imported = _tensorflow_is_imported() and not before
    assert "tensorflow" in marked or not imported, f"a test that is not marked `tensorflow` imported it: {where}"


def _tensorflow_is_imported() -> bool:
    """Whether the real one is: some tests put an empty module in its place."""
    return hasattr(sys.modules.get("tensorflow"), "__version__")


@pytest.fixture(autouse=True)
def tensorflow_seed() -> None:
    """The same global seed for every test that uses TensorFlow in this process, whatever ran before it.

    An operation seed alone does not decide what is drawn: TensorFlow mixes the global one into it.
    """
    if "tensorflow" in sys.modules:
        import tensorflow as tf

        tf.random.set_seed(0)


@pytest.fixture(autouse=True)
def commands_begin_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command called in this process counts its time budget from the test's start, not from the first import."""
    if "resnet_bench.cli" in sys.modules:
        monkeypatch.setattr("resnet_bench.cli.STARTED", time.monotonic())


@pytest.fixture
def keras_state() -> Iterator[None]:
    """A fixed Keras seed and layer numbering for a test, and the dtype policy and generators restored after it."""
    import keras
    import numpy as np

    policy, python_state, numpy_state = keras.config.dtype_policy(), random.getstate(), np.random.get_state()
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy(policy)
    keras.backend.clear_session()
    random.setstate(python_state)
    np.random.set_state(numpy_state)


@pytest.fixture
def child() -> Callable[..., str]:
    """Run Python code in a fresh process at the repository's root; gives what it printed, fails when it failed."""

    def run(code: str, *options: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, *options, "-c", code],
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    return run
