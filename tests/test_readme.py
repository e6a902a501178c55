"""The README tells the truth: its tables are generated, its commands exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from resnet_bench.cli import COMMANDS, group
from resnet_bench.config.options import parse_args

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme", ROOT / "tools" / "readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(program: str) -> list[list[str]]:
    """The command lines of that program in the README's code blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith(program)]


def test_the_generated_parts_are_up_to_date(tool: ModuleType) -> None:
    assert tool.updated(TEXT) == TEXT, "run: python tools/readme.py"


def test_the_two_commands_stand_first() -> None:
    assert [line[:2] for line in commands("make")][:2] == [["make", "bench"], ["make", "test"]]


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line[1] for line in commands("make")} <= targets


@pytest.mark.parametrize("words", commands("bench-cli"), ids=" ".join)
def test_every_command_is_understood(words: list[str]) -> None:
    command, *rest = words[1:]
    assert command in COMMANDS
    if command == "run":
        parse_args(rest)
    else:
        assert CliRunner().invoke(group, [command, *rest, "--help"]).exit_code == 0


def test_pytest_options_of_the_readme_exist() -> None:
    known = (ROOT / "resnet_bench" / "pytest_plugin.py").read_text()
    own = {word for line in commands("pytest") for word in line if word.startswith(("--bench-", "--campaign"))}
    assert own
    assert all(f'"{word.split("=")[0]}"' in known for word in own)
