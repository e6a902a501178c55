"""The Python API: a notebook measures, reads and compares without the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resnet_bench
from resnet_bench.config import Config
from resnet_bench.errors import ConfigError, IncomparableError, RecordError, WorkerError
from resnet_bench.experiments import run as running
from resnet_bench.experiments.evidence_pass import EvidencePass
from resnet_bench.experiments.paired import ab as pairing
from resnet_bench.experiments.paired.side import Side
from resnet_bench.records.record import Record
from resnet_bench.worker.interface import Worker
from tests.support import report_records as made
from tests.support import report_results as results
from tests.support.fake_evidence import no_pass
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]
QUICK: dict[str, Any] = {"rounds": 3, "steps": 2, "processes": 2}


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fake workers; XLA halves a step."""
    real = running.run

    def worker(config: Config) -> Worker:
        step_s = "0.05" if config.step.xla else "0.1"
        return InProcessWorker(STEP_S=step_s)

    def run(config: Config, given: tuple[str, ...], keep: bool) -> Record:
        return real(config, given, new_worker=lambda: worker(config), keep=keep)

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(pairing, "Side", lambda label, config: Side(label, config, lambda: worker(config)))
    monkeypatch.setattr(EvidencePass, "run", no_pass)
    monkeypatch.setenv("RESNET_BENCH_CACHE", str(tmp_path / "cache"))


def test_run_measures_and_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = resnet_bench.run(mode="infer", image_size=64, batch_size=8, precision="mixed_bfloat16", **QUICK)
    assert isinstance(record, resnet_bench.Record)
    assert record.outcome.kind == "ok"
    assert record.images_per_s is not None
    assert record.step_s is not None
    assert record.step_s.value == pytest.approx(0.1)
    asked = record.config.requested
    assert (asked.step.mode, asked.step.batch_size, asked.step.precision) == ("infer", 8, "mixed_bfloat16")
    assert asked.model.image_size == (64, 64)
    assert set(record.config.given) == {"mode", "image_size", "batch_size", "precision", *QUICK}
    record.raise_if_failed()
    assert not list(tmp_path.rglob("*.json"))


def test_run_saves_where_it_is_told_and_load_reads_it(tmp_path: Path) -> None:
    record = resnet_bench.run(max_time="2m", image_size=(64, 96), save=tmp_path / "runs", **QUICK)
    (path,) = (tmp_path / "runs").glob("*.json")
    assert resnet_bench.load(path) == resnet_bench.load(str(path)) == record
    assert record.config.requested.measure.max_time == 120


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_sizes": 8}, "run() has no option 'batch_sizes'. Did you mean batch_size"),
        ({"zzzz": 8}, "The options are preset, "),
        ({"output": "runs"}, "run() has no option 'output'"),
        ({"batch_size": 0}, "--batch-size 0 is not allowed"),
        ({"xla": 1}, "xla = 1 is not allowed"),
        ({"batch_size": None}, "--batch-size None is not allowed"),
        ({"mode": "fly"}, "--mode fly is not allowed"),
        ({"steps": 3, "steps_per_call": 2}, "--steps 3 is not a multiple"),
    ],
)
def test_options_that_are_wrong_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resnet_bench.run(**options)
    assert message in str(caught.value)


