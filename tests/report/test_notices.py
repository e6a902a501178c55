"""Every notice has words, and they use facts that are really there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import resnet_bench
from resnet_bench.records.base import Notice
from resnet_bench.report.notices import SENTENCES, sentence

PACKAGE = Path(resnet_bench.__file__).parent


def emitted() -> set[str]:
    """The kinds that the source gives to `Notice` or to a helper that makes one."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                words = [k.value for k in node.keywords if k.arg == "kind"] if node.func.id == "Notice" else []
                words += node.args[:1] if node.func.id in ("_notice", "notice") else []
                found |= {
                    word.value for word in words if isinstance(word, ast.Constant) and isinstance(word.value, str)
                }
    return found


def test_every_kind_has_a_sentence_and_every_sentence_a_kind() -> None:
    assert emitted() == set(SENTENCES)


@pytest.mark.parametrize("kind", sorted(SENTENCES))
def test_sentences_end_as_sentences_do(kind: str) -> None:
    words = SENTENCES[kind]
    assert words.strip().endswith((".", "}"))


def test_facts_fill_the_sentence() -> None:
    words = sentence(Notice(kind="budget_cut_rounds", facts={"asked": 20, "ran": 7}))
    assert words == "The time budget allowed 7 of 20 rounds per process. Raise --max-time for all of them."


def test_an_unknown_fact_reads_unknown() -> None:
    assert "unknown of unknown" in sentence(Notice(kind="budget_cut_rounds"))


def test_a_kind_of_another_version_shows_its_data() -> None:
    assert sentence(Notice(kind="from_the_future", facts={"n": 3})) == "from_the_future: n 3"
