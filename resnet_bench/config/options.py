"""From `config/` to click options, to JSON paths and back; nothing is typed twice.

Each field becomes one flag, validated by msgspec against its own annotation. Neighbours: `values.py` has
each option by itself, `presets.py` and `preset_file.py` change defaults, `cli/` decorates its commands with
`configuration`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from msgspec.structs import replace

from resnet_bench.config import Config, check, preset_file
from resnet_bench.config.option import Option, describe, literal_words, options, parse_value, unwrapped
from resnet_bench.config.presets import PRESETS
from resnet_bench.errors import ConfigError


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
        text = str(self.option.annotation)
        if "metavar" in self.option.extra:
            return str(self.option.extra["metavar"])
        return (
            "TEXT"
            if unwrapped(self.option.annotation) in (str, str | None)
            else "H[xW]"
            if "image" in self.name
            else ("N,N,..." if "tuple" in text else "SECONDS" if self.option.extra.get("unit") else "N")
        )

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        del param, ctx
        return parse_value(self.option, value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        del ctx, param
        if "completion" in self.option.extra:  # "file" or "dir": the shell's own completion
            return [CompletionItem(incomplete, type=self.option.extra["completion"])]
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


class ConfigurationCommand(click.Command):
    """A command whose help lists the options by section of the configuration, and its `own` by theirs."""

    own: tuple[Option, ...] = ()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one titled list of options per section."""
        groups: dict[str, list[tuple[str, str]]] = {}
        sections = {option.name: option.section or "preset" for option in (*options(), *self.own)}
        for param in self.get_params(ctx):
            row = param.get_help_record(ctx)
            if row is not None:
                groups.setdefault(sections.get(param.name or "", "other"), []).append(row)
        titles = {"preset": "Preset", "model": "Network", "data": "Data", "step": "Step", "runtime": "Runtime"}
        titles |= {"training": "Training", "measure": "Measurement", "output": "Output", "other": "Other"}
        for key, title in titles.items():
            if key in groups:
                with formatter.section(title):
                    formatter.write_dl(groups[key])


def configuration(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with every option of the configuration, in order."""
    for option in reversed(options()):
        command = click_option(option)(command)
    return command


def subset(
    *names: str, defaults: Mapping[str, Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command with a few options of the configuration; `defaults` are the command's own, in its help."""
    by_name = {option.name: option for option in options()}
    for name, value in (defaults or {}).items():
        by_name[name] = dataclasses.replace(by_name[name], default=value)

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            command = click_option(by_name[name])(command)
        return command

    return decorate


def click_option(option: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command with one option."""
    shown = show_default(option)
    text = option.help if option.is_switch and not shown else f"{option.help}  [default: {shown}]"
    if option.is_switch:
        return click.option(option.flag, option.name, is_flag=True, default=option.default, help=text)
    bare = {"is_flag": False, "flag_value": option.extra["bare"]} if "bare" in option.extra else {}
    return click.option(option.flag, option.name, type=_FieldType(option), default=None, help=text, **bare)


def show_default(option: Option) -> str:
    """The default as a user would type it; empty for a switch that is off."""
    value = option.default
    if option.is_switch:
        return "on" if value else ""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def from_context(ctx: click.Context, defaults: Mapping[str, Any] | None = None) -> tuple[Config, tuple[str, ...]]:
    """The configuration that a command line asks for, and the names of the options given on it.

    `defaults` are the command's own, which what is given goes before.
    """
    given = {
        option.name: ctx.params[option.name]
        for option in options()
        if ctx.get_parameter_source(option.name) in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    }
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
    """The configuration that these command-line words ask for (for the pytest harness and `ab`)."""
    command = configuration(ConfigurationCommand("options", add_help_option=False))
    assert isinstance(command, click.Command)
    try:
        with command.make_context("options", list(arguments)) as ctx:
            return from_context(ctx)
    except click.UsageError as error:
        raise ConfigError(error.format_message()) from error


__all__ = [
    "ConfigurationCommand",
    "Option",
    "build",
    "build_unchecked",
    "click_option",
    "configuration",
    "describe",
    "from_context",
    "options",
    "parse_args",
    "parse_value",
    "show_default",
    "subset",
    "with_preset_file",
    "with_values",
]
