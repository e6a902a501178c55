"""Values that options of several commands take and the configuration does not have."""

from __future__ import annotations

import re
from typing import Any

import click

from resnet_bench.errors import ConfigError
from resnet_bench.options import options, parse_value


class Percent(click.ParamType[Any]):
    """A fraction, typed as `3%` or `0.03`."""

    name = "percent"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """How it is typed."""
        del param, ctx
        return "N%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The fraction; `ConfigError` for what could be meant either way."""
        del ctx
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(%?)\s*", str(value))
        number = float(found[1]) if found else -1.0
        fraction = number / 100 if found and found[2] else number
        if not 0 <= fraction < 1:
            flag = param.opts[0] if param is not None else "It"
            raise ConfigError(f"{flag} {value} is not allowed: it takes a percentage below 100 %, such as 3% or 0.03.")
        return fraction


class Seconds(click.ParamType[Any]):
    """Seconds, typed as 90, 90s, 3m or 1h."""

    name = "seconds"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """How it is typed."""
        del param, ctx
        return "SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As the configuration's own --max-time."""
        del param, ctx
        (option,) = (option for option in options() if option.name == "max_time")
        return float(parse_value(option, value))
