"""From `config/` to click options, to JSON paths and back; nothing is typed twice.

Each field becomes one flag, validated by msgspec against its own annotation. Neighbours: `config/`
declares, `presets.py` changes defaults, `cli/` decorates its commands with `configuration`.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import click
import msgspec
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from msgspec.structs import FieldInfo, fields, replace

from resnet_bench.config import Config, Section, check
from resnet_bench.errors import ConfigError
from resnet_bench.presets import PRESETS

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


@dataclass(frozen=True)
class Option:
    """One field of the configuration as the command line shows it."""

    section: str | None
    name: str
    annotation: Any
    default: Any
    help: str
    extra: dict[str, Any]

    @property
    def flag(self) -> str:
        """`--batch-size`, or `--xla/--no-xla` for a switch."""
        dashed = self.name.replace("_", "-")
        if not self.is_switch:
            return f"--{dashed}"
        return f"--{dashed}" if self.name == "json" else f"--{dashed}/--no-{dashed}"

    @property
    def is_switch(self) -> bool:
        """Whether the flag takes no value."""
        return _bare(self.annotation) is bool

    @property
    def values(self) -> str:
        """What the option accepts, in words."""
        return str(self.extra.get("values") or describe(self.annotation))


@cache
def options() -> tuple[Option, ...]:
    """Every option, in the order of `config/`."""
    return tuple(_walk())


def _walk() -> Iterator[Option]:
    sections = []
    for field in fields(Config):
        if isinstance(field.type, type) and issubclass(field.type, Section):
            sections.append(field)
        else:
            yield _option(None, field)
    for section in sections:
        for field in fields(section.type):
            yield _option(section.name, field)


def _option(section: str | None, field: FieldInfo) -> Option:
    annotation = field.type
    metas = [meta for meta in getattr(annotation, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    descriptions = [meta.description for meta in metas if meta.description]
    assert descriptions, f"{field.name} has no description"
    extra: dict[str, Any] = {}
    for meta in metas:
        extra.update(meta.extra or {})
    return Option(section, field.name, annotation, field.default, descriptions[0], extra)


def _bare(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def _words(annotation: Any) -> tuple[list[str], bool]:
    """The words that an annotation accepts literally, and whether it accepts anything else."""
    bare = _bare(annotation)
    if typing.get_origin(bare) is Literal:
        return [str(choice) for choice in typing.get_args(bare)], False
    if typing.get_origin(bare) not in (typing.Union, types.UnionType):
        return [], True
    parts = [_words(part) for part in typing.get_args(bare) if part is not type(None)]
    return [word for words, _ in parts for word in words], any(more for _, more in parts)


def describe(annotation: Any) -> str:
    """What an annotation accepts, in words: "a whole number, at least 1, or auto"."""
    metas = [meta for meta in getattr(annotation, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    bare = _bare(annotation)
    origin, inner = typing.get_origin(bare), typing.get_args(bare)
    if origin is Literal:
        return ", ".join(str(choice) for choice in inner)
    if origin in (typing.Union, types.UnionType):
        *others, last = [words for part in inner if part is not type(None) for words in _alternatives(part)]
        comma = "," if any(", " in words for words in others) else ""
        return f"{', '.join(others)}{comma} or {last}" if others else last
    if origin is tuple and Ellipsis in inner:
        return "whole numbers with commas, like 3,4,6,3"
    if origin is tuple:
        return f"HEIGHTxWIDTH or one number for both, {describe(inner[0]).partition(', ')[2]}"
    name = {int: "a whole number", float: "a number", bool: "on or off"}.get(bare, "text")
    return ", ".join([name, *(bound for meta in metas for bound in _bounds(meta))])


def _alternatives(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is Literal:
        return [str(choice) for choice in typing.get_args(annotation)]
    return [describe(annotation)]


def _bounds(meta: msgspec.Meta) -> Iterator[str]:
    for value, words in ((meta.ge, "at least"), (meta.gt, "above"), (meta.le, "at most"), (meta.lt, "below")):
        if value is not None:
            yield f"{words} {value:,}"


def parse_value(option: Option, text: Any) -> Any:
    """The value of one option from text; `ConfigError` says what is allowed."""
    flag = option.flag.split("/")[0]
    refusal = ConfigError(f"{flag} {text} is not allowed: it takes {option.values}.")
    try:
        value = msgspec.convert(_shape(option, text), option.annotation, strict=False)
    except msgspec.ValidationError as error:
        raise refusal from error
    if isinstance(value, float) and not math.isfinite(value):
        raise refusal
    return value


def _shape(option: Option, text: Any) -> Any:
    if not isinstance(text, str) or text == "auto":
        return text
    if option.extra.get("unit") == "s":
        match = re.fullmatch(r"([0-9.]+)\s*([smh]?)", text.strip())
        try:
            return float(match[1]) * _SECONDS[match[2]] if match else text
        except ValueError:
            return text
    if "tuple" in str(option.annotation):
        parts = [part.strip() for part in re.split(r"[x,]", text)]
        return parts * 2 if option.name == "image_size" and len(parts) == 1 else parts
    return text


class _FieldType(click.ParamType[Any]):
    """A click type that validates against a field's own annotation."""

    def __init__(self, option: Option) -> None:
        self.option = option
        self.name = option.name
        self.words, self.open = _words(option.annotation)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Choices as `[a|b]`, anything else in one word."""
        del param, ctx
        if not self.open:
            return f"[{'|'.join(self.words)}]"
        text = str(self.option.annotation)
        return (
            "TEXT"
            if _bare(self.option.annotation) in (str, str | None)
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
    """A command whose help lists the options by section of the configuration."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one titled list of options per section."""
        groups: dict[str, list[tuple[str, str]]] = {}
        sections = {option.name: option.section or "preset" for option in options()}
        for param in self.get_params(ctx):
            row = param.get_help_record(ctx)
            if row is not None:
                groups.setdefault(sections.get(param.name or "", "other"), []).append(row)
        titles = {"preset": "Preset", "model": "Network", "data": "Data", "step": "Step", "runtime": "Runtime"}
        titles |= {"measure": "Measurement", "output": "Output", "other": "Other"}
        for key, title in titles.items():
            if key in groups:
                with formatter.section(title):
                    formatter.write_dl(groups[key])


