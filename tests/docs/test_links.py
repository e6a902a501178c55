"""Links of README.md and docs/ lead somewhere, and every page can be reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import documents

DOCS = documents.ROOT / "docs"


@pytest.mark.parametrize("path", documents.DOCUMENTS, ids=documents.name)
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    for link in documents.links(path):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, fragment = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{documents.name(path)} links to {link}"
        assert not fragment or fragment in documents.anchors(target), f"{documents.name(path)} links to {link}"


def test_every_page_and_example_is_linked_from_the_index() -> None:
    linked = set(documents.links(DOCS / "index.md"))
    pages = {path.name for path in DOCS.glob("*.md")} - {"index.md"}
    examples = {f"examples/{path.name}" for path in (DOCS / "examples").iterdir() if path.is_file()}
    assert pages | examples <= linked


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(documents.links(documents.ROOT / "README.md"))
    assert {f"docs/{path.name}" for path in DOCS.glob("*.md")} - {"docs/index.md"} <= linked


def test_every_file_that_the_architecture_names_exists() -> None:
    text = (DOCS / "architecture.md").read_text()
    package = documents.ROOT / "resnet_bench"
    files = {path.name for folder in (package, documents.ROOT / "tests") for path in folder.rglob("*")}
    for name in re.findall(r"`([a-z_0-9./]+(?:\.py|/))`", text):
        below = (documents.ROOT / name).exists() or (package / name).exists()
        assert below or ("/" not in name.rstrip("/") and name.rstrip("/") in files), f"architecture.md names {name}"


@pytest.mark.parametrize("path", documents.DOCUMENTS, ids=documents.name)
def test_every_file_of_the_repository_that_is_named_exists(path: Path) -> None:
    for name in re.findall(r"`((?:tests|tools|benchmarks|notebooks)/[\w./]+\.\w+)`", path.read_text()):
        assert (documents.ROOT / name).exists(), f"{documents.name(path)} names {name}"


def test_every_result_and_benchmark_of_the_performance_page_exists() -> None:
    path = DOCS / "performance.md"
    results = documents.ROOT / "benchmarks" / "results"
    for name in re.findall(r"`(\w[\w*]+\.json)`", path.read_text()):
        assert list(results.glob(name)), f"performance.md names {name}"
    for words in documents.commands("pytest", path):
        files = [documents.ROOT / word for word in words if word.endswith(".py")]
        tests = re.findall(r"def (test_\w+)", "".join(file.read_text() for file in files))
        chosen = words[words.index("-k") + 1] if "-k" in words else "test"
        assert any(chosen in test for test in tests), f"performance.md: {' '.join(words)}"
