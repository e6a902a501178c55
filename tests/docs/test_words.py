"""Words that were abandoned do not come back in what users read: one concept has one word (docs/glossary.md).

Looks at README.md and docs/, the help of every command, the texts of notices, of reports and on the terminal, and
the messages of errors. What stands
in backticks is a name, and may be one of these.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from resnet_bench.cli import group
from resnet_bench.errors import ERRORS
from tests.support import documents

INSTEAD = {
    r"indicative": "provisional",
    r"cannot tell": "inconclusive",
    r"duets?|contests?|rota|players?": "interleaved runs, A/B, side",
    r"(take|takes|took|taking|in) turns": "interleaved",
    r"champions?": "baseline, or best candidate",
    r"challengers?": "candidate",
    r"roofs?|ceilings?": "measured peak; roofline for the plot",
    r"claims? holds?|claims checked|looked at": "option check: passed, failed, emulated, not run",
    r"(come|comes|came|coming) apart": "variation",
    r"to either side": "95 % confidence interval, +-x %",
    r"mood|cry wolf": "variation, noise floor",
    r"whoever|what became of|told by|came to|of its own accord|nobody|aloud|anew|lest|whence|hence": "plain English",
    r"held against|put aside|withheld|given out|of it dispatching": "checked, preempted, n/a, allocated, host dispatch",
    r"likeliest": "most likely",
    r"no interval|95 % intervals?": "no confidence interval, 95 % CI",
    r"goes on with|go on with|resume goes on": "continue with",
    r"(judge|judges|judged|judging)": "evaluate",
}
PATTERN = re.compile(r"\b(" + "|".join(INSTEAD) + r")\b", re.IGNORECASE)


def found(text: str) -> list[str]:
    """Each abandoned word in a text, with what to write instead."""
    plain = re.sub(r"(?<!`)`[^`\n]+`(?!`)", "", text)
    hits = []
    for match in PATTERN.finditer(plain):
        around = " ".join(plain[max(0, match.start() - 40) : match.end() + 40].split())
        word = next(word for pattern, word in INSTEAD.items() if re.fullmatch(pattern, match[0], re.IGNORECASE))
        hits.append(f"{match[0]!r} in {around!r}: write {word}")
    return hits


def _commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Context]]:
    yield context.command_path, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _commands(below, click.Context(below, info_name=name, parent=context))


HELP = dict(_commands(group, click.Context(group, info_name="bench-cli")))
MODULES = sorted((documents.ROOT / "resnet_bench").rglob("*.py"))


def _literals(node: ast.AST) -> str:
    return " ".join(
        part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def _phrases(path: Path) -> str:
    """Literals of a module with more than one word: neither docstrings nor names."""
    tree = ast.parse(path.read_text())
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    literals = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documentation)
    return "\n".join(node.value for node in literals if isinstance(node.value, str) and " " in node.value.strip())


def error_messages(path: Path) -> str:
    """The literal parts of what a module passes to errors that users see."""
    names = {error.__name__ for error in ERRORS.values()}
    texts = []
    for node in ast.walk(ast.parse(path.read_text())):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name in names:
            texts += [_literals(argument) for argument in (*node.args, *(word.value for word in node.keywords))]
    return "\n".join(texts)


def test_the_search_finds_what_it_looks_for() -> None:
    assert len(found("Let the champion and a challenger take turns: an indicative result, as `indicative` was.")) == 4
    assert not found("A roofline of interleaved runs; `--turns 4`; a candidate.")


@pytest.mark.parametrize("path", [*documents.DOCUMENTS], ids=documents.name)
def test_documents(path: Path) -> None:
    assert not found(path.read_text())


@pytest.mark.parametrize("command", HELP)
def test_help(command: str) -> None:
    assert not found(HELP[command].get_help())


@pytest.mark.parametrize(
    "path", sorted((documents.ROOT / "resnet_bench/records/notices").glob("*.py")), ids=documents.name
)
def test_notices(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not found("\n".join(_literals(node) for node in tree.body if not isinstance(node, ast.Expr)))


def test_errors() -> None:
    hits = [f"{documents.name(path)}: {hit}" for path in MODULES for hit in found(error_messages(path))]
    assert not hits, "\n".join(hits)


def test_terminal_reports_and_commands() -> None:
    modules = [path for path in MODULES if {"report", "cli"} & set(path.relative_to(documents.ROOT).parts)]
    hits = [f"{documents.name(path)}: {hit}" for path in modules for hit in found(_phrases(path))]
    assert not hits, "\n".join(hits)
