"""Options of `run` for the sides of interleaved runs: quoted for one side, plain for both.

Neighbours: `ab.py` and `noise.py` are the commands, `experiments/paired/ab.py` makes a `Side` of the words.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from resnet_bench.config.options import ConfigurationCommand, FieldParameter
from resnet_bench.errors import ConfigError
from resnet_bench.experiments.paired import ab
from resnet_bench.experiments.paired.side import Side

CONTEXT = {"ignore_unknown_options": True}
"""Words that are no option of the command itself are options of a side."""


class SidesCommand(ConfigurationCommand):
    """A command whose help and completion include the options that a side takes."""

    def listed(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own, then those of a side."""
        return [*self.get_params(ctx), *(FieldParameter(option) for option in ab.side_options())]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names of both."""
        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            names = [name for option in ab.side_options() for name in option.flag.split("/")]
            found += [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return found


def split_quoted(words: Sequence[str]) -> list[str]:
    """The words, with each quoted group of options ("--mode infer --xla") split."""
    found: list[str] = []
    for word in words:
        quoted = word.lstrip().startswith("-") and len(word.split()) > 1
        found += split(word) if quoted else [word]
    return found


def split(flags: str) -> list[str]:
    """The words of one quoted argument; `ConfigError` for an open quote."""
    try:
        return shlex.split(flags)
    except ValueError as error:
        raise ConfigError(f"{flags!r} is not understood: {error}.", "Close every quote.") from error


def side(label: str, words: list[str], remedy: str = "") -> Side:
    """The side that these options describe; `remedy` is added to a refusal that has none."""
    try:
        return ab.parse_side(label, words)
    except ConfigError as error:
        raise ConfigError(error.message, error.remedy or remedy) from error
