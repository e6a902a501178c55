"""Preset and sweep files as editors and shells leave them: byte-order marks, UTF-16, other languages, damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.gauntlet.folders import put

Make = Callable[[Path], None]
PRESET = "batch_size = 4\n"


def _file(content: bytes) -> Make:
    return lambda path: (put(path, content), None)[1]


FILES: dict[str, Make] = {
    "plain.toml": _file(PRESET.encode()),
    "mark.toml": _file(b"\xef\xbb\xbf" + PRESET.encode()),
    "crlf.toml": _file(PRESET.replace("\n", "\r\n").encode()),
    "empty.toml": _file(b""),
    "utf16.toml": _file(PRESET.encode("utf-16")),
    "latin1.toml": _file("# Größe\nbatch_size = 4\n".encode("latin-1")),
    "zeros.toml": _file(bytes(100)),
    "json.toml": _file(b'{"batch_size": 4}'),
    "yaml.toml": _file(b"batch_size: 4\n"),
    "twice.toml": _file(b"batch_size = 4\nbatch_size = 8\n"),
    "unknown.toml": _file(b"batchsize = 4\n"),
    "text_value.toml": _file(b'batch_size = "many"\n'),
    "table_value.toml": _file(b"[batch_size]\na = 1\n"),
    "date_value.toml": _file(b"batch_size = 2026-01-01\n"),
    "nan_value.toml": _file(b"learning_rate = nan\n"),
    "deep.toml": _file(b"a = " + b"[" * 20_000),
    "markup.toml": _file(b'"[/bold]" = 4\n'),
    "escapes.toml": _file(b'"\\u001b]0;x\\u0007" = 4\n'),
    "folder.toml": lambda path: path.mkdir(),
}
