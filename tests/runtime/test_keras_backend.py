"""The network's Python API on another Keras backend: one clear error, before Keras is imported."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from resnet_bench.errors import ConfigError
from resnet_bench.runtime.keras_backend import require_tensorflow

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _before_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "keras", raising=False)


def test_a_choice_of_the_users_is_named_and_an_absent_one_is_made() -> None:
    with pytest.raises(ConfigError, match=r"KERAS_BACKEND is torch in the environment; this package needs tensorflow"):
        require_tensorflow({"KERAS_BACKEND": "torch"})
    environ: dict[str, str] = {}
    require_tensorflow(environ)
    assert environ == {"KERAS_BACKEND": "tensorflow", "KERAS_NNX_ENABLED": "false"}


def test_keras_that_runs_on_another_backend_already_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = types.SimpleNamespace(backend=lambda: "jax")
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(backend=backend))
    with pytest.raises(ConfigError, match="Keras runs on jax"):
        require_tensorflow({"KERAS_BACKEND": "tensorflow"})


@pytest.mark.process
@pytest.mark.parametrize("name", ["resnet_bench", "resnet_bench.model.resnet"])
def test_the_python_api_meets_the_same_guard(name: str) -> None:
    code = f"from {name} import resnet50"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "torch"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "KERAS_BACKEND is torch in the environment" in done.stderr.splitlines()[-1]