def test_a_folder_that_cannot_be_written_to_is_refused_before_measuring(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be written"):
        resnet_bench.run(save=tmp_path / "file")


def test_a_disk_that_fails_later_costs_the_file_and_not_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(record: Record, folder: Path) -> Path:
        del record
        raise RecordError(f"{folder} cannot be written: No space left on device.")

    monkeypatch.setattr(Record, "save", full)
    with pytest.warns(UserWarning, match="No space left"):
        assert resnet_bench.run(save=tmp_path, **QUICK).outcome.kind == "ok"


def test_ab_takes_dicts_and_flags(tmp_path: Path) -> None:
    quick: dict[str, Any] = {"pairs": 2, "turns": 2, "turn_steps": 1}
    result = resnet_bench.ab({}, {"xla": True}, common={"mode": "infer", "image_size": 64}, save=tmp_path, **quick)
    assert result.ratio is not None
    assert result.ratio.value == pytest.approx(2.0)
    assert (result.a.label, result.b.label) == ("", "--xla")
    assert result.b.requested.model.image_size == (64, 64)
    (path,) = (tmp_path / "ab").glob("*.json")
    assert resnet_bench.load(path) == result
    flags = resnet_bench.ab("--no-xla", "--xla", common="--mode infer", **quick)
    assert flags.result is not None
    assert (flags.result.label_a, flags.result.finding) == ("--no-xla", "faster")
    assert "B --xla, ratio 2.000" in repr(flags)


@pytest.mark.parametrize(
    ("sides", "protocol", "message"),
    [
        (({}, {"xlaa": True}), {}, "A side has no option 'xlaa'. Did you mean xla?"),
        (("", "--xla '"), {}, "is not understood"),
        (({}, {"rounds": 3}), {}, "is not an option of ab and noise"),
        (("", ""), {"pairs": 0}, "--pairs 0 is not allowed"),
        (("", ""), {"max_time": "soon"}, "--max-time soon is not allowed"),
        (("", ""), {"precision_target": 3}, "--precision-target 3 is not allowed"),
        (("", ""), {"pear": 3}, "ab() has no option 'pear'. Did you mean pairs?"),
    ],
)
def test_ab_refuses_what_is_wrong(sides: tuple[Any, Any], protocol: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resnet_bench.ab(*sides, **protocol)
    assert message in str(caught.value)


def test_compare_takes_records_files_and_folders(tmp_path: Path) -> None:
    for _ in range(2):
        resnet_bench.run(save=tmp_path / "base", **QUICK)
    base = [resnet_bench.Record.load(path) for path in (tmp_path / "base").glob("*.json")]
    new = resnet_bench.run(xla=True, save=tmp_path / "new", **QUICK)
    (file,) = (tmp_path / "new").glob("*.json")
    found = [
        resnet_bench.compare(base, new),
        resnet_bench.compare(tmp_path / "base", str(file)),
        resnet_bench.compare([tmp_path / "base"], tmp_path / "new"),
    ]
    for report in found:
        (comparison,) = report.comparisons
        assert comparison.ratio.value == pytest.approx(2.0)
        assert len(report.base.process_images_per_s) == 4
    with pytest.raises(IncomparableError, match="no record to compare"):
        resnet_bench.compare(new, new)
    with pytest.raises(RecordError, match="holds no records"):
        resnet_bench.compare(tmp_path, new)


def test_compare_names_what_cannot_be_compared() -> None:
    good, failed = made.make(), made.failed(2)
    with pytest.raises(IncomparableError, match=f"record {failed.id[:8]} cannot be compared: the run did not finish"):
        resnet_bench.compare(good, failed)
    with pytest.raises(ConfigError, match="--allow colour"):
        resnet_bench.compare(good, good, allow=["colour"])


def test_a_failed_run_raises_when_it_is_asked_to() -> None:
    record = made.failed()
    with pytest.raises(WorkerError, match=record.outcome.message):
        record.raise_if_failed()
    assert record.images_per_s is None
    assert "outcome killed" in repr(record)


def test_results_show_themselves_in_a_notebook() -> None:
    record = made.make(mode="infer")
    assert repr(record).startswith(f"<Record {record.id[:8]}: mode infer, device cpu, batch size")
    assert f"verdict {record.verdict.kind}" in repr(record)
    assert "img/s" in record._repr_html_()
    hostile = results.ab_record(1.5, 1.6, label=made.HOSTILE)._repr_html_()
    assert "<script>" not in hostile
    assert "<table>" in hostile
    for other in (results.tuning(), results.evaluation(), results.bottleneck_of(record)):
        assert repr(other).startswith(f"<{type(other).__name__}")


@pytest.mark.process
def test_importing_the_package_loads_neither_tensorflow_nor_click(child: Callable[..., str]) -> None:
    code = (
        "import json, sys, resnet_bench; first = [each in sys.modules for each in ('tensorflow', 'click', 'msgspec')];"
        "resnet_bench.run, resnet_bench.ab, resnet_bench.load, resnet_bench.compare, resnet_bench.Record;"
        "print(json.dumps([first, 'tensorflow' in sys.modules, sorted(resnet_bench.__all__)]))"
    )
    first, tensorflow, names = json.loads(child(code))
    assert first == [False, False, False]
    assert not tensorflow
    assert {"run", "ab", "load", "compare", "Record", "resnet50", "__version__"} <= set(names)
    assert set(names) <= set(dir(resnet_bench))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = resnet_bench.nothing