def configuration(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with every option of the configuration, in order."""
    for option in reversed(options()):
        command = _click_option(option)(command)
    return command


def some(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command with a few options of the configuration."""
    by_name = {option.name: option for option in options()}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            command = _click_option(by_name[name])(command)
        return command

    return decorate


def _click_option(option: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    shown = show_default(option)
    text = option.help if option.is_switch and not shown else f"{option.help}  [default: {shown}]"
    if option.is_switch:
        return click.option(option.flag, option.name, is_flag=True, default=option.default, help=text)
    return click.option(option.flag, option.name, type=_FieldType(option), default=None, help=text)


def show_default(option: Option) -> str:
    """The default as a user would type it; empty for a switch that is off."""
    value = option.default
    if option.is_switch:
        return "on" if value else ""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def from_context(ctx: click.Context) -> tuple[Config, tuple[str, ...]]:
    """The configuration that a command line asks for, and the names of the options given on it."""
    given = {
        option.name: ctx.params[option.name]
        for option in options()
        if ctx.get_parameter_source(option.name) in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    }
    return build(given)


def build(given: dict[str, Any]) -> tuple[Config, tuple[str, ...]]:
    """Defaults, changed by the preset, changed by what was given; cross-checked.

    `given` maps option names to typed values. Returns the configuration and the names given.
    """
    config = unchecked(given)
    check(config)
    return config, tuple(sorted(given))


def unchecked(given: dict[str, Any]) -> Config:
    """As `build`, but without the cross-checks: for a record of what was refused."""
    preset = given.get("preset", Config().preset)
    return with_values(Config(preset=preset), {**PRESETS[preset], **given})


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
