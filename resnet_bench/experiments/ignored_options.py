"""Which given options a command ignores. Neighbour: `config/option.py` declares their roles."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from resnet_bench.config.option import options
from resnet_bench.records.base import Notice


def ignored_options(given: Iterable[str], used: Collection[str], where: str) -> tuple[Notice, ...]:
    """What to say of the protocol's options that were `given` where `where` heeds those that it `used` alone; of
    options that say what is run, every command takes notice."""
    names = set(given) - set(used)
    ignored = [one.flag.partition("/")[0] for one in options() if one.name in names and one.extra["role"] == "protocol"]
    return (Notice.make("options_unused", options=", ".join(ignored), where=where),) if ignored else ()
