"""Records: saved whole or not at all, read back exactly, refused with a reason."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from resnet_bench.errors import RecordError
from resnet_bench.records import record as r
from resnet_bench.records.files import check_folder
from tests.experiments.test_run import run


@pytest.fixture(scope="module")
def record() -> r.Record:
    return run("--processes 1 --rounds 3 --steps 2")


def test_a_record_survives_the_disk(record: r.Record, tmp_path: Path) -> None:
    path = record.save(tmp_path / "new" / "folder")
    assert r.Record.load(path) == record
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_record_obeys_its_published_schema(record: r.Record) -> None:
    jsonschema.validate(json.loads(record.to_json()), r.Record.json_schema())


def test_the_schema_refuses_what_is_no_record(record: r.Record) -> None:
    broken = json.loads(record.to_json())
    broken["verdict"]["kind"] = "splendid"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, r.Record.json_schema())


def test_the_fields_that_scripts_rely_on_are_there(record: r.Record) -> None:
    data = json.loads(record.to_json())
    assert set(data) >= {
        *("schema_version", "outcome", "verdict", "config", "environment", "model", "samples", "summary", "warnings"),
    }
    assert set(data["summary"]["images_per_s"]) == {"value", "low", "high"}
    assert data["summary"]["images_per_s"]["low"] is None
    assert set(data["config"]) >= {"requested", "resolved"}


def test_file_names_sort_by_time_and_never_collide(record: r.Record) -> None:
    stamp, mode, short = record.file_name.removesuffix(".json").split("-")
    assert len(stamp) == len("20260131T120000Z")
    assert (mode, short) == ("train", record.id[:8])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is not a record"),
        (b'{"schema_version": 1, "id"', "is not a record"),
        (b"[]", "is not a record"),
        (b'{"schema_version": 99}', "schema version 99"),
        (b'{"schema_version": 1}', "is not a valid record"),
        (b"\xff\xfe", "is not a record"),
        (b'{"type": "ab", "schema_version": 1}', "is not a record: its type is 'ab'"),
        (b'{"schema_version": 1, "repetitions": []}', "is not a record: its type is 'bottleneck'"),
    ],
)
def test_what_is_no_record_is_refused_by_name(content: bytes, part: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        r.Record.load(path)
    assert part in str(caught.value)
    assert "bad.json" in str(caught.value)


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"absent\.json cannot be read"):
        r.Record.load(tmp_path / "absent.json")


def test_a_folder_that_is_a_file_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="--output"):
        check_folder(tmp_path / "file")


def test_a_failing_disk_leaves_nothing_behind(
    record: r.Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        del handle
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match="No space left on device"):
        record.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_golden_records_of_every_schema_version_stay_readable() -> None:
    golden = sorted((Path(__file__).parents[1] / "golden").glob("*.json"))
    versions = {r.Record.load(path).schema_version for path in golden}
    assert versions == set(range(1, r.SCHEMA_VERSION + 1))


def test_the_word_of_earlier_versions_for_provisional_is_read(tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "schema_2.json"
    assert json.loads(golden.read_text())["verdict"]["kind"] == "indicative"
    read = r.Record.load(golden)
    assert read.verdict.kind == "provisional"
    assert json.loads(read.save(tmp_path).read_text())["verdict"]["kind"] == "provisional"


def test_a_record_that_could_not_be_read_again_is_not_saved(record: r.Record, tmp_path: Path) -> None:
    requested = record.config.requested
    one_class = replace(record.config, requested=replace(requested, model=replace(requested.model, classes=1)))
    with pytest.raises(RecordError, match="classes"):
        replace(record, config=one_class).save(tmp_path)
    assert not list(tmp_path.iterdir())
