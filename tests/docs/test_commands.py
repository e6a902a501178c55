"""Every command line that README.md and docs/ show is one that the programs accept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from resnet_bench.cli import group
from resnet_bench.config.options import parse_args
from tests.support import documents

EVERY_COMMAND = [
    pytest.param(words, id=f"{documents.name(path)}: {' '.join(words)}")
    for path in documents.DOCUMENTS
    if path.name != "reference.md"
    for words in documents.commands("bench-cli", path)
    if len(words) > 1 and "..." not in words
]


@pytest.mark.parametrize("words", EVERY_COMMAND)
def test_bench_cli_accepts_its_options(words: list[str]) -> None:
    """The values of `run` are checked too; other commands parse, then print their help."""
    if words[1] == "run":
        parse_args(words[2:])
    result = CliRunner().invoke(group, [*words[1:], "--help"])
    assert result.exit_code == 0, result.output


def test_there_are_examples_of_nearly_every_command() -> None:
    shown = {param.values[0][1] for param in EVERY_COMMAND}  # type: ignore[index]
    assert set(group.list_commands(click.Context(group))) - shown <= {"completion"}


def _options_of(program: str) -> Iterator[tuple[Path, str]]:
    for path in documents.DOCUMENTS:
        for words in documents.commands(program, path):
            yield from ((path, word) for word in words if word.startswith("--bench-"))


def test_options_of_the_pytest_plugin_exist() -> None:
    plugin = (documents.ROOT / "resnet_bench" / "pytest_plugin.py").read_text()
    found = list(_options_of("pytest"))
    assert found
    for path, word in found:
        assert f'"{word.split("=")[0]}"' in plugin or word == "--benchmark-only", f"{documents.name(path)}: {word}"


def test_every_make_target_and_file_of_a_command_exists() -> None:
    makefile = (documents.ROOT / "Makefile").read_text()
    for path in documents.DOCUMENTS:
        for words in documents.commands("make", path):
            assert all(f"\n{word}:" in makefile for word in words[1:2]), f"{documents.name(path)}: {' '.join(words)}"
        for program in ("python", "pytest"):
            for words in documents.commands(program, path):
                for word in words:
                    if word.endswith(".py"):
                        assert (documents.ROOT / word).exists(), f"{documents.name(path)}: {' '.join(words)}"
