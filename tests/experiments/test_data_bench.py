"""`data bench` through a fake worker: what the record says, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_bench.config.options import build
from resnet_bench.errors import BudgetError
from resnet_bench.experiments import data_bench
from resnet_bench.experiments.data_bench import DataBenchRequest
from resnet_bench.records.pipeline import STAGES, PipelineResult
from resnet_bench.records.record import Record
from resnet_bench.worker.interface import Worker
from tests.support.fake_pipeline_worker import FakePipeline
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]
STANDARD = DataBenchRequest()


def bench(
    scenario: str = "ok",
    questions: DataBenchRequest = STANDARD,
    rounds: int = 6,
    options: dict[str, str] | None = None,
    **environment: str,
) -> Record:
    config, given = build({"mode": "input", "rounds": rounds, **(options or {})})

    def new_worker() -> Worker:
        return InProcessWorker(FakePipeline, SCENARIO=scenario, **environment)

    return data_bench.run(config, given, questions, new_worker=new_worker)


def result(record: Record) -> PipelineResult:
    assert record.pipeline is not None
    return record.pipeline


def kinds(record: Record) -> set[str]:
    return {notice.kind for notice in record.warnings}


@pytest.fixture(scope="module")
def full() -> Record:
    return bench(questions=DataBenchRequest(epochs=3, ablate=True, available_bytes=1 << 40))


def test_the_stages_come_in_order_and_the_costliest_is_the_bottleneck(full: Record) -> None:
    found = result(full)
    assert tuple(stage.stage for stage in found.stages) == STAGES
    assert found.bottleneck == "decode"
    decode = found.stages[2]
    assert decode.cost_s == pytest.approx(0.00068, rel=0.2)
    assert decode.bytes_per_s == pytest.approx(decode.images_per_s.value * 100_000)
    assert found.cores == 2
    assert found.cores_busy == pytest.approx(1.9, rel=0.01)


def test_the_record_is_one_of_mode_input_whose_rounds_are_the_whole_pipeline_s(full: Record, tmp_path: Path) -> None:
    assert (full.outcome.kind, full.verdict.kind) == ("ok", "provisional")
    assert full.summary is not None
    assert full.summary.images_per_s.value == pytest.approx(result(full).stages[-1].images_per_s.value, rel=0.01)
    assert full.config.resolved is not None
    assert full.config.resolved.step.mode == "input"
    assert Record.load(full.save(tmp_path)) == full


def test_epochs_memory_and_what_to_try_are_kept(full: Record) -> None:
    found = result(full)
    assert [(one.until, one.page_cache) for one in found.epochs] == [
        ("read", "cold"),
        ("prefetch", "cold"),
        ("prefetch", "warm"),
        ("prefetch", "warm"),
    ]
    assert found.memory is not None
    assert (found.memory.settled_images, found.memory.flat) == (512, True)
    assert {"page_cache_not_evicted", "pipeline_cores_busy"} <= kinds(full)


def test_options_are_changed_one_at_a_time_against_the_full_pipeline(full: Record) -> None:
    rows = {row.name: row for row in result(full).ablation}
    naive, fused = rows["naive"], rows["fused decode"]
    assert naive.ratio is not None
    assert fused.ratio is not None
    assert naive.ratio.value == pytest.approx(0.25)
    assert fused.ratio.value == pytest.approx(1.0)
    assert len(naive.rounds_images_per_s) == 6


def test_what_changes_pixels_says_by_how_much(full: Record) -> None:
    known = {row.change: row.pixel_difference for row in result(full).ablation if row.pixel_difference is not None}
    assert known == {"--decode full": 0.25, "--dct-method INTEGER_FAST": 0.25, "--no-fancy-upscaling": 0.25}
    assert "pixels_changed" not in kinds(full)


def test_a_configuration_that_changes_pixels_is_told() -> None:
    record = bench(rounds=2, options={"dct_method": "INTEGER_FAST"})
    (notice,) = (notice for notice in record.warnings if notice.kind == "pixels_changed")
    assert notice.facts == {"difference": 0.25}


def test_memory_that_grows_is_noticed() -> None:
    record = bench(rounds=2, GROWTH="100000")
    memory = result(record).memory
    assert memory is not None
    assert memory.flat is False
    assert "memory_grows" in kinds(record)


def test_turns_that_did_not_fit_are_told() -> None:
    record = bench(rounds=10, TURNS_THAT_FIT="3")
    assert "budget_cut_rounds" in kinds(record)
    assert len(result(record).stages[0].rounds_images_per_s) == 3


def test_a_budget_that_ends_before_each_stage_had_a_turn_is_an_outcome() -> None:
    record = bench(TURNS_THAT_FIT="0")
    assert (record.outcome.kind, result(record).stages) == ("budget", ())


def test_a_budget_that_ends_while_options_are_changed_keeps_the_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    def over(*_: object) -> None:
        raise BudgetError("The time is up.")

    monkeypatch.setattr(data_bench._Calls, "_ablate", over)
    record = bench(questions=DataBenchRequest(epochs=0, ablate=True), rounds=2)
    assert (record.outcome.kind, "budget_cut_end" in kinds(record)) == ("ok", True)
    assert result(record).stages


def test_options_without_a_turn_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_bench, "STAGES", ("read", "prefetch"))
    record = bench(questions=DataBenchRequest(epochs=0, ablate=True), rounds=2, NO_TURN="naive")
    (row,) = (row for row in result(record).ablation if row.name == "naive")
    assert (record.outcome.kind, row.ratio, row.why) == ("ok", None, "the time budget ended")


def test_without_epochs_there_are_only_stages() -> None:
    found = result(bench(questions=DataBenchRequest(epochs=0), rounds=2))
    assert found.stages
    assert (found.epochs, found.memory) == ((), None)


@pytest.mark.parametrize(
    ("scenario", "kind"), [("data:data", "data"), ("kill:epochs", "killed"), ("error:interleaved", "error")]
)
def test_a_failure_becomes_the_outcome(scenario: str, kind: str) -> None:
    record = bench(scenario)
    assert (record.outcome.kind, record.verdict.kind) == (kind, "invalid")


def test_what_was_measured_before_a_crash_is_kept() -> None:
    record = bench("crash:interleaved-half")
    assert record.outcome.kind == "crashed"
    assert [len(stage.rounds_images_per_s) for stage in result(record).stages] == [2] * len(STAGES)
    assert result(record).epochs
