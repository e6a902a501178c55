"""A notice for options that a command accepts, as `run` does, and does not use.

Neighbour: the declarations name what uses a protocol option (`config.fields.protocol`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from resnet_bench.config.option import options
from resnet_bench.records.base import Notice


def ignored_options(given: Iterable[str], used: Collection[str], where: str) -> tuple[Notice, ...]:
    """The notice for protocol options among `given` that `where` does not use; `used` are those that it does. Options
    that define the workload are used by every command."""
    names = set(given) - set(used)
    ignored = [one.flag.partition("/")[0] for one in options() if one.name in names and one.extra["role"] == "protocol"]
    return (Notice.make("options_unused", options=", ".join(ignored), where=where),) if ignored else ()
