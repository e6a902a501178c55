"""Turns: two live workers alternate, the idle one stopped; ratios are taken per pair of rounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_bench import duet
from resnet_bench.options import parse_args
from resnet_bench.worker.handle import Worker, WorkerFailure, is_stopped

ROOT = Path(__file__).parent.parent


def side(label: str, step_s: float, turns: Path | None = None, words: str = "", scenario: str = "ok") -> duet.Side:
    environment = {"PYTHONPATH": str(ROOT), "STEP_S": str(step_s), "SCENARIO": scenario, "LABEL": label}
    if turns is not None:
        environment["TURN_LOG"] = str(turns)
    return duet.Side(label, parse_args(words.split())[0], lambda: Worker("tests.fake_worker", environment))


def test_the_ratio_is_how_much_faster_the_second_side_is() -> None:
    result = duet.play(side("a", 0.2), side("b", 0.1), duet.Budget(turns=4, steps=3))
    assert result.ratio.value == pytest.approx(2.0)
    assert [result.images_per_s_a, result.images_per_s_b] == pytest.approx([80, 160])
    assert len(result.pairs[0].a) == len(result.pairs[0].b) == 4
    assert result.ratio.low is None


def test_several_pairs_of_processes_support_an_interval() -> None:
    result = duet.play(side("a", 0.2), side("b", 0.1), duet.Budget(turns=2, steps=1, pairs=2))
    assert result.ratio.low == pytest.approx(2.0)
    assert result.ratio.high == pytest.approx(2.0)


def test_sides_take_turns_in_abba_order(tmp_path: Path) -> None:
    log = tmp_path / "turns"
    duet.play(side("a", 0.1, log), side("b", 0.1, log), duet.Budget(turns=4, steps=1))
    assert log.read_text() == "abbaabba"


def test_images_count_not_steps() -> None:
    result = duet.play(
        side("a", 0.1, words="--batch-size 16"), side("b", 0.1, words="--batch-size 32"), duet.Budget(turns=2, steps=1)
    )
    assert result.ratio.value == pytest.approx(2.0)


def test_the_idle_side_is_stopped() -> None:
    workers: list[Worker] = []
    states: list[tuple[bool, ...]] = []

    def watched(name: str) -> Callable[[], Worker]:
        def start() -> Worker:
            worker = Worker("tests.fake_worker", {"PYTHONPATH": str(ROOT), "LABEL": name})
            real = worker.wait_until_stopped

            def wait_until_stopped() -> None:
                real()
                states.append(tuple(is_stopped(each.pid) for each in workers))

            worker.wait_until_stopped = wait_until_stopped  # type: ignore[method-assign]
            workers.append(worker)
            return worker

        return start

    config = parse_args([])[0]
    duet.play(duet.Side("a", config, watched("a")), duet.Side("b", config, watched("b")), duet.Budget(turns=2, steps=1))
    assert len(states) == 6
    assert all(all(each) for each in states[1:])


def test_a_side_that_fails_ends_the_duet() -> None:
    with pytest.raises(WorkerFailure, match="SIGSEGV"):
        duet.play(side("a", 0.1), side("b", 0.1, scenario="crash:timed"), duet.Budget(turns=2, steps=1))
