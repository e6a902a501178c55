"""Which format a picture's file name asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resnet_bench.errors import ConfigError
from resnet_bench.records import history


def picture_format(picture: Path, flag: str, formats: Sequence[str]) -> str:
    """The format that a picture's name asks for; `ConfigError` where no such picture can be drawn here."""
    kind = picture.suffix.removeprefix(".").lower()
    if kind not in formats:
        raise ConfigError(f"{flag} {picture}: pictures end in {', '.join('.' + each for each in formats)}.")
    history.optional("matplotlib", flag)
    return kind
