"""The README is short, shows a real result, and starts with the two commands that need nothing else.

Its links and command lines are checked with those of docs/, in `tests/docs/`.
"""

from __future__ import annotations

import re

from tests.support import documents

PATH = documents.ROOT / "README.md"
TEXT = PATH.read_text()


def test_it_can_be_read_in_minutes() -> None:
    assert 6_000 <= len(TEXT.encode()) <= 8_192


def test_the_two_commands_stand_first() -> None:
    assert [line[:2] for line in documents.commands("make", PATH)][:2] == [["make", "bench"], ["make", "test"]]


def test_its_picture_is_small() -> None:
    assert (documents.ROOT / "docs" / "images" / "report.png").stat().st_size < 150_000


def test_every_sample_shows_its_command_and_what_it_printed() -> None:
    samples = re.findall(r"<!-- sample: (.*?) -->\n```text\n(.*?)```\n<!-- end of sample -->", TEXT, re.DOTALL)
    assert len(samples) == 3
    for command, printed in samples:
        first, *rest = printed.splitlines()
        assert first == f"$ {command}", "run: python tools/samples.py"
        assert len(rest) > 3
        assert max(len(line) for line in rest if not line.startswith("Next:")) <= 80  # that line is to be copied


def test_the_sample_of_a_run_is_a_valid_one() -> None:
    assert re.search(r"img/s[^`]*\bvalid\b", TEXT)
