"""Text from outside is shown, not obeyed, and JSON holds it."""

from __future__ import annotations

import io
import json

import pytest

from resnet_bench.config.printable import ERRORS, encode_json, is_utf8, printable, utf8


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [b]text[/b]\tand\nlines ·ä日本🙂", "plain [b]text[/b]\tand\nlines ·ä日本🙂"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("a\rb\x00c\x7f", "a\\x0db\\x00c\\x7f"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("bild_\udce9.jpg", "bild_\\xe9.jpg"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_bytes_that_are_not_utf8_become_escapes_and_nothing_else_does() -> None:
    assert utf8("\x1b bild_\udce9") == "\x1b bild_\\xe9"
    assert (is_utf8("ä"), is_utf8("\udce9")) == (True, False)


def test_json_holds_such_names_anywhere() -> None:
    value = {"\udce9": ["\udce9", {"x": ("\udce9",)}], "n": 1.5, "none": None}
    assert json.loads(encode_json(value)) == {"\\xe9": ["\\xe9", {"x": ["\\xe9"]}], "n": 1.5, "none": None}
    assert encode_json({"b": 1, "a": 2}) == b'{"b":1,"a":2}'
    assert encode_json({"b": "\udce9", "a": 2}, order="deterministic") == b'{"a":2,"b":"\\\\xe9"}'


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", b"a - b +-1 ?? #. -- \\xe9"),
        ("latin-1", b"a \xb7 b \xb11 \xe4? #. -- \\xe9"),
        ("cp1252", b"a \xb7 b \xb11 \xe4? #. \x97- \\xe9"),
        ("utf-8", "a · b ±1 ä日 █▃ —━ \\xe9".encode()),
    ],
)
def test_a_stream_gets_the_nearest_characters_that_it_can_hold(encoding: str, written: bytes) -> None:
    file = io.BytesIO()
    stream = io.TextIOWrapper(file, encoding=encoding, errors=ERRORS)
    stream.write("a · b ±1 ä日 █▃ —━ \udce9")
    stream.flush()
    assert file.getvalue() == written
