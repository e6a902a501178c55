"""Whole runs through a fake worker: what the record says, whatever happens on the way."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from resnet_bench.analysis.summary import summarize
from resnet_bench.config import Config
from resnet_bench.config.options import parse_args
from resnet_bench.errors import ConfigError
from resnet_bench.experiments import run as session
from resnet_bench.experiments.evidence_pass import EvidencePass
from resnet_bench.experiments.progress import RunObserver
from resnet_bench.records.base import Notice
from resnet_bench.records.record import Record
from resnet_bench.records.run import Samples
from resnet_bench.records.summary import Summary
from resnet_bench.worker.interface import Worker
from resnet_bench.worker.process import WorkerProcess
from tests.support.fake_evidence import no_pass
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def timed_processes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows them is `test_evidence_pass.py`'s."""
    monkeypatch.setattr(EvidencePass, "run", no_pass)


def run(words: str, scenario: str = "ok", observer: RunObserver | None = None, **environment: str) -> Record:
    config, given = parse_args(words.split())

    def new_worker() -> Worker:
        if scenario.startswith(("garbage", "flood")):  # These need a pipe.
            return WorkerProcess("tests.support.fake_worker", {"PYTHONPATH": str(ROOT), "SCENARIO": scenario})
        return InProcessWorker(SCENARIO=scenario, **environment)

    return session.run(config, given, observer, new_worker=new_worker)


def kinds(notices: tuple[Notice, ...]) -> set[str]:
    return {notice.kind for notice in notices}


def test_a_full_run_is_valid_and_counts_what_ran() -> None:
    record = run("--rounds 8 --steps 4 --warmup 5 --processes 3", STEP_S="0.5")
    assert (record.outcome.kind, record.verdict.kind) == ("ok", "valid")
    assert [len(process.rounds) for process in record.samples.processes] == [8, 8, 8]
    assert [len(process.warmup) for process in record.samples.processes] == [4, 4, 4]  # the first step is the fifth
    assert record.summary is not None
    assert record.summary.images_per_s.value == pytest.approx(32.0)
    assert record.summary.timed_steps == 96
    assert record.config.resolved is not None
    assert record.config.resolved.step.batch_size == 16
    assert record.config.requested.step.batch_size == "auto"
    assert record.config.given == ("processes", "rounds", "steps", "warmup")


def test_a_published_protocol_is_kept_to_the_step() -> None:
    record = run("--warmup 100 --rounds 500 --steps 1 --processes 1 --max-time 1h", STEP_S="0.1")
    process = record.samples.processes[0]
    assert 1 + len(process.warmup) == 100
    assert sum(one.steps for one in process.rounds) == 500


def test_the_pilot_decides_steps_per_round_and_it_is_recorded() -> None:
    record = run("--processes 1 --rounds 5", STEP_S="0.01")
    assert record.config.resolved is not None
    assert record.config.resolved.measure.steps == 50
    assert {one.steps for one in record.samples.processes[0].rounds} == {50}


def test_rounds_of_several_steps_are_followed_by_single_ones_for_latency() -> None:
    record = run("--processes 1 --rounds 5 --latency-samples 30", STEP_S="0.01")
    assert len(record.samples.processes[0].latency) == 30
    assert record.summary is not None
    assert record.summary.step_latency_s is not None
    assert record.summary.step_latency_s.p90 is not None


def test_a_budget_that_is_too_small_cuts_rounds_and_says_so() -> None:
    record = run("--processes 1 --rounds 20 --steps 1 --max-time 40", STEP_S="5")
    ran = len(record.samples.processes[0].rounds)
    assert 3 <= ran < 20
    assert record.verdict.kind == "provisional"
    assert Notice(kind="budget_cut_rounds", facts={"asked": 20, "ran": ran}) in record.warnings


def test_auto_rounds_leave_room_for_the_option_checks_and_break_no_promise() -> None:
    record = run("--max-time 110 --evidence auto", STEP_S="2", FIRST_STEP_S="4")
    rounds = [len(process.rounds) for process in record.samples.processes]
    assert len(rounds) == 3
    assert 8 <= min(rounds) <= max(rounds) < 20
    assert record.config.requested.measure.rounds == "auto"
    assert record.config.resolved is not None
    assert record.config.resolved.measure.rounds == rounds[0]
    assert not [notice for notice in record.warnings if notice.kind.startswith(("budget_cut", "evidence_cut"))]


def test_a_budget_that_is_too_small_cuts_processes_and_says_so() -> None:
    record = run("--processes 10 --rounds 3 --steps 1 --max-time 9", STEP_S="0.01", SLEEP_S="0.3")
    ran = len(record.samples.processes)
    assert 1 <= ran < 10
    assert Notice(kind="budget_cut_processes", facts={"asked": 10, "ran": ran}) in record.warnings


