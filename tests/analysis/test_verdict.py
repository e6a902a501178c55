"""Verdicts: what makes a number invalid, what makes it merely provisional."""

from __future__ import annotations

import pytest
from msgspec import structs

from resnet_bench.analysis.verdict import decide_verdict
from resnet_bench.config import Config
from resnet_bench.config.options import parse_args
from resnet_bench.records.base import Notice
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import (
    Interference,
    Outcome,
    ProcessSamples,
    Round,
    Samples,
    Steadiness,
    SteadyKind,
    StepResult,
)

ROUND = Round(steps=1, images=16, wall_s=1.0, dispatch_s=0.1)


MACHINE = Machine(device_kind="cpu", device="cpu", cpus=2)


def samples(processes: int = 3, rounds: int = 8, finite: bool | None = True) -> Samples:
    return Samples(
        processes=tuple(
            ProcessSamples(
                process=number,
                rounds=(ROUND,) * rounds,
                result=StepResult(finite=finite),
                steady=Steadiness(kind="reached", from_round=0, from_step=2),
            )
            for number in range(processes)
        )
    )


def reasons(measured: Samples, words: str = "", outcome: str = "ok", notices: tuple[Notice, ...] = ()) -> list[str]:
    config: Config = parse_args(words.split())[0]
    verdict = decide_verdict(config, Outcome(kind=outcome), measured, notices, MACHINE)  # type: ignore[arg-type]
    return [verdict.kind, *(reason.kind for reason in verdict.reasons)]


def test_three_processes_of_eight_rounds_are_valid() -> None:
    assert reasons(samples()) == ["valid"]


@pytest.mark.parametrize("outcome", ["crashed", "killed", "hung", "out_of_memory", "budget", "interrupted", "data"])
def test_what_did_not_finish_is_invalid(outcome: str) -> None:
    assert reasons(samples(), outcome=outcome) == ["invalid", "did_not_finish"]


def test_no_rounds_are_invalid() -> None:
    assert reasons(samples(rounds=0)) == ["invalid", "nothing_timed"]
    assert reasons(Samples()) == ["invalid", "nothing_timed"]


def test_arithmetic_on_infinities_is_invalid() -> None:
    assert reasons(samples(processes=1, finite=False)) == ["invalid", "loss_not_finite"]
    assert reasons(samples(processes=1, finite=False), "--mode infer") == ["invalid", "loss_not_finite"]
    assert reasons(samples(finite=None)) == ["valid"]


@pytest.mark.parametrize(
    ("measured", "words", "kind"),
    [
        (samples(processes=2), "", "few_processes"),
        (samples(rounds=7), "", "few_rounds"),
        (samples(), "--stage-sizes 1,1,1,1", "not_resnet50"),
        (samples(), "--width 8", "not_resnet50"),
    ],
)
def test_too_little_is_provisional(measured: Samples, words: str, kind: str) -> None:
    assert reasons(measured, words) == ["provisional", kind]


@pytest.mark.parametrize("kind", ["budget_cut_rounds", "budget_cut_processes", "budget_cut_warmup"])
def test_a_cut_plan_is_provisional(kind: str) -> None:
    assert reasons(samples(), notices=(Notice(kind=kind),)) == ["provisional", kind]


def test_a_warning_alone_takes_nothing_from_the_verdict() -> None:
    assert reasons(samples(), notices=(Notice(kind="xla_train_cpu"),)) == ["valid"]


# Steady state


REACHED: list[SteadyKind] = ["reached"]


def behaving(*kinds: SteadyKind, from_round: int | None = None, first_counted_round: int = 0) -> Samples:
    return Samples(
        processes=tuple(
            ProcessSamples(
                process=number,
                rounds=(ROUND,) * 20,
                steady=Steadiness(kind=kind, from_round=from_round),
                first_counted_round=first_counted_round,
            )
            for number, kind in enumerate(kinds)
        )
    )


