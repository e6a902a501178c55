"""Text from outside (names of files, labels, fields of records): how it is shown, and how JSON holds it.

A name on Linux is bytes; one that is not valid UTF-8 reaches Python with surrogates in it, which neither UTF-8 nor JSON
can hold. Text may also hold what a terminal obeys instead of showing. Both are written as escapes: `\\xe9`, `\\x1b`.
Neighbours: `report/terminal/rich_text.py` and `cli/output.py` show everything through this.
"""

from __future__ import annotations

import codecs
import io
import os
import re
from typing import Any, Literal

import msgspec

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and newline, those that reverse the direction of text, and surrogates."""

_SURROGATE = re.compile("[\ud800-\udfff]")

_NEAREST = {
    **dict(zip("▁▂▃▄▅▆▇█", "__.-=+*#", strict=True)),
    **dict(zip("·•…—━─│┃≈≤≥→←↑↓✓✗µ²", "-*.---||~<>><^v+xu2", strict=True)),
    "±": "+-",
}
"""What stands for a character in a stream that cannot hold it; for any other, a question mark."""

NOT_UTF8 = "Rename the file or folder, or give a link to it whose name is UTF-8."
"""What to try where only UTF-8 can be held."""

ERRORS = "resnet_bench_printable"
"""The name of the codec error handler that writes a character which the stream cannot hold as the nearest it can."""


def printable(text: str) -> str:
    """The text with an escape for each character that a terminal would obey, and for bytes that are not UTF-8."""
    return _OBEYED.sub(lambda found: _escape(found[0]), text)


def utf8(text: str) -> str:
    """The text with an escape for each byte that is not UTF-8; unchanged where there is none."""
    return _SURROGATE.sub(lambda found: _escape(found[0]), text)


def is_utf8(text: str | os.PathLike[str]) -> bool:
    """Whether the text, or the name of a file, is valid UTF-8."""
    return _SURROGATE.search(os.fspath(text)) is None


def encode_json(value: Any, *, order: Literal["deterministic"] | None = None) -> bytes:
    """Compact JSON of what msgspec can encode; bytes that are not UTF-8 become escapes."""
    try:
        return msgspec.json.encode(value, order=order)
    except UnicodeEncodeError:
        return msgspec.json.encode(_utf8_in(msgspec.to_builtins(value, order=order, str_keys=True)))


def tolerate(stream: object) -> None:
    """Let a text stream replace what its encoding cannot hold, instead of raising; other streams stay as they are."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=ERRORS)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte, as the file system's encoding hands it on (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _utf8_in(value: Any) -> Any:
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, dict):
        return {_utf8_in(name): _utf8_in(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_utf8_in(part) for part in value]
    return value


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """The codec error handler `ERRORS`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_NEAREST.get(each) or ("?" if is_utf8(each) else _escape(each)) for each in characters), error.end


codecs.register_error(ERRORS, _nearest)
