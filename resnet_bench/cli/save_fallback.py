"""Saving what was measured, whatever the disk does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from resnet_bench.errors import RecordError

FALLBACK_FOLDER = "resnet-bench-rescued"


def save_with_fallback(save: Callable[[Path], Path], folder: Path, what: str, content: Callable[[], bytes]) -> Path:
    """`save(folder)`; where the folder fails now, save elsewhere, or print `content()`, before saying so.

    `what` names it in the `RecordError` that is raised then: "record", "result".
    """
    try:
        return save(folder)
    except RecordError as error:
        try:
            refuge = save(Path(tempfile.gettempdir()) / FALLBACK_FOLDER)
        except RecordError:
            click.echo(content(), nl=False)
            raise RecordError(error.message, f"The {what} was printed instead.") from error
        raise RecordError(error.message, f"The {what} was saved as {refuge} instead.") from error
