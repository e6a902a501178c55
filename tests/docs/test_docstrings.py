"""Files that docstrings name exist: relative to their own folder, to the package or to the repository."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "resnet_bench"
NO_FILES = {"typing.py", "numpy.py", "backends/NAME.py"}
"""Examples: modules of others, and a pattern."""

FILES = sorted(
    path for folder in ("resnet_bench", "tests", "benchmarks", "tools") for path in (ROOT / folder).rglob("*.py")
)


def named_files(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield from re.findall(r"`([\w/]+\.py)`", ast.get_docstring(node) or "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_a_docstring_names_exist(path: Path) -> None:
    places = (path.parent, path.parent.parent, PACKAGE, ROOT)
    missing = [
        name
        for name in named_files(path)
        if name not in NO_FILES and not any((place / name).exists() for place in places)
    ]
    assert missing == []
