"""The inputs of the whole session, and workers that open data without a process of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gauntlet.inputs import Inputs
from tests.gauntlet.workers import use_opening_workers


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    """Made as rows name them."""
    return Inputs(tmp_path_factory.mktemp("gauntlet"))


@pytest.fixture(autouse=True)
def opening_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No TensorFlow, no processes, no cache of the user's."""
    monkeypatch.setenv("RESNET_BENCH_CACHE", str(tmp_path / "cache"))
    use_opening_workers(monkeypatch)
