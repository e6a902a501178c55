"""Three interleaved sides, with fake workers. Two are in test_ab.py."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from resnet_bench.config.options import parse_args
from resnet_bench.experiments.paired.ab import pair_samples
from resnet_bench.experiments.paired.interleave import Interleaver, Repetition, StartOrder
from resnet_bench.experiments.paired.side import Budget, Side, SideFailure, display_name
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.worker.interface import Worker
from resnet_bench.worker.process import WorkerProcess, is_stopped
from resnet_bench.worker.protocol import Scope
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]


def side(label: str, step_s: float, log: Path | None = None, scenario: str = "ok", **more: str) -> Side:
    environment = {"STEP_S": str(step_s), "SCENARIO": scenario, "LABEL": label, **more}
    if log is not None:
        environment["TURN_LOG"] = str(log)
    return Side("", parse_args([])[0], lambda: InProcessWorker(**environment))


def count(done: Sequence[Repetition]) -> Estimate:
    return Estimate(value=float(len(done)))


def test_the_order_is_reversed_every_other_round_and_repetition(tmp_path: Path) -> None:
    log = tmp_path / "turns"
    sides = {name: side(name, 0.1, log) for name in "abc"}
    game = Interleaver(sides, Budget(turns=2, steps=1, pairs=2), count)
    game.run()
    assert log.read_text() == "abccba" + "cbaabc"
    assert [set(each.rounds) for each in game.done] == [{"a", "b", "c"}] * 2
    assert all(len(rounds) == 2 for each in game.done for rounds in each.rounds.values())


def test_each_two_repetitions_start_their_processes_in_opposite_orders() -> None:
    order = StartOrder("abc", random.Random(1))
    found = [order.of(repetition) for repetition in range(40)]
    assert all(set(each) == set("abc") for each in found)
    assert all(second == first[::-1] for first, second in zip(found[::2], found[1::2], strict=True))
    assert len(set(found)) == 6  # all orders occur
    assert [order.of(repetition) for repetition in range(40)] == found


def test_the_result_says_which_process_was_started_first() -> None:
    sides = {name: side(name, 0.1) for name in "ab"}
    interleaver = Interleaver(sides, Budget(turns=2, steps=1, pairs=2), count)
    interleaver.run()
    first, second = (pair_samples(each).started_first for each in interleaver.done)
    assert {first, second} == {"a", "b"}


@pytest.mark.process
def test_only_the_side_that_times_a_round_runs() -> None:
    workers: list[Worker] = []
    others: list[int] = []

    def start() -> Worker:
        worker = WorkerProcess("tests.support.fake_worker", {"PYTHONPATH": str(ROOT)})
        real = worker.request

        def request(*arguments: object, **options: object) -> object:
            others.append(sum(not is_stopped(each.pid) for each in workers if each is not worker))
            return real(*arguments, **options)  # type: ignore[arg-type]

        worker.request = request  # type: ignore[method-assign,assignment]
        workers.append(worker)
        return worker

    config = parse_args([])[0]
    Interleaver({name: Side("", config, start) for name in "abc"}, Budget(turns=2, steps=1), count).run()
    assert len(others) == 3 * (2 + 2)
    assert set(others) == {0}


def test_sides_may_have_rounds_of_their_own_length() -> None:
    sides = {"slow": side("s", 0.1), "quick": side("q", 0.01)}
    for equal, expected in ((True, {"slow": 5, "quick": 5}), (False, {"slow": 5, "quick": 50})):
        game = Interleaver(sides, Budget(turns=1), count, equal_steps=equal)
        game.run()
        assert {name: rounds[0].steps for name, rounds in game.done[0].rounds.items()} == expected


def test_rounds_are_as_long_and_as_many_as_the_budget_says() -> None:
    sides = {"slow": side("s", 0.1), "quick": side("q", 0.01)}
    game = Interleaver(sides, Budget(turns="auto", turn_s=0.2), count)
    game.run()
    for rounds in game.done[0].rounds.values():
        assert {one.steps for one in rounds} == {2}  # of the slower side's steps, for both
        assert len(rounds) == 50  # 10 s of 0.2 s


def test_a_third_side_that_does_not_fit_makes_processes_alternate(tmp_path: Path) -> None:
    log = tmp_path / "turns"
    free = iter([5000, 5000, 100])  # before the first side nothing is known; the third finds too little
    sides = {name: side(name, 0.1, log, PEAK_BYTES="1000") for name in "abc"}
    game = Interleaver(sides, Budget(turns=2, steps=1), count, available=lambda: next(free))
    game.run()
    assert log.read_text() == "aabbcc"
    assert not game.done[0].interleaved
    assert game.notices == [Notice(kind="sides_do_not_fit", facts={"needed_bytes": 1000, "free_bytes": 100})]


def test_a_side_named_in_words_is_named_so_when_it_fails() -> None:
    sides = {"end to end": side("a", 0.1), "model alone": side("b", 0.1, scenario="crash:build")}
    with pytest.raises(SideFailure, match=r"^Model alone: The worker crashed") as caught:
        Interleaver(sides, Budget(turns=1, steps=1), count).run()
    assert caught.value.side == "model alone"
    assert (display_name("b"), display_name("model alone")) == ("B", "Model alone")


def test_a_service_that_cannot_be_stopped_with_its_side_is_said_to_run_on() -> None:
    remote = parse_args(["--data-service", "one:5050"])[0]
    parts: tuple[Scope, ...] = ("whole", "model", "pipeline")
    sides: dict[str, Side] = {part: Side("", remote, InProcessWorker, part) for part in parts}
    game = Interleaver(sides, Budget(turns=1, steps=1), count)
    game.run()
    found = {part: "data_service_runs_on" in {each.kind for each in game.facts[part].notices} for part in parts}
    assert found == {"whole": True, "model": False, "pipeline": True}
