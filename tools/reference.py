"""Keep docs/reference.md in step with the code: `python tools/reference.py` writes it anew.

Commands and options come from `bench-cli` itself, exit codes from `errors.py`. `tests/docs/test_reference.py` fails
where the file is out of date.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from resnet_bench.cli import group  # noqa: E402
from resnet_bench.config.options import options  # noqa: E402
from resnet_bench.errors import ERRORS, BenchError  # noqa: E402

REFERENCE = ROOT / "docs" / "reference.md"
START = """# Reference: commands, options, exit codes

<!-- Written by tools/reference.py: change the code, then run it again. -->

Every command has `--help`; commands that print results also have `--json`. Options of tf.data keep its own names.
"""
OTHER_CODES = {
    0: "finished",
    130: "interrupted with Ctrl-C; what was measured before is saved",
}

Row = tuple[str, str]


def reference() -> str:
    """The whole file."""
    commands = list(_commands(group, click.Context(group, info_name="bench-cli")))
    run = next(command for words, command, _ in commands if words == "bench-cli run")
    shared = dict(_rows(run))
    parts = [START, "## Commands", "", _table(("command", "what it does"), _summaries(commands)), ""]
    parts += ["## Exit codes", "", _table(("code", "meaning"), _exit_codes()), ""]
    parts += ["## Options of `bench-cli run`", "", *_run_options(run)]
    parts += ["## The other commands", ""]
    for words, command, _ in commands:
        if command is not run and not isinstance(command, click.Group):
            parts += [f"### `{words}`", "", *_described(command, words), *_own_options(command, shared)]
    return "\n".join(parts).rstrip() + "\n"


def _commands(parent: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in parent.list_commands(context):
        command = parent.get_command(context, name)
        assert command is not None
        below = click.Context(command, info_name=name, parent=context)
        yield below.command_path, command, below
        if isinstance(command, click.Group):
            yield from _commands(command, below)


def _summaries(commands: list[tuple[str, click.Command, click.Context]]) -> list[Row]:
    return [(f"`{words}`", command.get_short_help_str(limit=400)) for words, command, _ in commands]


def _exit_codes() -> list[Row]:
    codes = {error.exit_code: inspect.getdoc(error) or "" for error in ERRORS.values() if error is not BenchError}
    codes = {code: text.split("\n\n")[0].replace("\n", " ") for code, text in codes.items()}
    codes[BenchError.exit_code] = "any other error; in a sweep: some configurations failed"
    return [(str(code), text) for code, text in sorted((codes | OTHER_CODES).items())]


def _run_options(run: click.Command) -> Iterator[str]:
    section = {option.name: option.owner.title for option in options()}
    for title in (*dict.fromkeys(section.values()), "Other"):
        rows = [row for name, row in _rows(run) if section.get(name, "Other") == title]
        if rows:
            yield from (f"### {title}", "", _table(("option", "what it does"), rows), "")


def _own_options(command: click.Command, shared: dict[str, Row]) -> Iterator[str]:
    """A table of what differs from `run`, and the names of what does not."""
    rows = dict(_rows(command))
    own = [row for name, row in rows.items() if shared.get(name) != row]
    same = [_flag(row) for name, row in rows.items() if shared.get(name) == row]
    absent = [_flag(row) for name, row in shared.items() if name not in rows]
    if own:
        yield from (_table(("option", "what it does"), own), "")
    if len(same) > len(shared) / 2 and len(absent) < len(same):
        yield from (f"And every option of `run`{' except ' + ', '.join(absent) if absent else ''}.", "")
    elif same:
        yield from ("Options as in `run`: " + ", ".join(same) + ".", "")


def _flag(row: Row) -> str:
    return f"`{row[0].split(' ')[0].strip('`')}`"


def _described(command: click.Command, words: str) -> Iterator[str]:
    usage = " ".join([words, *command.collect_usage_pieces(click.Context(command))])
    if usage != f"{words} [OPTIONS]":
        yield from (f"`{usage}`", "")
    text = inspect.cleandoc(command.help or "").split("\f")[0]
    for paragraph in text.split("\n\n"):
        kept = paragraph.strip()
        if kept.startswith("\b"):
            yield from ("```text", kept.lstrip("\b").strip("\n"), "```", "")
        elif kept:
            yield from (" ".join(_escaped(kept).split()), "")


def _rows(command: click.Command) -> Iterator[tuple[str, Row]]:
    """Each option's name, and how its help shows it."""
    context = click.Context(command)
    for param in command.get_params(context):
        shown = param.get_help_record(context)
        if shown is not None and shown[1] and "--help" not in param.opts:
            yield param.name or "", (f"`{shown[0].replace('|', ' | ')}`".replace(" | ", "\\|"), _escaped(shown[1]))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _table(head: Row, rows: list[Row]) -> str:
    lines = [f"| {left} | {right} |" for left, right in (head, *rows)]
    return "\n".join([lines[0], "|---|---|", *lines[1:]])


if __name__ == "__main__":
    os.environ["COLUMNS"] = "120"
    REFERENCE.write_text(reference())
