"""`bench-cli report`: the ending decides, bad files are named, nothing half is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from resnet_bench import cli
from tests.support import report_records as made
from tests.support import report_results as results


def report(*words: str | Path) -> Result:
    return CliRunner().invoke(cli.group, ["report", *map(str, words)])


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    for number, record in enumerate((made.full(), made.make(2, xla=True))):
        (folder / f"{number}.json").write_bytes(record.to_json())
    return folder


@pytest.mark.parametrize(
    ("name", "begins"), [("r.html", "<!doctype html>"), ("r.md", "# 2 records"), ("r.CSV", "file,id,")]
)
def test_the_ending_decides_what_is_written(runs: Path, tmp_path: Path, name: str, begins: str) -> None:
    result = report(runs, "-o", tmp_path / name)
    assert result.exit_code == 0
    assert result.stderr == f"2 records: {tmp_path / name}\n"
    assert (tmp_path / name).read_text().lstrip().startswith(begins)


def test_another_ending_is_refused(runs: Path, tmp_path: Path) -> None:
    result = report(runs, "-o", tmp_path / "r.pdf")
    assert result.exit_code == 2
    assert "r.pdf has no known ending. Use .html, .md or .csv." in result.stderr
    assert not (tmp_path / "r.pdf").exists()


def test_a_file_that_is_no_record_is_named_and_the_others_are_reported(runs: Path, tmp_path: Path) -> None:
    (runs / "x.json").write_text("{")
    result = report(runs, "-o", tmp_path / "r.html")
    assert result.exit_code == 8
    assert "x.json is not a record" in result.stderr
    assert (tmp_path / "r.html").exists()


def test_without_records_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = report(tmp_path / "empty", "-o", tmp_path / "r.html")
    assert result.exit_code == 8
    assert not (tmp_path / "r.html").exists()


def test_a_field_that_nothing_is_refused_for_cannot_be_allowed(runs: Path, tmp_path: Path) -> None:
    result = report(runs, "-o", tmp_path / "r.html", "--allow", "nonsense")
    assert result.exit_code == 2
    assert "names no field" in result.stderr


def test_results_of_other_commands_are_found_in_the_folders_they_save_to(runs: Path, tmp_path: Path) -> None:
    results.save(
        runs, results.bottleneck_of(made.full()), results.ab_record(1.5, 1.6), results.tuning(), results.evaluation()
    )
    done = report(runs, "-o", tmp_path / "r.md")
    assert (done.exit_code, done.stderr) == (0, f"2 records and 4 other results: {tmp_path / 'r.md'}\n")
    words = (tmp_path / "r.md").read_text()
    assert "Bottleneck: **input-bound**, the pipeline alone is 0.5 x as fast as the model alone" in words
    assert "## Interleaved runs (A/B)" in words
    assert "## Searches for the fastest configuration" in words
    assert "## Evaluations of trained networks" in words
    assert "40 images of digits, test part, 2 classes" in words


def test_results_without_records_make_a_page_but_no_table(tmp_path: Path) -> None:
    paths = results.save(tmp_path, results.ab_record(1.5, 1.6))
    done = report(*paths, "-o", tmp_path / "r.html")
    assert (done.exit_code, done.stderr) == (0, f"1 result: {tmp_path / 'r.html'}\n")
    assert report(*paths, "-o", tmp_path / "r.csv").exit_code == 8
    assert not (tmp_path / "r.csv").exists()


def test_a_table_says_what_it_leaves_out(runs: Path, tmp_path: Path) -> None:
    results.save(runs, results.tuning())
    done = report(runs, "-o", tmp_path / "r.csv")
    assert done.exit_code == 0
    assert "1 result left out: CSV has a row per record." in done.stderr
