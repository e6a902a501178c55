"""Turns: two live workers alternate, the idle one stopped; ratios are taken per pair of rounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_bench.analysis.ab import MIN_PAIRS_FOR_TARGET
from resnet_bench.config.options import parse_args
from resnet_bench.errors import BudgetError
from resnet_bench.experiments.paired import ab
from resnet_bench.experiments.paired.interleave import StartOrder
from resnet_bench.experiments.progress import PairedObserver
from resnet_bench.records.base import Notice
from resnet_bench.worker.interface import Worker, WorkerFailure
from resnet_bench.worker.process import WorkerProcess, is_stopped
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]


def side(
    label: str, step_s: float, turns: Path | None = None, words: str = "", scenario: str = "ok", **more: str
) -> ab.Side:
    environment = {"STEP_S": str(step_s), "SCENARIO": scenario, "LABEL": label, **more}
    if turns is not None:
        environment["TURN_LOG"] = str(turns)
    return ab.Side(label, parse_args(words.split())[0], lambda: InProcessWorker(**environment))


def test_the_ratio_is_how_much_faster_the_second_side_is() -> None:
    result = ab.run_pairs(side("a", 0.2), side("b", 0.1), ab.Budget(turns=4, steps=3))
    assert result.ratio.value == pytest.approx(2.0)
    assert [result.images_per_s_a, result.images_per_s_b] == pytest.approx([80, 160])
    assert len(result.pairs[0].a) == len(result.pairs[0].b) == 4
    assert result.ratio.low is None


def test_several_pairs_of_processes_support_an_interval() -> None:
    result = ab.run_pairs(side("a", 0.2), side("b", 0.1), ab.Budget(turns=2, steps=1, pairs=2))
    assert result.ratio.low == pytest.approx(2.0)
    assert result.ratio.high == pytest.approx(2.0)


def test_rounds_are_interleaved_in_abba_order(tmp_path: Path) -> None:
    log = tmp_path / "turns"
    ab.run_pairs(side("a", 0.1, log), side("b", 0.1, log), ab.Budget(turns=4, steps=1))
    assert log.read_text() == "abbaabba"


def test_a_variable_that_contradicts_a_sides_options_ends_the_comparison() -> None:
    flags = "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit"
    both = side("a", 0.1, words="--xla", TF_XLA_FLAGS=flags), side("b", 0.1, TF_XLA_FLAGS=flags)
    with pytest.raises(ab.SideFailure, match=r"Side B \(b\): TF_XLA_FLAGS=.* contradicts --no-xla") as caught:
        ab.run_pairs(*both, ab.Budget(turns=2, steps=1))
    assert caught.value.exit_code == 2


def test_images_count_not_steps() -> None:
    result = ab.run_pairs(
        side("a", 0.1, words="--batch-size 16"), side("b", 0.1, words="--batch-size 32"), ab.Budget(turns=2, steps=1)
    )
    assert result.ratio.value == pytest.approx(2.0)


@pytest.mark.process
def test_the_idle_side_is_stopped() -> None:
    workers: list[Worker] = []
    states: list[tuple[bool, ...]] = []

    def watched(name: str) -> Callable[[], Worker]:
        def start() -> Worker:
            worker = WorkerProcess("tests.support.fake_worker", {"PYTHONPATH": str(ROOT), "LABEL": name})
            real = worker.wait_until_stopped

            def wait_until_stopped() -> None:
                real()
                states.append(tuple(is_stopped(each.pid) for each in workers))

            worker.wait_until_stopped = wait_until_stopped  # type: ignore[method-assign]
            workers.append(worker)
            return worker

        return start

    config = parse_args([])[0]
    ab.run_pairs(ab.Side("a", config, watched("a")), ab.Side("b", config, watched("b")), ab.Budget(turns=2, steps=1))
    assert len(states) == 6
    assert all(all(each) for each in states[1:])


def test_a_side_that_fails_ends_the_runs() -> None:
    with pytest.raises(WorkerFailure, match="SIGSEGV"):
        ab.run_pairs(side("a", 0.1), side("b", 0.1, scenario="crash:timed"), ab.Budget(turns=2, steps=1))


def test_the_side_that_fails_is_named() -> None:
    with pytest.raises(ab.SideFailure, match=r"Side B \(xla\): The worker crashed") as caught:
        ab.run_pairs(side("plain", 0.1), side("xla", 0.1, scenario="crash:build"), ab.Budget(turns=2, steps=1))
    assert caught.value.side == "b"
    assert caught.value.outcome.phase == "build"


def test_a_narrow_interval_ends_the_runs() -> None:
    budget = ab.Budget(turns=1, steps=1, pairs=30, precision_target=0.01)
    assert len(ab.run_pairs(side("a", 0.2), side("b", 0.1), budget).pairs) == MIN_PAIRS_FOR_TARGET


def test_the_smallest_detectable_difference_is_reported() -> None:
    result = ab.run_pairs(side("a", 0.2), side("b", 0.1), ab.Budget(turns=1, steps=1, pairs=2))
    assert result.resolution == pytest.approx(0.0)
    assert result.finding == "faster"
    assert ab.run_pairs(side("a", 0.2), side("b", 0.1), ab.Budget(turns=1, steps=1)).resolution is None


def test_sides_that_do_not_fit_in_memory_alternate_as_whole_processes(tmp_path: Path) -> None:
    log = tmp_path / "turns"
    one, two = side("a", 0.2, log, PEAK_BYTES="1000"), side("b", 0.1, log, PEAK_BYTES="1000")
    result = ab.run_pairs(one, two, ab.Budget(turns=3, steps=1, pairs=2), available=lambda: 1100)
    assert log.read_text() == "aaabbb" + "bbbaaa"
    assert not any(pair.interleaved for pair in result.pairs)
    assert result.notices == (Notice(kind="sides_do_not_fit", facts={"needed_bytes": 1000, "free_bytes": 1100}),)
    assert result.ratio.value == pytest.approx(2.0)


def test_sides_that_fit_are_interleaved(tmp_path: Path) -> None:
    log = tmp_path / "turns"
    one, two = side("a", 0.2, log, PEAK_BYTES="1000"), side("b", 0.1, log, PEAK_BYTES="1000")
    assert ab.run_pairs(one, two, ab.Budget(turns=2, steps=1), available=lambda: 5000).notices == ()
    assert log.read_text() == "abba"


def test_running_out_of_memory_beside_the_other_side_makes_processes_alternate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(StartOrder, "of", lambda _self, _number: ("a", "b"))
    with pytest.raises(ab.SideFailure, match="Side B") as caught:
        ab.run_pairs(side("a", 0.1), side("b", 0.1, scenario="oom:build"), ab.Budget(turns=2, steps=1))
    assert caught.value.exit_code == 5  # it does not fit alone either
    observer = Noting()
    with pytest.raises(ab.SideFailure):
        ab.run_pairs(side("a", 0.1), side("b", 0.1, scenario="oom:build"), ab.Budget(turns=2, steps=1), observer)
    assert [notice.kind for notice in observer.notices] == ["sides_ran_out_of_memory"]


def test_a_budget_that_ends_keeps_the_pairs_that_exist() -> None:
    budget = ab.Budget(turns=4, steps=1, pairs=50, max_time_s=6)
    result = ab.run_pairs(side("a", 0.2, SLEEP_S="0.1"), side("b", 0.1, SLEEP_S="0.1"), budget)
    assert 1 <= len(result.pairs) < 50
    assert result.notices == (Notice(kind="budget_cut_pairs", facts={"asked": 50, "ran": len(result.pairs)}),)


def test_a_budget_without_room_for_a_pair_is_an_error() -> None:
    with pytest.raises(BudgetError):
        ab.run_pairs(side("a", 0.2, scenario="hang:build"), side("b", 0.1), ab.Budget(max_time_s=0.5))


class Noting(PairedObserver):
    """Keeps the notices."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def note(self, notice: Notice) -> None:
        self.notices.append(notice)