def test_a_budget_that_ends_after_the_rounds_keeps_them_and_says_so() -> None:
    record = run("--processes 1 --rounds 5 --max-time 8", "hang:latency", STEP_S="0.01")
    assert (record.outcome.kind, record.verdict.kind) == ("ok", "provisional")
    assert Notice(kind="budget_cut_end", facts={"process": 0, "phase": "latency"}) in record.verdict.reasons
    assert len(record.samples.processes[0].rounds) == 5


def test_a_process_that_the_budget_ends_early_does_not_spoil_the_others() -> None:
    config, given = parse_args(["--processes", "2", "--rounds", "5", "--steps", "1", "--max-time", "6"])
    scenarios = iter(["ok", "hang:build"])

    def new_worker() -> Worker:
        return InProcessWorker(SCENARIO=next(scenarios))

    record = session.run(config, given, new_worker=new_worker)
    assert (record.outcome.kind, record.verdict.kind) == ("ok", "provisional")
    assert Notice(kind="budget_cut_processes", facts={"asked": 2, "ran": 1}) in record.verdict.reasons
    assert record.summary is not None
    assert len(record.summary.process_images_per_s) == 1


def test_without_a_pilot_all_rounds_are_tried() -> None:
    record = run("--processes 1 --warmup 1 --rounds 20 --max-time 60", STEP_S="0.01", FIRST_STEP_S="50")
    assert len(record.samples.processes[0].rounds) == 20


def test_a_budget_without_room_for_a_round_is_an_error_never_a_zero() -> None:
    record = run("--processes 1 --warmup 2 --max-time 10", STEP_S="60")
    assert (record.outcome.kind, record.verdict.kind, record.summary) == ("budget", "invalid", None)
    assert "--max-time" in record.outcome.remedy


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [("crash:build", "crashed"), ("oom:trace", "out_of_memory"), ("data:data", "data"), ("kill:timed", "killed")],
)
def test_a_failure_leaves_a_record_that_tells_where(scenario: str, kind: str) -> None:
    record = run("--processes 3", scenario)
    assert (record.outcome.kind, record.outcome.process) == (kind, 0)
    assert record.outcome.phase == scenario.partition(":")[2]
    assert record.verdict.kind == "invalid"
    assert record.environment is not None
    assert "did_not_finish" in kinds(record.verdict.reasons)


def test_rounds_timed_before_a_failure_are_kept() -> None:
    record = run("--processes 1 --rounds 4 --steps 2", "kill:finish")
    assert len(record.samples.processes[0].rounds) == 4
    assert record.summary is not None
    assert record.verdict.kind == "invalid"


def test_a_hang_ends_after_the_timeout() -> None:
    start = time.monotonic()
    record = run("--processes 1 --timeout 2", "hang:timed")
    assert (record.outcome.kind, record.outcome.phase) == ("hung", "timed")
    assert time.monotonic() - start < 60


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C works; a shell that starts the tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_keeps_what_was_measured() -> None:
    record = run("--processes 1 --rounds 4 --steps 2", "interrupt:finish")
    assert record.outcome.kind == "interrupted"
    assert record.outcome.phase in ("latency", "finish")  # the signal may overtake the message
    assert len(record.samples.processes[0].rounds) == 4


def test_a_loss_that_is_not_finite_is_invalid() -> None:
    record = run("--processes 1", "nan")
    assert "loss_not_finite" in kinds(record.verdict.reasons)


def test_warnings_of_the_configuration_are_in_the_record() -> None:
    record = run("--processes 1 --xla --mixed-precision")
    assert {"emulated_16bit", "xla_train_cpu"} <= kinds(record.warnings)


@pytest.mark.parametrize("words", ["--warmup 5 --steps-per-call 2", "--steps 3 --steps-per-call 2"])
def test_counts_that_are_no_whole_number_of_calls_are_refused(words: str) -> None:
    with pytest.raises(ConfigError, match="--steps-per-call 2"):
        run(words)


def test_the_split_is_measured_once() -> None:
    record = run("--processes 2 --split")
    assert [process.split is not None for process in record.samples.processes] == [True, False]
    assert record.summary is not None
    assert record.summary.split is not None


class Watcher(RunObserver):
    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def process(self, number: int, of: int) -> None:
        self.seen.append(("process", number, of))

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        self.seen.append(("rounds", done, of, round(images_per_s), round(left_s, 1)))

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        del notices
        self.seen.append(("resolved", config.runtime.device))


def test_the_observer_sees_how_far_it_is() -> None:
    watcher = Watcher()
    run("--processes 1 --rounds 2 --steps 2", observer=watcher, STEP_S="0.5")
    assert watcher.seen == [
        ("process", 0, 1),
        ("resolved", "cpu"),
        ("rounds", 1, 2, 32, 1.0),
        ("rounds", 2, 2, 32, 0.0),
    ]


# Steady state, from the worker to the verdict

WARM_UP_OF_FIVE = ",".join(["1.5"] * 5)


