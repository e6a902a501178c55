"""One bad file costs that file: every way in which a record can be unreadable is named, and the others are read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from resnet_bench.cli import group
from resnet_bench.errors import RecordError
from resnet_bench.records import history
from resnet_bench.records.read import load, read
from resnet_bench.records.record import Record
from tests.support import report_records as made

WHOLE = made.make().to_json()
TRAINING = b'{"config": {}, "training": {}, "given": {}}'
MANIFEST = b'{"format": "tfrecord", "images": 4, "seed": 1, "shards": []}'
PYTEST_BENCHMARK = b'{"machine_info": {}, "commit_info": {}, "benchmarks": [], "datetime": "", "version": "5.3.1"}'
TRACKER = b'[{"name": "a", "unit": "img/s", "value": 1}]'

UNREADABLE: dict[str, tuple[bytes, str]] = {
    "latin": (WHOLE.replace(b"photos", b"ph\xe9tos", 1), "(0xe9) is not UTF-8"),
    "utf-16": (WHOLE.decode().encode("utf-16"), "it is UTF-16 text"),
    "utf-16 without mark": (WHOLE.decode().encode("utf-16-le"), "is not a record or result"),
    "utf-32": (WHOLE.decode().encode("utf-32"), "it is UTF-16 text"),
    "lone surrogate": (WHOLE.replace(b"photos", b"ph\\udce9tos", 1), "surrogate"),
    "cut": (WHOLE[:200], "It may be cut off"),
    "empty": (b"", "It may be cut off"),
    "zeros": (bytes(4096), "is not a record or result"),
    "deep": (b"[" * 100_000, "is not a record or result"),
    "deep inside": (b'{"schema_version": 3, "x": ' + b'{"a":' * 100_000, "is not a record or result"),
    "other": (b'{"a": 1}', "is not a record or result"),
    "wrong schema": (WHOLE.replace(b'"schema_version": ', b'"schema_version": 9', 1), "schema version"),
    "page": (b"<!DOCTYPE html>", "is not a record or result"),
    "number": (b"1e400", "is not a record or result"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made.make().save(tmp_path / "runs")
    return tmp_path / "runs"


def assert_all_commands_name(bad: Path, folder: Path, words: str) -> None:
    for found, errors in (read([folder]), history.read([folder])):
        (error,) = errors
        assert str(bad) in str(error)
        assert words in str(error)
        assert len(found if isinstance(found, list) else found.records) == 1
    for command in (["show", str(folder)], ["compare", str(folder), str(folder)], ["history", str(folder)]):
        result = CliRunner().invoke(group, command)
        assert result.exit_code in (8, 10), result.output
        assert str(bad) in result.stderr
        assert words in result.stderr
        assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_is_no_record_is_named_and_the_others_are_shown(folder: Path, kind: str) -> None:
    content, words = UNREADABLE[kind]
    (folder / "z.json").write_bytes(content)
    assert_all_commands_name(folder / "z.json", folder, words)


def _folder(path: Path) -> None:
    path.mkdir()


def _dangling(path: Path) -> None:
    path.symlink_to("gone")


PLACES: dict[str, tuple[Callable[[Path], None], str]] = {
    "folder": (_folder, "Is a directory"),
    "dangling link": (_dangling, "cannot be read"),
    "pipe": (os.mkfifo, "it is not a regular file"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_file_is_named_and_nothing_waits_for_it(folder: Path, kind: str) -> None:
    make, words = PLACES[kind]
    make(folder / "z.json")
    assert_all_commands_name(folder / "z.json", folder, words)


def test_a_file_without_permission_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user without root's rights sees it."""
    bad = folder / "z.json"
    bad.write_bytes(WHOLE)
    whole = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path == bad:
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert_all_commands_name(bad, folder, "Permission denied")


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "bom.json"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE)
    assert load(path) == Record.load(path) == made.make()


@pytest.mark.parametrize("content", [TRAINING, MANIFEST, PYTEST_BENCHMARK, TRACKER])
def test_other_json_of_a_known_kind_beside_the_records_is_left_out(folder: Path, content: bytes) -> None:
    (folder / "other.json").write_bytes(content)
    assert read([folder])[1] == history.read([folder])[1] == []
    result = CliRunner().invoke(group, ["show", str(folder)])
    assert (result.exit_code, result.stderr) == (0, "")


def test_such_a_file_is_named_where_the_user_names_it_and_a_folder_of_nothing_else_holds_no_records(
    tmp_path: Path,
) -> None:
    path = tmp_path / "training.json"
    path.write_bytes(TRAINING)
    with pytest.raises(RecordError, match=r"training\.json is the request of a training \(train\), not a record"):
        load(path)
    _, (named,) = read([path])
    assert "is the request of a training" in str(named)
    _, (empty,) = read([tmp_path])
    assert str(empty) == f"{tmp_path} holds no records or results (*.json)."


def test_a_record_of_names_that_are_not_utf8_is_saved_and_read_again(tmp_path: Path) -> None:
    record = made.make(source="folder", data="/d/bild_\udce9")
    path = record.save(tmp_path)
    assert json.loads(path.read_bytes())["config"]["requested"]["data"]["data"] == "/d/bild_\\xe9"
    assert Record.load(path).config.requested.data.data == "/d/bild_\\xe9"
    assert history.read([tmp_path])[1] == []
