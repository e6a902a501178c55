"""Saved files are told apart by what they hold, wherever they lie."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnet_bench.records.read import read
from resnet_bench.records.record import save, to_json
from tests.support import report_records as made
from tests.support import report_results as results


def counts(*paths: Path) -> tuple[int, int, int, int]:
    found, errors = read(paths)
    assert errors == []
    more = found.results
    return len(found.records), len(more.bottlenecks), len(more.contests), len(more.tunings)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder as several commands leave it."""
    record = made.make()
    save(record, tmp_path)
    results.save(
        tmp_path,
        results.bottleneck_of(record),
        results.match(1.5, 1.6),
        results.match(1.0, 1.01, 0.99, kind="noise"),
        results.tuning(),
    )
    return tmp_path


def test_a_folder_is_read_with_the_folders_that_commands_save_to(runs: Path) -> None:
    assert counts(runs) == (1, 1, 2, 1)


def test_a_files_name_and_place_do_not_matter(runs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for number, path in enumerate(sorted(runs.rglob("*.json"))):
        path.rename(other / f"{number}.json")
    assert counts(*sorted(other.iterdir())) == (1, 1, 2, 1)


def test_what_is_named_twice_counts_once(runs: Path) -> None:
    assert counts(runs, runs / "ab", *runs.glob("*.json")) == (1, 1, 2, 1)


def test_what_was_saved_comes_back(runs: Path) -> None:
    found, _ = read([runs])
    assert found.results.tunings[0][1] == results.tuning()
    assert found.results.bottlenecks[0][1] == results.bottleneck_of(made.make())


@pytest.mark.parametrize("place", ["bottleneck", "ab", "tune"])
def test_a_result_of_a_newer_version_is_refused_and_named(runs: Path, place: str) -> None:
    path = next((runs / place).glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    found, (error,) = read([runs])
    assert str(path) in str(error)
    assert "schema version 99" in str(error)
    assert len(found.records) == 1


@pytest.mark.parametrize("place", ["bottleneck", "ab", "tune"])
def test_a_result_that_is_cut_off_or_lacks_a_field_is_named(runs: Path, place: str) -> None:
    path = next((runs / place).glob("*.json"))
    whole = json.loads(path.read_text())
    del whole["outcome"]
    path.write_text(json.dumps(whole))
    _, (lacking,) = read([path])
    assert "no valid result" in str(lacking)
    assert "outcome" in str(lacking)
    path.write_text(json.dumps(whole)[:-20])
    _, (cut,) = read([path])
    assert str(path) in str(cut)


def test_a_result_of_evaluate_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "evaluated.json"
    path.write_text(json.dumps({"schema_version": 1, "models": []}))
    _, (error,) = read([path])
    assert "result of bench-cli evaluate" in str(error)


def test_an_empty_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found, errors = read([tmp_path / "empty", tmp_path / "gone.json"])
    assert (found.records, found.results.all) == ([], [])
    assert "holds no records or results" in str(errors[0])
    assert "gone.json cannot be read" in str(errors[1])


def test_a_broken_record_is_told_as_before(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(to_json(made.make())[:-30])
    _, (error,) = read([path])
    assert "is not a record" in str(error)
