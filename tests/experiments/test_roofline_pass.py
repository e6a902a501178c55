"""The pass that measures peaks: within the budget, after the timed processes, and without effect on them."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from resnet_bench.config.options import parse_args
from resnet_bench.errors import ConfigError
from resnet_bench.experiments import roofline_pass
from resnet_bench.experiments.findings import Findings
from resnet_bench.records.run import ColdStart, ProcessSamples, Round
from resnet_bench.runtime.energy import IdleWatch, Rapl
from tests.experiments.test_run import kinds, run


def test_a_run_is_compared_with_measured_peaks() -> None:
    record = run("--rounds 3 --steps 2 --processes 1 --roofline", STEP_S="0.5")
    found = record.roofline
    assert found is not None
    assert found.dtype == "float32"
    assert found.peak_bytes_per_s == 20e9
    assert found.mfu == pytest.approx(found.step_flops / 0.5 / 600e9)
    assert found.groups[-1].name == "optimizer"


def test_without_the_option_no_roof_is_measured() -> None:
    assert run("--rounds 3 --steps 2 --processes 1").roofline is None


def test_the_input_pipeline_alone_has_no_roofline() -> None:
    with pytest.raises(ConfigError, match="--mode input builds none"):
        parse_args(["--mode", "input", "--roofline"])


def test_a_failing_pass_is_told_and_spoils_nothing() -> None:
    record = run("--rounds 3 --steps 2 --processes 1 --roofline", scenario="error:peaks")
    assert record.outcome.kind == "ok"
    assert record.summary is not None
    assert record.roofline is None
    assert "roofline_failed" in kinds(record.warnings)


def test_a_rate_beyond_the_measured_peaks_is_invalid() -> None:
    record = run("--rounds 3 --steps 2 --processes 1 --roofline", STEP_S="0.01")
    assert record.roofline is not None
    assert record.roofline.mfu is not None
    assert record.roofline.mfu > 1
    assert "faster_than_peaks" in kinds(record.warnings)
    assert record.verdict.kind == "invalid"
    assert "faster_than_peaks" in kinds(record.verdict.reasons)
    near = replace(record.roofline, mfu=1.1)
    assert [notice.kind for notice in roofline_pass.doubts(near)] == ["roofs_too_low"]
    assert roofline_pass.doubts(replace(near, mfu=0.9, step_limit_s=0.0)) == ()


def test_time_is_kept_for_the_pass_only_where_it_was_asked_for() -> None:
    asked, _ = parse_args(["--roofline", "--max-time", "60"])
    assert roofline_pass.reserved_s(Findings(asked)) == pytest.approx(15)
    assert roofline_pass.reserved_s(Findings(parse_args([])[0])) == 0


def test_a_pass_that_does_not_fit_is_left_out_and_says_so() -> None:
    config, _ = parse_args(["--roofline"])
    found = Findings(config, resolved=config)
    one = Round(steps=1, images=1, wall_s=1.0, dispatch_s=None)
    found.processes.append(ProcessSamples(process=0, cold_start=ColdStart(import_s=5.0), rounds=(one,)))

    def none() -> None:
        raise AssertionError("no process is started")

    roofline_pass.run(found, None, time.monotonic() + 6.0, none)  # type: ignore[arg-type]
    assert kinds(tuple(found.notices)) == {"roofline_cut"}
    assert found.peaks is None


def test_a_run_without_counters_says_why_it_has_no_energy() -> None:
    from resnet_bench.experiments import run as session
    from resnet_bench.runtime.energy import Absent
    from tests.support.in_process import InProcessWorker

    config, given = parse_args(["--rounds", "3", "--steps", "2", "--processes", "1", "--device", "cpu"])

    def energy(watch: IdleWatch) -> object:
        new_worker = InProcessWorker
        return session.run(config, given, new_worker=new_worker, idle=watch).energy

    absent = energy(IdleWatch(lambda _: Absent("a virtual machine")))
    assert (absent.status, absent.why) == ("unavailable", "a virtual machine")  # type: ignore[attr-defined]
    unread = energy(IdleWatch(lambda _: Rapl((), ()), lambda _: 10.0))
    assert unread.why == "the counter could not be read in every round"  # type: ignore[attr-defined]
