"""The untimed pass after a run, through a fake worker: what it adds, what it may cost, and what it cannot spoil."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_bench.config import Config
from resnet_bench.config.options import parse_args
from resnet_bench.experiments import evidence_pass
from resnet_bench.experiments import run as session
from resnet_bench.experiments.findings import Findings
from resnet_bench.experiments.progress import RunObserver
from resnet_bench.records.evidence import OptionCheck
from resnet_bench.records.record import Record
from resnet_bench.records.run import ColdStart
from resnet_bench.worker.interface import Worker
from tests.support.fake_evidence import ARTEFACT
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]
SHORT = "--processes 1 --rounds 3 --steps 1 --warmup 2 --latency-samples 0"


class Phases(RunObserver):
    """Remembers the phases."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def phase(self, name: str) -> None:
        self.seen.append(name)


def run(words: str = "", scenario: str = "ok", observer: Phases | None = None, keep: Path | None = None) -> Record:
    output = [] if keep is None else ["--output", str(keep)]
    config, given = parse_args([*f"{SHORT} {words}".split(), *output])

    def new_worker() -> Worker:
        return InProcessWorker(SCENARIO=scenario)

    return session.run(config, given, observer, new_worker=new_worker, keep=keep is not None)


def claims(found: Record) -> dict[str, OptionCheck]:
    return {check.name: check for check in found.evidence}


def test_after_the_timed_rounds_a_process_of_its_own_shows_what_ran() -> None:
    watcher = Phases()
    found = run(observer=watcher)
    assert claims(found)["batch_norm"].holds == "true"
    assert claims(found)["stable_graph"].holds == "true"
    assert found.output_error is not None
    assert watcher.seen.index("timed") < watcher.seen.index("untimed pass: attest")


def test_artefacts_lie_in_a_folder_named_after_the_record(tmp_path: Path) -> None:
    found = run(keep=tmp_path)
    path = found.save(tmp_path)
    source = claims(found)["convolutions"].source
    assert source == f"{path.stem}/{ARTEFACT}"
    assert (tmp_path / source).is_file()


def test_a_run_that_saves_nothing_keeps_no_artefacts_and_says_so() -> None:
    assert claims(run())["convolutions"].source == f"{ARTEFACT} (not kept)"


def test_without_the_pass_the_claims_that_cost_nothing_remain() -> None:
    watcher = Phases()
    found = run("--evidence off", observer=watcher)
    assert not [phase for phase in watcher.seen if "untimed" in phase]
    assert claims(found)["stable_graph"].holds == "true"
    assert claims(found)["batch_norm"].holds is None
    assert found.warnings == ()


def test_a_pass_that_does_not_fit_is_left_out_and_said() -> None:
    found = run("--max-time 20")
    (notice,) = [notice for notice in found.warnings if notice.kind == "evidence_cut"]
    assert notice.facts["what"] == "option verification"
    assert claims(found)["batch_norm"].holds is None
    assert found.outcome.kind == "ok"


@pytest.mark.parametrize("scenario", ["crash:attest", "kill:attest", "data:attest"])
def test_a_pass_that_fails_spoils_nothing(scenario: str) -> None:
    found = run(scenario=scenario)
    assert found.outcome.kind == "ok"
    assert found.summary is not None
    assert [notice.kind for notice in found.warnings] == ["evidence_failed"]


def test_what_the_pass_refutes_decides_the_verdict() -> None:
    named, default = run("--batch-norm fused", "unfused"), run("", "unfused")
    assert [reason.kind for reason in named.verdict.reasons] == ["option_without_effect"]
    assert (named.verdict.kind, default.verdict.kind) == ("invalid", "provisional")
    assert claims(default)["batch_norm"].holds == "false"
    assert "option_without_effect" not in [reason.kind for reason in default.verdict.reasons]


def test_a_retrace_in_the_timed_window_is_a_reason() -> None:
    assert "promise_broken" in [reason.kind for reason in run("--evidence off", "retrace").verdict.reasons]


def test_the_input_pipeline_alone_needs_no_pass() -> None:
    watcher = Phases()
    run("--mode input", observer=watcher)
    assert not [phase for phase in watcher.seen if "untimed" in phase]


def test_full_keeps_time_for_the_pass_and_auto_keeps_none() -> None:
    config: Config = parse_args(["--evidence", "full", "--max-time", "100"])[0]
    assert evidence_pass.reserved_s(Findings(config)) == 30
    assert evidence_pass.reserved_s(Findings(Config())) == 0


def test_the_pass_is_expected_to_take_longer_than_the_start_it_repeats() -> None:
    cold = ColdStart(process_s=1, import_s=4, start_s=1, data_s=1, build_s=2, trace_s=3, first_step_s=5)
    pass_s, parity_s = evidence_pass.needed_s(cold, step_s=2)
    assert pass_s == 1.5 * 17 + 2 * 2 * 2
    assert parity_s == 2 * 10
