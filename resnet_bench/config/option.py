"""Each option of `config/` by itself: its flag, what it accepts in words, and its value from text or TOML.

Neighbours: the sections declare (`training.py`, `data.py`, ...), `spelling.py` has the notations, `preset_file.py`
reads files of values, `options.py` makes click options and configurations of them.
"""

from __future__ import annotations

import difflib
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import msgspec
from msgspec.structs import FieldInfo, fields

from resnet_bench.config.config import Config
from resnet_bench.config.fields import ConfigSection, ProtocolUser, Value
from resnet_bench.config.printable import NOT_UTF8, is_utf8, printable
from resnet_bench.config.spelling import SPELLINGS, Spelling, join
from resnet_bench.config.training import TrainingConfig
from resnet_bench.errors import ConfigError

_SWITCH = {"on": "true", "off": "false", "yes": "true", "no": "false"}


@dataclass(frozen=True)
class Option:
    """One field of a section as the command line shows it. `section` is its name in `Config`, or in the record."""

    owner: type[ConfigSection]
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
        return f"--{dashed}" if self.extra.get("one_way") else f"--{dashed}/--no-{dashed}"

    @property
    def is_switch(self) -> bool:
        """Whether the flag takes no value."""
        return unwrapped(self.annotation) is bool

    def value_in(self, config: Config) -> Any:
        """The value that a configuration gives to it."""
        return getattr(getattr(config, self.section) if self.section else config, self.name)

    @property
    def values(self) -> str:
        """What the option accepts, in words."""
        return describe(self.annotation)

    @property
    def spelling(self) -> Spelling | None:
        """How its values are typed, where that is more than a word or a number."""
        return SPELLINGS.get(self.extra.get("spelling", ""))


@cache
def options() -> tuple[Option, ...]:
    """Every option of a benchmark, in the order of `config/`."""
    return tuple(_walk())


@cache
def options_of(owner: type[ConfigSection], section: str | None = None) -> tuple[Option, ...]:
    """The options that a section declares."""
    return tuple(_option(owner, section, field) for field in fields(owner))


@cache
def training_options() -> tuple[Option, ...]:
    """What a training has beyond those of a benchmark."""
    return options_of(TrainingConfig, "training")


@cache
def protocol_of(user: ProtocolUser) -> frozenset[str]:
    """The protocol options that `user` takes besides `run`, as their fields declare (`fields.protocol`)."""
    return frozenset(option.name for option in options() if user in option.extra.get("used_by", ()))


@cache
def approximations() -> tuple[Option, ...]:
    """The options that change pixels for speed unless they have their default."""
    return tuple(option for option in options() if option.extra.get("pixels") == "approximate")


def _walk() -> Iterator[Option]:
    sections = {}
    for field in fields(Config):
        if isinstance(field.type, type) and issubclass(field.type, ConfigSection):
            sections[field.name] = field.type
        else:
            yield _option(Config, None, field)
    for name, section in sections.items():
        yield from options_of(section, name)


def _option(owner: type[ConfigSection], section: str | None, field: FieldInfo) -> Option:
    descriptions = [meta.description for meta in _metas(field.type) if meta.description]
    assert descriptions, f"{field.name} has no description"
    extra: dict[str, Any] = {}
    for meta in _all_metas(field.type):
        extra.update(meta.extra or {})
    return Option(owner, section, field.name, field.type, field.default, descriptions[-1], extra)


def _metas(annotation: Any) -> list[msgspec.Meta]:
    return [meta for meta in getattr(annotation, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]


def _all_metas(annotation: Any) -> list[msgspec.Meta]:
    """Those of the alternatives first: a spelling stands at the type, not at the field."""
    bare = unwrapped(annotation)
    parts = typing.get_args(bare) if typing.get_origin(bare) in (typing.Union, types.UnionType) else ()
    return [*(meta for part in parts for meta in _all_metas(part)), *_metas(annotation)]


def unwrapped(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def literal_words(annotation: Any) -> tuple[list[str], bool]:
    """The words that an annotation accepts literally, and whether it accepts anything else."""
    bare = unwrapped(annotation)
    if typing.get_origin(bare) is Literal:
        return [str(choice) for choice in typing.get_args(bare)], False
    if typing.get_origin(bare) not in (typing.Union, types.UnionType):
        return [], True
    parts = [literal_words(part) for part in typing.get_args(bare) if part is not type(None)]
    return [word for words, _ in parts for word in words], any(more for _, more in parts)


def describe(annotation: Any) -> str:
    """What an annotation accepts, in words: "a whole number, at least 1, or auto"."""
    metas = _metas(annotation)
    extra = {key: value for meta in metas for key, value in (meta.extra or {}).items()}
    spelling = SPELLINGS.get(extra.get("spelling", ""))
    if "values" in extra or (spelling and spelling.accepts):
        return str(extra.get("values") or (spelling and spelling.accepts))
    bare = unwrapped(annotation)
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
    if isinstance(text, str) and not is_utf8(text):
        raise ConfigError(f"{flag} {printable(text)} is not allowed: it is not valid UTF-8.", NOT_UTF8)
    spelling = option.spelling
    refusal = ConfigError(
        f"{flag} {text} is not allowed: it takes {option.values}.", spelling.example if spelling else ""
    )
    try:
        value = msgspec.convert(_read(option, text), option.annotation, strict=False)
    except msgspec.ValidationError as error:
        raise refusal from error
    if isinstance(value, float) and not math.isfinite(value):
        raise refusal
    return value


def _read(option: Option, value: Any) -> Any:
    spelling = option.spelling
    if spelling is None or value == "auto":
        return value
    if isinstance(value, int) and option.extra["spelling"] == "image_size":  # TOML's 224
        return (value, value)
    return spelling.read(value) if isinstance(value, str) else value


def find_option(name: str, where: str) -> Option:
    """The option that a user calls `name`, with dashes or underscores; `where` begins the refusal.

    Where results go (`config.OutputConfig`) is no option of a benchmark.
    """
    wanted = name.strip().lstrip("-").replace("-", "_")
    known = {option.name: option for option in options() if option.section != "output"}
    if wanted not in known:
        near = difflib.get_close_matches(wanted, known, n=3)
        remedy = f"Try {', '.join(near)}." if near else "bench-cli run --help lists the options."
        raise ConfigError(f"{where}: there is no option {name!r}.", remedy)
    return known[wanted]


def coerce(option: Option, value: Any) -> Any:
    """A value as a file or a list gives it: text as on the command line, or TOML's own types."""
    if isinstance(value, str):
        value = value.strip()
        value = _SWITCH.get(value.lower(), value) if option.is_switch else value
    elif isinstance(value, bool) != option.is_switch:
        # TOML's own types: a number is no switch, and a switch no number.
        raise ConfigError(f"{option.name} = {format_value(value)} is not allowed: it takes {option.values}.")
    return parse_value(option, value)


def format_value(value: Any) -> str:
    """A value as a user types it."""
    if isinstance(value, (tuple, list)):
        return join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_text(name: str, value: Any) -> str:
    """The value of an option as a user types it, sizes too: 64x96."""
    spelling = next((option.spelling for option in options() if option.name == name), None)
    return spelling.show(value) if spelling and isinstance(value, (tuple, list)) else format_value(value)


def to_json_value(values: Mapping[str, Any]) -> dict[str, Value]:
    """Option values as JSON and TOML have them: what is neither number, text nor switch as a user types it."""
    return {
        name: value if value is None or isinstance(value, (bool, int, float, str)) else as_text(name, value)
        for name, value in values.items()
    }