@pytest.mark.parametrize("kind", ["still_drifting", "slowing_down", "bimodal"])
def test_one_of_three_processes_without_a_steady_state_is_provisional(kind: SteadyKind) -> None:
    verdict = decide_verdict(Config(), Outcome(kind="ok"), behaving("reached", kind, "reached"), (), MACHINE)
    assert verdict.kind == "provisional"
    assert verdict.reasons == (Notice(kind=kind, facts={"processes": 1, "of": 3}),)


def test_of_ten_processes_two_without_a_steady_state_are_forgiven() -> None:
    assert reasons(behaving(*REACHED * 8, "bimodal", "slowing_down")) == ["valid"]
    assert reasons(behaving(*REACHED * 7, "bimodal", "bimodal", "slowing_down")) == [
        "provisional",
        "slowing_down",
        "bimodal",
    ]


def test_warm_up_that_was_left_out_is_no_reason_and_warm_up_that_counts_is_one() -> None:
    assert reasons(behaving(*REACHED * 3, from_round=6, first_counted_round=6)) == ["valid"]
    assert reasons(behaving(*REACHED * 3, from_round=6)) == ["provisional", "warmup_counted"]


def test_too_few_rounds_after_the_warm_up_are_provisional_and_none_are_invalid() -> None:
    assert reasons(behaving(*REACHED * 3, from_round=16, first_counted_round=16)) == [
        "provisional",
        "few_steady_rounds",
    ]
    assert reasons(behaving(*REACHED * 3, from_round=20, first_counted_round=20)) == ["invalid", "nothing_timed"]


# Interference


def beside(interference: Interference, rounds: int = 20, wall_s: float = 0.5) -> Samples:
    """One process of three had this in each of its rounds; the others were quiet."""
    quiet = behaving(*REACHED * 3).processes
    one = Round(steps=1, images=16, wall_s=wall_s, dispatch_s=None, interference=interference)
    return Samples(processes=(*quiet[:2], structs.replace(quiet[2], rounds=(one,) * rounds)))


@pytest.mark.parametrize(
    ("interference", "kind"),
    [
        (Interference(other_cpu_s=0.051), "other_load"),
        (Interference(steal_s=0.101), "cpu_steal"),
        (Interference(throttled_s=0.0051), "cgroup_throttled"),
        (Interference(involuntary_switches=5001), "often_preempted"),
        (Interference(gpu_throttle_reasons=("hw_thermal_slowdown",)), "gpu_throttled"),
        (Interference(gpu_other_processes=1), "gpu_shared"),
    ],
)
def test_interference_makes_a_result_provisional(interference: Interference, kind: str) -> None:
    assert reasons(beside(interference)) == ["provisional", kind]


@pytest.mark.parametrize(
    "interference",
    [
        Interference(),
        Interference(other_cpu_s=0.049, steal_s=0.099, throttled_s=0.0049, involuntary_switches=4999),
        Interference(other_cpu_s=0.0, involuntary_switches=50_000),  # its own threads: there is no other load
        Interference(gpu_throttle_reasons=("application_clocks_setting", "sw_power_cap"), gpu_other_processes=0),
    ],
)
def test_what_a_quiet_machine_shows_is_no_reason(interference: Interference) -> None:
    assert reasons(beside(interference)) == ["valid"]


def test_a_busy_loop_on_two_cores_is_seen_and_a_quiet_machine_is_not_accused() -> None:
    def with_load(share: float) -> Interference:
        return Interference(other_cpu_s=share * 0.5 * 2, steal_s=0.0, involuntary_switches=900)

    assert reasons(beside(with_load(0.01))) == ["valid"]
    busy = decide_verdict(Config(), Outcome(kind="ok"), beside(with_load(0.5)), (), MACHINE)
    assert busy.reasons == (Notice(kind="other_load", facts={"share": 0.5, "limit": 0.05}),)


