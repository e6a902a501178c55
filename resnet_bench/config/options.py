"""From the sections of `config/` to click options, to values and back; nothing is typed twice.

Each field becomes one option, validated by msgspec against its own annotation; a `FieldParameter` knows the field it
was made from. Neighbours: `option.py` has each option by itself, `presets.py` and `preset_file.py` change defaults,
`cli/` decorates its commands with `configuration`, `subset` and `section`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
import msgspec
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from msgspec.structs import replace

from resnet_bench.config import preset_file
from resnet_bench.config.checks import check
from resnet_bench.config.config import Config
from resnet_bench.config.fields import ConfigSection
from resnet_bench.config.option import (
    Option,
    describe,
    literal_words,
    options,
    options_of,
    parse_value,
    unwrapped,
)
from resnet_bench.config.presets import PRESETS
from resnet_bench.errors import ConfigError

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
S = TypeVar("S", bound=ConfigSection)


class _FieldType(click.ParamType[Any]):
    """A click type that validates against a field's own annotation."""

    def __init__(self, option: Option) -> None:
        self.option = option
        self.name = option.name
        self.words, self.open = literal_words(option.annotation)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Choices as `[a|b]`, anything else in one word."""
        del param, ctx
        if not self.open:
            return f"[{'|'.join(self.words)}]"
        if "metavar" in self.option.extra:
            return str(self.option.extra["metavar"])
        if self.option.spelling is not None:
            return self.option.spelling.metavar
        return "TEXT" if unwrapped(self.option.annotation) in (str, str | None) else "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        del param, ctx
        return parse_value(self.option, value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        del ctx, param
        if "completion" in self.option.extra:  # "file" or "dir": the shell's own completion
            return [CompletionItem(incomplete, type=self.option.extra["completion"])]
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


class FieldParameter(click.Option):
    """The click option of a field; `option.default` is the command's default."""

    def __init__(self, option: Option) -> None:
        self.option = option
        self.alias = str(option.extra.get("alias", ""))
        shown = show_default(option)
        text = f"{option.help}  [default: {shown}]" if shown else option.help
        if option.is_switch:
            super().__init__([option.flag, option.name], is_flag=True, default=option.default, help=text)
            return
        kind: dict[str, Any] = {"type": _FieldType(option)}
        if option.extra.get("repeat"):
            kind = {"type": str, "multiple": True, "metavar": option.extra["metavar"]}
        if "bare" in option.extra:
            kind |= {"is_flag": False, "flag_value": option.extra["bare"]}
        flags = [option.flag, self.alias] if self.alias else [option.flag]
        super().__init__([*flags, option.name], help=text, required=option.default is msgspec.NODEFAULT, **kind)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Help does not list an alias, an older name of the flag that stays accepted."""
        record = super().get_help_record(ctx)
        if record is None or not self.alias:
            return record
        return record[0].replace(f", {self.alias}", ""), record[1]


class ConfigurationCommand(click.Command):
    """A command whose help lists its options by section."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; words too many are mostly the files of a glob without quotes."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "unexpected extra argument" not in error.message:
                raise
            raise click.UsageError(f"{error.message}. A glob needs quotes: --data 'train-*'.", ctx) from error

    def listed(self, ctx: click.Context) -> list[click.Parameter]:
        """The parameters that its help lists."""
        return self.get_params(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one titled list of options per section, in the order in which the command declares them."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.listed(ctx):
            row = param.get_help_record(ctx)
            if row is not None:
                title = param.option.owner.title if isinstance(param, FieldParameter) else "Other"
                groups.setdefault(title, []).append(row)
        for title in sorted(groups, key=lambda title: title == "Other"):
            with formatter.section(title):
                formatter.write_dl(groups[title])


def configuration(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with every option of a benchmark, in order."""
    return _decorate(options())(command)


def subset(*chosen: str | type[ConfigSection], defaults: Mapping[str, Any] | None = None) -> Decorator:
    """Decorate a command with some options of a benchmark, by name or whole sections.

    `defaults` are the command's own. They are shown in its help; `from_context` takes them separately.
    """
    by_name = {option.name: option for option in options()}
    found = [by_name[each] if isinstance(each, str) else each for each in chosen]
    picked = [
        option
        for each in found
        for option in ((each,) if isinstance(each, Option) else (one for one in options() if one.owner is each))
    ]
    return _decorate(_with_defaults(picked, defaults))


def section(owner: type[ConfigSection], *names: str, defaults: Mapping[str, Any] | None = None) -> Decorator:
    """Decorate a command with the options of a section of its own, or with some of them; `read` returns the section."""
    picked = [option for option in options_of(owner) if not names or option.name in names]
    return _decorate(_with_defaults(picked, defaults))


def _with_defaults(chosen: list[Option], defaults: Mapping[str, Any] | None) -> tuple[Option, ...]:
    changed = defaults or {}
    return tuple(
        dataclasses.replace(option, default=changed[option.name]) if option.name in changed else option
        for option in chosen
    )


def _decorate(chosen: tuple[Option, ...]) -> Decorator:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        parameters = [FieldParameter(option) for option in chosen]
        if isinstance(command, click.Command):
            command.params[:0] = parameters
        else:  # what click's own decorators do before the command exists
            command.__dict__.setdefault("__click_params__", []).extend(reversed(parameters))
        return command

    return decorate


def show_default(option: Option) -> str:
    """The default as a user would type it; empty for a switch that is off and where there is none."""
    value = option.default
    if option.is_switch:
        return "on" if value else ""
    if value is msgspec.NODEFAULT or value == ():
        return ""
    if value is None or isinstance(value, str):
        return "none" if value is None else value
    if option.spelling is not None:
        return option.spelling.show(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def parameters_of(ctx: click.Context, *owners: type[ConfigSection]) -> list[FieldParameter]:
    """The options of a command that these sections declare; without `owners`, those of a benchmark."""
    wanted = owners or tuple({option.owner for option in options()})
    own = (param for param in ctx.command.params if isinstance(param, FieldParameter))
    return [param for param in own if param.option.owner in wanted]


def given_values(ctx: click.Context, *owners: type[ConfigSection]) -> dict[str, Any]:
    """Values given on the command line or in the environment, by name; `owners` as in `parameters_of`."""
    sources = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    names = [param.option.name for param in parameters_of(ctx, *owners)]
    return {name: ctx.params[name] for name in names if ctx.get_parameter_source(name) in sources}


def read(ctx: click.Context, owner: type[S]) -> S:
    """A command's section, from the command line and the command's defaults."""
    defaults = {param.option.name: param.option.default for param in parameters_of(ctx, owner)}
    return owner(**{**defaults, **given_values(ctx, owner)})


def from_context(ctx: click.Context, defaults: Mapping[str, Any] | None = None) -> tuple[Config, tuple[str, ...]]:
    """The configuration of a command line, and the names of the options given on it.

    `defaults` are the command's own; what is given overrides them.
    """
    given = given_values(ctx)
    return build({**(defaults or {}), **with_preset_file(given)})


def build(given: dict[str, Any]) -> tuple[Config, tuple[str, ...]]:
    """Defaults, changed by the preset, by the preset file, then by what was given; cross-checked.

    `given` maps option names to typed values. Returns the configuration and the names given, in the file too.
    """
    values = with_preset_file(given)
    config = build_unchecked(values)
    check(config)
    return config, tuple(sorted(values))


def with_preset_file(given: dict[str, Any]) -> dict[str, Any]:
    """`given` over what the --preset-file among it holds; `ConfigError` for a file that is not right."""
    path = given.get("preset_file")
    return given if path is None else {**preset_file.read(path), **given}


def build_unchecked(values: dict[str, Any]) -> Config:
    """As `build`, without the cross-checks: for the record of a refused configuration. `values` are expanded."""
    preset = values.get("preset", Config().preset)
    return with_values(Config(preset=preset), {**PRESETS[preset], **values})


def with_values(config: Config, values: dict[str, Any]) -> Config:
    """`config` with options replaced by name, whichever section they belong to."""
    by_section: dict[str | None, dict[str, Any]] = {}
    sections = {option.name: option.section for option in options()}
    for name, value in values.items():
        if name not in sections:
            raise ConfigError(f"There is no option {name!r}.", f"The options are {', '.join(sections)}.")
        by_section.setdefault(sections[name], {})[name] = value
    top = by_section.pop(None, {})
    for section, changes in by_section.items():
        assert section is not None
        top[section] = replace(getattr(config, section), **changes)
    return replace(config, **top)


def parse_args(arguments: list[str]) -> tuple[Config, tuple[str, ...]]:
    """The configuration that these command-line words ask for (for the pytest plugin and `ab`)."""
    command = configuration(ConfigurationCommand("options", add_help_option=False))
    assert isinstance(command, click.Command)
    try:
        with command.make_context("options", list(arguments)) as ctx:
            return from_context(ctx)
    except click.UsageError as error:
        raise ConfigError(error.format_message()) from error


__all__ = [
    "ConfigurationCommand",
    "FieldParameter",
    "Option",
    "build",
    "build_unchecked",
    "configuration",
    "describe",
    "from_context",
    "given_values",
    "options",
    "parse_args",
    "parse_value",
    "read",
    "section",
    "show_default",
    "subset",
    "with_preset_file",
    "with_values",
]
