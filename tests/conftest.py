"""Fixtures that more than one TensorFlow test module needs. Imports no TensorFlow by itself."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.browser import browser, page, refused  # noqa: F401

ROOT = Path(__file__).parent.parent


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """`pytest --benchmark-only` from the root need not import the tests."""
    bare = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return True if bare and config.getoption("--benchmark-only", False) else None


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
