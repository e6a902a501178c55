"""`bench-cli data` from outside: make, check and bench, with fake workers but for one real run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from resnet_bench.cli import group
from resnet_bench.experiments import data_bench
from resnet_bench.records.pipeline import STAGES
from resnet_bench.records.record import Record
from tests.support.data_files import encoded, flip_byte
from tests.support.fake_pipeline_worker import FakePipeline
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]
SMALL = ("--sizes", "40x30", "--quality", "90", "--threads", "2")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let `data bench` start fake workers."""
    real = data_bench.run

    def run(*arguments: Any, **options: Any) -> Any:
        options["new_worker"] = lambda: InProcessWorker(FakePipeline)
        return real(*arguments, **options)

    monkeypatch.setattr(data_bench, "run", run)
    return monkeypatch


def invoke(*words: object) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(group, ["data", *map(str, words)])


def test_what_is_made_is_sound(tmp_path: Path) -> None:
    made = invoke("make", tmp_path / "set", "--count", 9, "--shards", 2, *SMALL)
    assert made.exit_code == 0, made.output
    assert "9 images" in made.output
    assert "40x30 100 %" in made.output
    checked = invoke("check", tmp_path / "set")
    assert (checked.exit_code, "No errors." in checked.output) == (0, True)


def test_the_manifest_comes_as_json(tmp_path: Path) -> None:
    made = invoke("make", tmp_path / "set", "--count", 3, *SMALL, "--json")
    manifest = json.loads(made.stdout)
    assert manifest == json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert manifest["made_from"]["sizes"] == "40x30"


def test_damage_is_named_and_ends_with_3(tmp_path: Path) -> None:
    invoke("make", tmp_path / "set", "--count", 6, "--shards", 2, *SMALL)
    flip_byte(tmp_path / "set" / "photos-00001-of-00002.tfrecord", 40)
    checked = invoke("check", tmp_path / "set")
    assert checked.exit_code == 3
    assert "checksum" in checked.output
    assert "changed" in checked.output
    found = json.loads(invoke("check", tmp_path / "set", "--json").stdout)
    (damage,) = found["damaged"]
    assert (damage["file"], damage["record"], damage["offset"]) == ("photos-00001-of-00002.tfrecord", 0, 0)


def test_an_image_folder_becomes_shards(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "1.jpg").write_bytes(encoded())
    made = invoke("make", tmp_path / "set", "--source", "folder", "--data", tmp_path / "images")
    assert (made.exit_code, "2 images" in made.output) == (0, True)
    assert invoke("check", tmp_path / "set", "--classes", 2).exit_code == 0
    assert invoke("check", tmp_path / "set", "--classes", 1).exit_code == 3


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--data", "x"), 2, "--source photos does not use --data"),
        (("--source", "folder"), 2, "needs --data"),
        (("--source", "folder", "--data", "x", "--count", "3"), 2, "--source folder does not use --count"),
        (("--source", "folder", "--data", "/nowhere"), 3, "does not exist"),
        (("--source", "tfds", "--data", "/nowhere"), 3, "does not exist"),
        (("--sizes", "big"), 2, "--sizes big"),
        (("--quality", "90", "--bytes-per-pixel", "1"), 2, "Leave one of them out"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(
    tmp_path: Path, words: tuple[str, ...], code: int, part: str
) -> None:
    made = invoke("make", tmp_path / "set", *words)
    assert (made.exit_code, part in made.stderr) == (code, True)
    assert made.stderr.count("\n") == 1
    assert not (tmp_path / "set").exists()


@pytest.mark.usefixtures("fake")
def test_bench_shows_stages_epochs_and_options_and_saves_a_record(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    chart = tmp_path / "chart.svg"
    shown = invoke("bench", "--rounds", 4, "--output", tmp_path / "runs", "--ablate", "--plot", chart)
    assert shown.exit_code == 0, shown.output
    for part in (
        "Stage by stage",
        "Passes over the data",
        "One option changed",
        "--prefetch-buffer-size 0",
        "flat",
        "stage is decode",
    ):
        assert part in shown.output
    assert "…" not in shown.output
    (path,) = (tmp_path / "runs").glob("*-input-*.json")
    record = Record.load(path)
    assert record.pipeline is not None
    assert record.pipeline.bottleneck == "decode"
    assert chart.read_text().startswith("<?xml")


@pytest.mark.usefixtures("fake")
def test_bench_prints_its_record_as_json(tmp_path: Path) -> None:
    shown = invoke("bench", "--rounds", 2, "--output", tmp_path, "--json", "--epochs", 0)
    found = json.loads(shown.stdout)
    assert found["pipeline"]["bottleneck"] == "decode"
    assert found["config"]["requested"]["step"]["mode"] == "input"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--plot", "a.png"), "Add --ablate"),
        (("--plot", "a.doc", "--ablate"), "pictures end in .svg, .png, .pdf"),
        (("--source", "synthetic"), "has none"),
        (("--source", "tfrecord"), "needs --data"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path: Path, words: tuple[str, ...], part: str) -> None:
    refused = invoke("bench", "--output", tmp_path / "runs", *words)
    assert (refused.exit_code, part in refused.stderr) == (2, True)


def test_a_real_pipeline_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNET_BENCH_CACHE", str(tmp_path / "cache"))
    invoke("make", tmp_path / "set", "--count", 64, "--shards", 2, *SMALL)
    words = ("--source", "tfrecord", "--data", tmp_path / "set", "--image-size", 16, "--batch-size", 4)
    shown = invoke(
        "bench", *words, "--rounds", 2, "--epochs", 2, "--dct-method", "INTEGER_FAST", "--output", tmp_path, "--json"
    )
    assert shown.exit_code == 0, shown.output
    (path,) = tmp_path.glob("*-input-*.json")
    record = Record.load(path)
    (changed,) = (notice.facts["difference"] for notice in record.warnings if notice.kind == "pixels_changed")
    assert isinstance(changed, float)
    assert 0 < changed < 5
    found = record.pipeline
    assert found is not None
    assert [stage.stage for stage in found.stages] == list(STAGES)
    assert [(one.until, one.images, one.complete) for one in found.epochs] == [
        ("read", 64, True),
        ("prefetch", 64, True),
        ("prefetch", 64, True),
    ]
    assert found.memory is not None
    assert found.memory.samples[-1].images == 128
    assert len(found.memory.samples) >= 16


def test_epochs_that_the_time_cuts_off_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNET_BENCH_CACHE", str(tmp_path / "cache"))
    invoke("make", tmp_path / "set", "--count", 64, "--shards", 2, *SMALL)
    words = ("--source", "tfrecord", "--data", tmp_path / "set", "--image-size", 16, "--batch-size", 4)
    limits = ("--rounds", 2, "--epochs", 1000, "--max-time", "30s", "--cache", "records", "--cache-budget", 1000)
    invoke("bench", *words, *limits, "--output", tmp_path)
    (path,) = tmp_path.glob("*-input-*.json")
    record = Record.load(path)
    assert record.outcome.kind in ("ok", "budget"), record.outcome
    assert {"epoch_cut", "cache_over_budget_in_all"} <= {notice.kind for notice in record.warnings}
