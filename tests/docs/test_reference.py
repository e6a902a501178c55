"""docs/reference.md is what `tools/reference.py` writes."""

from __future__ import annotations

import importlib.util

import pytest

from tests.support.documents import ROOT


def test_the_reference_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("COLUMNS", "120")
    written = (ROOT / "docs" / "reference.md").read_text()
    assert module.reference() == written, "run: python tools/reference.py"
    assert len(written.splitlines()) > 200
