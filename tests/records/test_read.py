"""Saved files of any type are told apart by their tag, and old ones by their fields, wherever they are."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
from msgspec.structs import replace

from resnet_bench.records.ab import AbResult
from resnet_bench.records.noise_floor import NoiseFloor
from resnet_bench.records.read import TYPES, load, read
from resnet_bench.records.record import Record
from tests.support import report_records as made
from tests.support import report_results as results

GOLDEN = Path(__file__).parents[1] / "golden"
PLACES = ["bottleneck", "ab", "tune", "evaluate"]


def counts(*paths: Path) -> tuple[int, int, int, int, int]:
    found, errors = read(paths)
    assert errors == []
    more = found.results
    return len(found.records), len(more.bottlenecks), len(more.ab), len(more.tunings), len(more.evaluations)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder as several commands leave it."""
    record = made.make()
    record.save(tmp_path)
    results.save(
        tmp_path,
        results.bottleneck_of(record),
        results.ab_record(1.5, 1.6),
        results.ab_record(1.0, 1.01, 0.99, kind="noise"),
        results.tuning(),
        results.evaluation(),
    )
    return tmp_path


def test_a_folder_is_read_with_the_folders_that_commands_save_to(runs: Path) -> None:
    assert counts(runs) == (1, 1, 2, 1, 1)


def test_a_files_name_and_place_do_not_matter(runs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for number, path in enumerate(sorted(runs.rglob("*.json"))):
        path.rename(other / f"{number}.json")
    assert counts(*sorted(other.iterdir())) == (1, 1, 2, 1, 1)


def test_what_is_named_twice_counts_once(runs: Path) -> None:
    assert counts(runs, runs / "ab", *runs.glob("*.json")) == (1, 1, 2, 1, 1)


def test_what_was_saved_comes_back(runs: Path) -> None:
    found, _ = read([runs])
    assert found.results.tunings[0][1] == results.tuning()
    assert found.results.bottlenecks[0][1] == results.bottleneck_of(made.make())


@pytest.mark.parametrize("place", PLACES)
def test_a_result_of_a_newer_version_is_refused_and_named(runs: Path, place: str) -> None:
    path = next((runs / place).glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    found, (error,) = read([runs])
    assert str(path) in str(error)
    assert "schema version 99" in str(error)
    assert len(found.records) == 1


@pytest.mark.parametrize("place", PLACES)
def test_a_result_that_is_cut_off_or_lacks_a_field_is_named(runs: Path, place: str) -> None:
    path = next((runs / place).glob("*.json"))
    whole = json.loads(path.read_text())
    del whole["created_at"]
    path.write_text(json.dumps(whole))
    _, (lacking,) = read([path])
    assert "is not a valid" in str(lacking)
    assert "created_at" in str(lacking)
    path.write_text(json.dumps(whole)[:-20])
    _, (cut,) = read([path])
    assert str(path) in str(cut)


@pytest.mark.parametrize("name", ["ab", "noise", "bottleneck", "tuning", "evaluation"])
def test_results_from_before_the_tag_read_as_those_of_today(name: str) -> None:
    old, new = load(GOLDEN / "untagged" / f"{name}.json"), load(GOLDEN / "tagged" / f"{name}.json")
    assert old.schema_version == 1
    assert type(old) is type(new)
    assert replace(old, schema_version=new.schema_version) == new
    assert f'"type": "{new.type_tag()}"'.encode() in old.to_json()


def paths_in(value: object, prefix: str = "") -> set[str]:
    """Where the values in JSON are, without the numbers of list items."""
    if isinstance(value, dict):
        return {path for name, part in value.items() for path in paths_in(part, f"{prefix}.{name}")}
    if isinstance(value, list):
        return {path for part in value for path in paths_in(part, f"{prefix}[]")}
    return {prefix}


@pytest.mark.parametrize("path", sorted((GOLDEN / "tagged").glob("*.json")), ids=lambda path: path.stem)
def test_no_field_of_a_file_is_lost_or_renamed(path: Path) -> None:
    saved = NoiseFloor.load(path) if path.stem == "noise_floor" else load(path)
    lost = paths_in(json.loads(path.read_bytes())) - paths_in(json.loads(saved.to_json()))
    assert not lost


def test_a_noise_floor_from_before_the_tag_reads_as_one_of_today() -> None:
    old, new = (NoiseFloor.load(GOLDEN / place / "noise_floor.json") for place in ("untagged", "tagged"))
    assert (old.schema_version, new.schema_version) == (1, 2)
    facts = ("machine_id", "kind", "created_at", "floor", "pair_sd", "process_sd", "pairs")
    assert [getattr(old, name) for name in facts] == [getattr(new, name) for name in facts]


def test_the_tag_decides_whatever_other_fields_there_are(tmp_path: Path) -> None:
    """Each field told a type apart before there was a tag."""
    path = tmp_path / "x.json"
    more = {"models": [], "repetitions": [], "challenges": [], "precision_target": 0.1, "pair_sd": 1}
    path.write_text(json.dumps({**json.loads(made.make().to_json()), **more}))
    assert isinstance(load(path), Record)


def test_an_unknown_type_is_named_and_skipped(runs: Path) -> None:
    (runs / "film.json").write_text('{"type": "film", "schema_version": 1}')
    found, (error,) = read([runs])
    assert "film.json has the type 'film'" in str(error)
    assert "known types are record, ab, bottleneck, tuning, evaluation" in str(error)
    assert len(found.records) == 1


@pytest.mark.parametrize("tag", TYPES)
def test_saved_files_obey_their_published_schema(runs: Path, tag: str) -> None:
    saved = next(each for path in runs.rglob("*.json") if (each := load(path)).type_tag() == tag)
    jsonschema.validate(json.loads(saved.to_json()), TYPES[tag].json_schema())


def test_an_empty_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found, errors = read([tmp_path / "empty", tmp_path / "gone.json"])
    assert (found.records, found.results.all) == ([], [])
    assert "holds no records or results" in str(errors[0])
    assert "gone.json cannot be read" in str(errors[1])


def test_a_broken_record_is_told_as_before(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(made.make().to_json()[:-30])
    _, (error,) = read([path])
    assert "is not a record" in str(error)


def test_a_result_of_before_that_cannot_tell_is_read_as_inconclusive() -> None:
    found = results.ab_record(1.5)
    assert found.result is not None
    assert found.result.finding == "inconclusive"
    before = msgspec.json.encode(found.result).replace(b'"inconclusive"', b'"cannot tell"')
    assert b"cannot tell" in before
    assert msgspec.json.decode(before, type=AbResult) == found.result
