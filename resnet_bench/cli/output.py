"""Everything that commands print beside Rich's tables: text, JSON, and the lines that begin with `bench-cli:`.

Text is shown, never obeyed (`config/printable.py`), in characters that the stream can hold. Standard output that cannot
be written ends the command with `StreamError`; standard error that cannot be written ends nothing. A test holds every
module of `cli/` to this one. Neighbour: `report/terminal/rich_text.py` prints tables.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from resnet_bench.config.printable import ERRORS, encode_json, printable, tolerate
from resnet_bench.errors import StreamError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_OBEYED_IN_JSON = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys and JSON may hold unescaped."""


def echo(words: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print text, on standard output or standard error."""
    text = printable(str(words))
    if not err:
        click.echo(text, file=sys.stdout, nl=nl)
        return
    with contextlib.suppress(OSError):
        click.echo(text, file=sys.stderr, nl=nl)


def complain(words: object) -> None:
    """Print a line on standard error that says who speaks: an error, or what was left out."""
    echo(f"bench-cli: {words}", err=True)


def echo_json(value: Any) -> None:
    """Print indented JSON of anything that msgspec can encode."""
    echo_json_bytes(msgspec.json.format(encode_json(value), indent=2) + b"\n")


def echo_json_bytes(content: bytes) -> None:
    """Print JSON as it is, in UTF-8; what a terminal would obey is escaped."""
    text = _OBEYED_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", content.decode())
    click.echo(text.encode(), file=sys.stdout, nl=False)


def prepare_streams() -> None:
    """Let standard output and error replace what they cannot hold, whatever their encoding, and an output that cannot
    be written raise `StreamError`."""
    tolerate(sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.flush()
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_Output(sys.stdout.fileno(), "wb", closefd=False)),
            encoding=sys.stdout.encoding,
            errors=ERRORS,
            line_buffering=sys.stdout.line_buffering,
        )


class _Output(io.FileIO):
    """Standard output. Where it is full or closed, `StreamError` says so once; what follows is dropped, so that the end
    of the process does not try again."""

    def write(self, content: Buffer, /) -> int:
        """Write bytes."""
        try:
            return super().write(content)
        except OSError as error:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            raise StreamError(
                f"Standard output cannot be written: {error.strerror or error}.",
                "What was measured or written to files is complete.",
            ) from error
