"""One bad file costs that file: every way in which a record can be unreadable is named, and the others are read."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.cli import group
from resnet_bench.errors import RecordError
from resnet_bench.records import history
from resnet_bench.records.read import TYPES, load, read
from resnet_bench.records.record import Record
from resnet_bench.records.saved import read_header
from tests.support import report_records as made

GOLDEN = Path(__file__).parents[1] / "golden"
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


def changed(name: str, change: Callable[[dict[str, Any]], None], folder: Path) -> Path:
    """A golden file with one change."""
    content = json.loads((GOLDEN / "tagged" / f"{name}.json").read_bytes())
    change(content)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("ab", lambda it: it["result"]["pairs"][0]["a"].pop(), "rounds of A and"),
        ("ab", lambda it: it["result"]["pairs"][0]["a"][0].update(wall_s=0), "without rounds, images or time"),
        ("ab", lambda it: it["result"]["pairs"][0]["b"][0].update(images=-4), "without rounds, images or time"),
        ("evaluation", lambda it: it["models"].append({**it["models"][0], "classes": []}), "its models have"),
        ("evaluation", lambda it: it["models"].clear(), "its models have"),
    ],
)
def test_a_result_whose_parts_do_not_fit_together_is_named(
    tmp_path: Path, name: str, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    path = changed(name, change, tmp_path)
    with pytest.raises(RecordError, match=words):
        load(path)
    result = CliRunner().invoke(group, ["show", str(path)])
    assert result.exit_code == 8
    assert words in result.stderr


@pytest.mark.parametrize("change", [{"steps": 0}, {"wall_s": 0.0}, {"wall_s": -1.0}, {"wall_s": 1e300}])
def test_a_round_that_cannot_be_is_named(tmp_path: Path, change: dict[str, float]) -> None:
    content = json.loads(WHOLE)
    content["samples"]["processes"][0]["rounds"][0].update(change)
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match=r"x\.json is not a valid record: a round of process 0 has"):
        load(path)


@pytest.mark.parametrize(
    ("when", "words"), [("", "is no time"), ("yesterday", "is no time"), ("2026-11-02T03:04:05", "has no time zone")]
)
def test_a_time_that_is_none_is_named(folder: Path, when: str, words: str) -> None:
    content = json.loads(WHOLE)
    (folder / "z.json").write_text(json.dumps({**content, "id": "0" * 32, "created_at": when}))
    assert_all_commands_name(folder / "z.json", folder, words)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_change_of_bytes_ends_in_another_error(data: st.DataObject) -> None:
    seeds = [WHOLE, *(path.read_bytes() for path in sorted((GOLDEN / "tagged").glob("*.json")))]
    content = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = Path("changed.json")
    with contextlib.suppress(RecordError):
        header = read_header(bytes(content), path)
        TYPES.get(header.tag, Record).from_json(bytes(content), path)