def test_ticks_cancel_over_many_short_rounds() -> None:
    """/proc/stat counts in 10 ms: a round of 20 ms is off by half of that either way."""
    quiet = behaving(*REACHED * 3)
    rounds = tuple(
        Round(steps=1, images=1, wall_s=0.02, dispatch_s=None, interference=Interference(other_cpu_s=error))
        for error in (0.008, -0.008) * 100
    )
    noisy = Samples(processes=tuple(structs.replace(process, rounds=rounds) for process in quiet.processes))
    assert reasons(noisy) == ["valid"]


def test_only_rounds_that_count_are_looked_at() -> None:
    loud = Round(steps=1, images=16, wall_s=1.0, dispatch_s=None, interference=Interference(other_cpu_s=1.0))
    process = ProcessSamples(
        process=0,
        rounds=(*(loud,) * 5, *(ROUND,) * 15),
        steady=Steadiness(kind="reached", from_round=5),
        first_counted_round=5,
    )
    assert reasons(Samples(processes=(process,) * 3)) == ["valid"]
    assert reasons(Samples(processes=(structs.replace(process, first_counted_round=0),) * 3))[2] == "other_load"


def test_a_clock_that_moves_on_the_gpu_is_a_reason() -> None:
    def at(*mhz: int) -> Samples:
        rounds = tuple(
            Round(steps=1, images=1, wall_s=1.0, dispatch_s=None, interference=Interference(gpu_clock_hz=clock * 1e6))
            for clock in mhz
        )
        steady = Steadiness(kind="reached", from_round=0)
        return Samples(processes=(ProcessSamples(process=0, rounds=rounds, steady=steady),) * 3)

    assert reasons(at(*[1900, 1980] * 5)) == ["valid"]
    assert reasons(at(*[1700, 1980] * 5)) == ["provisional", "gpu_clock_moved"]


def test_an_interval_below_the_noise_floor_is_noted_but_is_no_reason() -> None:
    quiet = samples()  # three processes of exactly the same speed: an interval of no width
    known, unknown = (
        decide_verdict(Config(), Outcome(kind="ok"), quiet, (), MACHINE, noise_floor=f) for f in (0.02, None)
    )
    assert known.kind == unknown.kind == "valid"
    assert unknown.notes == ()
    assert known.notes == (Notice(kind="interval_below_noise", facts={"resolution": 0.0, "floor": 0.02}),)


def test_an_interval_above_the_noise_floor_and_a_single_process_are_not_noted() -> None:
    for measured in (with_one_slower(1.02), samples(processes=1)):
        assert decide_verdict(Config(), Outcome(kind="ok"), measured, (), MACHINE, noise_floor=0.02).notes == ()


def test_processes_that_came_apart_are_noted_but_are_no_reason() -> None:
    judged = decide_verdict(Config(), Outcome(kind="ok"), with_one_slower(1.2), (), MACHINE)
    assert judged.kind == "valid"
    (note,) = judged.notes
    assert (note.kind, note.facts["processes"]) == ("interval_wide", 3)
    assert float(str(note.facts["resolution"])) > 0.2


def with_one_slower(times: float) -> Samples:
    """Three processes, the first of which takes `times` as long."""
    first, *others = samples().processes
    slower = structs.replace(ROUND, wall_s=ROUND.wall_s * times)
    return Samples(processes=(structs.replace(first, rounds=(slower,) * 8), *others))


def test_a_cache_that_was_left_out_is_a_reason() -> None:
    left_out = Notice(kind="cache_over_budget", facts={"cache": "records", "budget_bytes": 1, "needed_bytes": 2})
    judged = decide_verdict(Config(), Outcome(kind="ok"), samples(), (left_out,), MACHINE)
    assert (judged.kind, judged.reasons) == ("provisional", (left_out,))


def test_a_wide_interval_below_the_noise_floor_gets_both_notes() -> None:
    judged = decide_verdict(Config(), Outcome(kind="ok"), with_one_slower(1.2), (), MACHINE, noise_floor=5.0)
    assert [note.kind for note in judged.notes] == ["interval_wide", "interval_below_noise"]
