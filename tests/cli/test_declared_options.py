"""Options of every command come from a declaration in config/; what is typed in cli/ is listed here with its reason."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import click

import resnet_bench.config
from resnet_bench.cli import COMMANDS, group
from resnet_bench.config.fields import ConfigSection
from resnet_bench.config.option import options_of
from resnet_bench.config.options import FieldParameter, options

FILTER = "a filter over saved records, free text compared with a column"
FILE_OUT = "the file that is written, not the folder of results"
OF_RECORDS = "how saved records are printed or exported; nothing is configured"
SERVER = "where a server listens"

TYPED = {
    "show": {"full": OF_RECORDS, "with_evidence": OF_RECORDS},
    "history": {
        **dict.fromkeys(("mode", "device", "verdict", "settings", "machine", "since", "where"), FILTER),
        **dict.fromkeys(("metric", "plot", "list_columns"), OF_RECORDS),
    },
    "report": {"path": FILE_OUT},
    "export": {"path": FILE_OUT, "kind": OF_RECORDS, "metric": OF_RECORDS},
    "schema": {"tag": OF_RECORDS},
    "tensorboard": {"port": SERVER, "opens": "opens a browser"},
    "serve dispatcher": {"port": SERVER, "host": SERVER},
    "serve worker": {"port": SERVER, "host": SERVER, "address": SERVER},
}

OTHER_MEANING = {
    "source": "data make: also a TFDS data set, and no synthetic images",
    "data": "data make and evaluate: what the folder holds",
    "classes": "data check: the manifest's, not the network's",
    "threads": "data make and data check: images or files at once, not TensorFlow's threads",
    "max_time": "train: stops with a checkpoint, and has no default",
    "epochs": "data bench: passes that are timed, not trained",
    "split": "data make: of a TFDS data set; run: times the parts of a step",
    "turns": "evaluate: batches, not rounds of a pair",
    "resume": "tune: a file, not a switch",
    "portable": "",
    "test_data": "",
    "test_share": "",
    "split_seed": "",
    "weights": "",
    "new_head": "",
    "fold_biases": "",
    "vary": "",
    "model": "",
    "pixels": "",
}
"""Names that several sections declare: with another meaning, or (empty) from one shared annotation."""


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", one) for each, one in command.commands.items())
        else:
            yield name, command


def sections() -> list[type[ConfigSection]]:
    for module in pkgutil.iter_modules(resnet_bench.config.__path__):
        importlib.import_module(f"resnet_bench.config.{module.name}")
    return ConfigSection.__subclasses__()


def test_options_come_from_a_declaration() -> None:
    typed: dict[str, set[str | None]] = {}
    for name, command in commands():
        for param in command.params:
            if isinstance(param, click.Option) and not isinstance(param, FieldParameter):
                typed.setdefault(name, set()).add(param.name)
    assert typed == {name: set(reasons) for name, reasons in TYPED.items()}


def test_what_is_typed_has_no_name_that_config_knows_but_for_filters_and_files() -> None:
    known = {option.name for option in options()}
    found = {name for typed in TYPED.values() for name, reason in typed.items() if name in known and reason != FILTER}
    assert found == set()


def test_an_option_of_several_commands_is_declared_once() -> None:
    declared: dict[str, list[object]] = {}
    own = [section for section in sections() if section not in {option.owner for option in options()}]
    for option in (*options(), *(option for section in own for option in options_of(section))):
        declared.setdefault(option.name, []).append((option.help, option.values))
    several = {name for name, found in declared.items() if len(found) > 1}
    assert several == set(OTHER_MEANING)
    for name in several:
        assert OTHER_MEANING[name] or len(set(declared[name])) == 1, name


def test_the_list_of_commands_has_the_first_line_of_each_command() -> None:
    context = click.Context(group)
    for name, words in COMMANDS.items():
        command = group.get_command(context, name)
        assert command is not None
        assert command.help is not None
        assert command.help.splitlines()[0] == words
