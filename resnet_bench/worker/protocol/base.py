"""What every message is built from."""

from __future__ import annotations

from typing import TypeVar

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of everything that crosses the pipe."""


class Command(Message, frozen=True, kw_only=True):
    """`then_stop`: the worker stops its own process group (SIGSTOP) right after it has replied, so that
    nothing of it runs, its pipeline included, until the next command."""

    then_stop: bool = False


M = TypeVar("M", bound=Message)
