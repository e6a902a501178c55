"""`show` and `schema` know every type of saved file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from resnet_bench.cli import group
from resnet_bench.records.read import TYPES
from tests.support import report_records as made
from tests.support import report_results as results


def invoke(*words: object) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(group, [str(word) for word in words])


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


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("bottleneck/*.json", "efficiency"),
        ("ab/*-ab-*.json", "1.549"),
        ("ab/*-noise-*.json", "noise floor"),
        ("tune/*.json", "--onednn on"),
        ("evaluate/*.json", "40 images of digits, test part, 2 classes"),
    ],
)
def test_show_prints_the_summary_of_every_result(runs: Path, place: str, part: str) -> None:
    (path,) = runs.glob(place)
    result = invoke("show", path)
    assert result.exit_code == 0, result.output
    assert part in " ".join(result.stdout.split())
    assert invoke("show", "--json", path).stdout == path.read_text()


def test_show_prints_records_as_a_table_and_results_after_it(runs: Path) -> None:
    made.make(mode="infer").save(runs)
    found = invoke("show", runs, runs / "evaluate", runs / "ab")
    assert found.exit_code == 0, found.output
    words = found.stdout
    assert words.index("infer") < words.index("40 images of digits") < words.index("1.549")
    listed = json.loads(invoke("show", "--json", runs, runs / "ab").stdout)
    assert [each["type"] for each in listed] == ["record", "record", "ab", "ab"]


def test_one_bad_file_costs_that_file(runs: Path) -> None:
    (runs / "film.json").write_text('{"type": "film", "schema_version": 1}')
    (runs / "newer.json").write_text('{"type": "ab", "schema_version": 99}')
    result = invoke("show", runs)
    assert result.exit_code == 8
    assert "film.json has the type 'film'" in result.stderr
    assert "newer.json has schema version 99" in result.stderr
    assert "img/s" in result.stdout
    assert invoke("show", runs / "film.json").exit_code == 8


@pytest.mark.parametrize("tag", TYPES)
def test_schema_prints_every_type(tag: str) -> None:
    schema = json.loads(invoke("schema", "--type", tag).stdout)
    assert schema["title"] == f"resnet-bench {TYPES[tag].noun}"
    (kind,) = (each for each in schema["$defs"].values() if each["title"] == TYPES[tag].__name__)
    assert kind["properties"]["type"] == {"enum": [tag]}
    assert {"type", "id", "created_at"} <= set(kind["required"])
