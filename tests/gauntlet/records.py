"""Records in every encoding and damage, alone and in a folder among sound ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.gauntlet.folders import put
from tests.support import report_records as made

Make = Callable[[Path], None]
UTF8_MARK = b"\xef\xbb\xbf"


def whole() -> bytes:
    """A sound record."""
    return made.make().to_json()


def _edited(**changes: object) -> Callable[[], bytes]:
    """A record with other values at the top."""
    return lambda: json.dumps({**json.loads(whole()), **changes}).encode()


def _said(text: str) -> Callable[[], bytes]:
    """A record with a text from elsewhere in fields that commands show."""

    def make_content() -> bytes:
        record = json.loads(whole())
        record["environment"]["cpu"]["model"] = text
        record["environment"]["gpus"] = []
        record["verdict"] = {
            "kind": "invalid",
            "reasons": [{"kind": "unheard", "message": text, "severity": "warning", "remedy": text}],
        }
        return json.dumps(record).encode()

    return make_content


def _texts(old: bytes, new: bytes) -> Callable[[], bytes]:
    return lambda: whole().replace(old, new, 1)


READABLE: dict[str, Callable[[], bytes]] = {
    "plain": whole,
    "with_mark": lambda: UTF8_MARK + whole(),
    "with_crlf": lambda: whole().replace(b"\n", b"\r\n"),
    "brackets": _said("[/bold] [red]words[link=x]"),
    "escapes": _said("\x1b]0;owned\x07\x1b[2Jwords"),
    "html": _said("<script>words</script>"),
    "right_to_left": _said("\u202ewords"),
}

UNREADABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "latin1": (_texts(b"photos", b"ph\xe9tos"), "(0xe9) is not UTF-8"),
    "utf16": (lambda: whole().decode().encode("utf-16"), "UTF-16"),
    "utf16_big": (lambda: b"\xfe\xff" + whole().decode().encode("utf-16-be"), "UTF-16"),
    "cut": (lambda: whole()[:300], "is not a record"),
    "cut_by_one": (lambda: whole().rstrip()[:-1], "is not a record"),
    "empty": (lambda: b"", "is not a record"),
    "zeros": (lambda: bytes(4096), "is not a record"),
    "web_page": (lambda: b"<!DOCTYPE html>", "is not a record"),
    "list": (lambda: b"[1, 2]", "is not a record"),
    "number": (lambda: b"1e999", "is not a record"),
    "deep": (lambda: b"[" * 100_000, "is not a record"),
    "other": (lambda: b'{"a": 1}', "is not a record"),
    "no_version": (_edited(schema_version=None), "is not a record"),
    "newer": (_edited(schema_version=999), "schema version 999"),
    "negative_version": (_edited(schema_version=-1), "schema version"),
    "text_version": (_edited(schema_version="three"), "is not a record"),
    "other_type": (_edited(type="unheard"), "unheard"),
    "outcome_is_text": (_edited(outcome="ok"), "outcome"),
    "lone_surrogate": (_texts(b"photos", b"ph\\udce9tos"), "surrogate"),
}

FOREIGN: dict[str, bytes] = {
    "training.json": b'{"config": {}, "training": {}, "given": {}}',
    "manifest.json": b'{"format": "tfrecord", "images": 4, "seed": 1, "shards": []}',
    "0001_benchmark.json": b'{"machine_info": {}, "commit_info": {}, "benchmarks": [], "version": "5.3.1"}',
}
"""Other JSON that lies beside records."""


def _alone(content: Callable[[], bytes], path: Path) -> None:
    put(path, content())


def _among(content: Callable[[], bytes], root: Path) -> None:
    """A folder of one sound record and this one, `z.json`."""
    put(root / "a.json", whole())
    put(root / "z.json", content())


def _foreign(root: Path) -> None:
    put(root / "a.json", whole())
    for name, content in FOREIGN.items():
        put(root / name, content)


def _dangling(root: Path) -> None:
    put(root / "a.json", whole())
    (root / "z.json").symlink_to("gone")


def _fifo(root: Path) -> None:
    put(root / "a.json", whole())
    os.mkfifo(root / "z.json")


def _folder(root: Path) -> None:
    put(root / "a.json", whole())
    (root / "z.json").mkdir()


_ALL = {**READABLE, **{name: content for name, (content, _) in UNREADABLE.items()}}

RECORDS: dict[str, Make] = {
    **{f"{name}.json": partial(_alone, content) for name, content in _ALL.items()},
    **{f"among_{name}": partial(_among, content) for name, content in _ALL.items()},
    "among_foreign": _foreign,
    "among_dangling": _dangling,
    "among_fifo": _fifo,
    "among_folder": _folder,
    "set [old]": partial(_among, whole),
    "no_records": lambda root: root.mkdir(),
}
