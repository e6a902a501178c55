"""One row of the gauntlet's tables: a command, its exit code, words that must be said, and words that must not.

Commands run in this process through click's runner, with workers that open the data as real ones do and pretend the
rest (`workers.py`). In a command `{kind/name}` stands for an input of `inputs.py`, `{out}` for a fresh folder.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from resnet_bench.cli import group
from tests.gauntlet.inputs import Inputs

NEVER = (
    *("Traceback", "UnicodeEncodeError", "UnicodeDecodeError", "MarkupError", "ValidationError", "site-packages"),
    *("\x1b]", "\x1b[2J", "\x07", "\u202e"),
)
"""What no user is ever shown."""

NETWORK = "--image-size 32 --batch-size 4 --stage-sizes 1,1,1,1 --width 8"
RUN = f"run --preset smoke {NETWORK} --rounds 2 --processes 1 --evidence off --output {{out}}"
TRAIN = f"train {NETWORK} --epochs 1 --folder {{out}}/training --output {{out}}"

_PLACEHOLDER = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True)
class Row:
    """`name` is the test's id. `says` and `never` are looked for in all output, whatever its line breaks."""

    name: str
    command: str
    code: int = 0
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def table(*rows: Row | Iterable[Row]) -> pytest.MarkDecorator:
    """Rows as the parameters of a test, by their names."""
    flat = [row for each in rows for row in ([each] if isinstance(each, Row) else each)]
    names = [row.name for row in flat]
    assert len(set(names)) == len(names), f"two rows have one name: {sorted({n for n in names if names.count(n) > 1})}"
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in flat])


def words_of(row: Row, inputs: Inputs, out: Path) -> list[str]:
    """The words of the command line, with the paths of the inputs it names."""

    def path(found: re.Match[str]) -> str:
        return shlex.quote(str(out if found[1] == "out" else inputs.path(found[1])))

    return shlex.split(_PLACEHOLDER.sub(path, row.command))


def check(row: Row, inputs: Inputs, out: Path) -> str:
    """Run the command and hold its outcome to the row; gives all output, its spaces made one."""
    result: Any = CliRunner(env={"COLUMNS": "300", **row.environment}).invoke(group, words_of(row, inputs, out))
    output = " ".join(result.output.split())
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == row.code, output
    for words in row.says:
        assert words in output, f"{words!r} is not said: {output}"
    for words in (*row.never, *NEVER):
        assert words not in result.output, f"{words!r} is said: {output}"
    return output