def test_warm_up_in_the_timed_window_is_kept_marked_and_not_counted() -> None:
    record = run("--rounds 20 --processes 3", STEP_S="0.5", SLOWER=WARM_UP_OF_FIVE)
    assert (record.outcome.kind, record.verdict.kind) == ("ok", "valid")
    assert [len(process.rounds) for process in record.samples.processes] == [20, 20, 20]
    assert [process.first_counted_round for process in record.samples.processes] == [5, 5, 5]
    assert msgspec.json.decode(record.to_json(), type=Record) == record
    assert record.summary is not None
    assert record.summary.timed_steps == 45
    assert record.summary.images_per_s.value == pytest.approx(32.0)


def test_a_given_warm_up_draws_the_line_and_all_that_follows_counts() -> None:
    record = run("--rounds 20 --processes 3 --warmup 3", STEP_S="0.5", SLOWER=WARM_UP_OF_FIVE)
    assert record.summary is not None
    assert record.summary.timed_steps == 60
    assert record.summary.images_per_s.value == pytest.approx(16 * 60 / (0.5 * (45 + 15 * 1.5)))
    assert kinds(record.verdict.reasons) == {"warmup_counted"}


@pytest.mark.parametrize(
    ("slower", "kind"),
    [
        (["1.3"] * 17, "still_drifting"),
        (["0.7"] * 15, "slowing_down"),
        (["1.0", "1.3"] * 10, "bimodal"),
    ],
)
def test_without_a_steady_state_everything_counts_and_the_verdict_says_so(slower: list[str], kind: str) -> None:
    record = run("--rounds 20 --processes 3", STEP_S="0.5", SLOWER=",".join(slower))
    assert record.verdict.kind == "provisional"
    assert kinds(record.verdict.reasons) == {kind}
    assert record.summary is not None
    assert record.summary.timed_steps == 60


def test_a_warm_up_that_never_ends_leaves_a_rate_never_a_zero() -> None:
    """Each round is faster than the one before: no round is steady, so none may be left out."""
    record = run("--rounds 20 --processes 1", STEP_S="0.5", SLOWER=",".join(f"{3 * 0.9**i}" for i in range(20)))
    assert kinds(record.verdict.reasons) >= {"still_drifting"}
    assert record.summary is not None
    assert record.summary.timed_steps == 20


def test_a_busy_neighbour_keeps_a_run_from_being_valid() -> None:
    words = "--preset standard --rounds 8"
    assert run(words, STEP_S="0.5", OTHER_SHARE="0.005").verdict.kind == "valid"
    busy = run(words, STEP_S="0.5", OTHER_SHARE="0.5")
    assert (busy.verdict.kind, kinds(busy.verdict.reasons)) == ("provisional", {"other_load"})


# Hostile conditions


@pytest.mark.parametrize("phase", ["import", "build", "trace", "data", "warmup", "timed", "latency", "finish"])
def test_a_worker_killed_in_any_phase_leaves_a_typed_record_with_what_it_had(phase: str) -> None:
    record = run("--processes 1 --rounds 4 --steps 2", f"kill:{phase}")
    assert (record.outcome.kind, record.outcome.phase, record.verdict.kind) == ("killed", phase, "invalid")
    rounds = len(record.samples.processes[0].rounds)
    assert rounds == (4 if phase in ("latency", "finish") else 0)
    assert (record.summary is not None) == (rounds > 0)


@pytest.mark.process
@pytest.mark.parametrize("phase", ["build", "timed", "finish"])
def test_garbage_from_a_worker_is_a_crash_not_a_number(phase: str) -> None:
    record = run("--processes 1 --rounds 4 --steps 2", f"garbage:{phase}")
    assert (record.outcome.kind, record.verdict.kind) == ("crashed", "invalid")
    assert "Hello, I am no message" in record.outcome.message


@pytest.mark.process
def test_a_flood_without_an_end_is_cut_off() -> None:
    record = run("--processes 1", "flood:timed")
    assert record.outcome.kind == "crashed"
    assert "without an end of line" in record.outcome.message


def test_a_wall_clock_that_jumps_moves_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `created_at` reads the wall clock; here it leaps a day back at every look."""
    times = itertools.count(2_000_000_000.0, -86_400.0)
    monkeypatch.setattr(time, "time", lambda: next(times))
    record = run("--processes 1 --rounds 8 --steps 4", STEP_S="0.5")
    assert record.summary is not None
    assert record.summary.images_per_s.value == pytest.approx(32.0)
    assert record.wall_s is not None
    assert 0 < record.wall_s < 60


def test_ctrl_c_while_the_run_is_summed_up_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def once(samples: Samples) -> Summary | None:
        calls.append(samples)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return summarize(samples)

    monkeypatch.setattr(session, "summarize", once)
    record = run("--processes 1 --rounds 4 --steps 2")
    assert record.outcome.kind == "ok"
    assert record.summary is not None
