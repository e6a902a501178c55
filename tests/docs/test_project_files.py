"""Files for contributors and hosts say what the code says."""

from __future__ import annotations

import os
import re
import tomllib

import pytest

import resnet_bench
from tests.support.documents import ROOT


def test_the_version_is_the_same_everywhere() -> None:
    version = resnet_bench.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version


def test_hosted_ci_runs_the_one_script_on_every_supported_python() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.findall(r"^ +- run: (.+)$", text, re.MULTILINE) == [".ci/run"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    low, high = re.findall(r"3\.(\d+)", project["requires-python"])
    assert re.findall(r'"3\.(\d+)"', text) == [str(minor) for minor in range(int(low), int(high))]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_a_bug_report_asks_for_the_machine() -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text()
    assert "bench-cli doctor --json" in text


@pytest.mark.parametrize("tool", ["ruff format --check", "ruff check", "mypy --strict"])
def test_hooks_run_the_tools_of_the_environment(tool: str) -> None:
    assert f"entry: .venv/bin/{tool}" in (ROOT / ".pre-commit-config.yaml").read_text()


def test_no_address_is_fetched_by_a_hook() -> None:
    assert "http" not in (ROOT / ".pre-commit-config.yaml").read_text()
