"""From `--profile` to what the terminal says, through fake workers."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from rich.console import Console

from resnet_bench.cli import group
from resnet_bench.config.options import parse_args
from resnet_bench.experiments import budget
from resnet_bench.records.record import Record, trace_folder
from resnet_bench.report.terminal import profile, text
from tests.cli.test_commands import fake  # noqa: F401
from tests.experiments.test_run import kinds, run

SHORT = "--mode infer --processes 1 --rounds 3 --steps 2 --latency-samples 0"


def shown(renderable: object, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(renderable)
    return out.getvalue()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def profiled(output: Path) -> Record:
    return run(f"{SHORT} --output {output} --profile")


def test_a_trace_is_asked_for_by_a_flag_with_or_without_a_folder() -> None:
    assert parse_args([])[0].output.profile is None
    assert parse_args(["--profile", "--json"])[0].output.profile == "auto"
    assert parse_args(["--profile", "there"])[0].output.profile == "there"
    assert parse_args(["--profile=there"])[0].output.profile == "there"


def test_the_trace_lies_in_the_output_folder_and_the_saved_record_names_it_from_there(
    output: Path, tmp_path: Path, profiled: Record
) -> None:
    path = profiled.save(output)
    record = Record.load(path)
    assert record.trace is not None
    assert record.trace.path.startswith("profiles/20")
    folder = trace_folder(path, record)
    assert folder is not None
    assert (folder / "host.xplane.pb").read_bytes() == b"trace"
    moved = output.rename(tmp_path / "moved") / path.name
    assert (trace_folder(moved, Record.load(moved)) or Path()).is_relative_to(tmp_path / "moved")
    assert list((trace_folder(moved, Record.load(moved)) or Path()).iterdir())


def test_a_trace_elsewhere_is_named_in_full_and_holds_the_steps_that_were_asked_for(tmp_path: Path) -> None:
    record = run(f"{SHORT} --output {tmp_path}/runs --profile {tmp_path}/traces --profile-steps 7")
    path = record.save(tmp_path / "runs")
    folder = trace_folder(path, Record.load(path))
    assert folder is not None
    assert folder.is_relative_to(tmp_path / "traces")
    assert (record.trace or pytest.fail("no trace")).steps == 7


def test_without_the_flag_there_is_no_trace() -> None:
    record = run(SHORT)
    assert (record.trace, record.profile) == (None, None)
    assert "profile" not in shown(text.render(record))


def test_one_process_is_profiled_and_none_has_fewer_rounds(tmp_path: Path) -> None:
    words = "--mode infer --rounds 8 --steps 2 --latency-samples 0 --processes 2 --profile"
    record = run(f"{words} --output {tmp_path}", STEP_S="0.5")
    assert (record.outcome.kind, [len(one.rounds) for one in record.samples.processes]) == ("ok", [8, 8])
    assert record.trace is not None
    assert record.trace.steps == budget.profiled_calls(0.5)


@pytest.mark.parametrize(("call_s", "calls"), [(0.001, 10), (0.4, 5), (10.0, 3), (math.inf, 3)])
def test_a_profile_holds_about_two_seconds(call_s: float, calls: int) -> None:
    assert budget.profiled_calls(call_s) == calls


def test_a_trace_that_cannot_be_summed_up_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    record = run(f"{SHORT} --output {tmp_path} --profile", "crash:profile summary")
    assert record.outcome.kind == "ok"
    assert record.trace is not None
    assert record.profile is None
    assert "profile_unread" in kinds(record.warnings)
    assert "could not be summarized: The worker crashed" in shown(text.render(record)).replace("\n  ", "")


def test_the_block_says_where_a_step_went_and_what_profiling_cost(profiled: Record) -> None:
    words = " ".join(shown(text.render(profiled, Path("runs/one.json"))).split())
    assert "10 steps in 5.00 B, host only" in words
    assert "CPU operations 70.0 ms, waiting for input 20.0 ms, idle and dispatch 10.0 ms of 100 ms" in words
    assert "convolutions 80 %, batch norm 15 %, layout changes 0 %, copies 0 %" in words
    assert "25 % of the time in convolutions and matmuls" in words
    assert "+10.0% step time under the profiler (+5.0% to +15.0%, 95 %), 3 interleaved pairs" in words
    assert "Conv2D 60.0 ms 80 % 53 " in words
    assert "net/conv1_conv/x" not in words
    wide = " ".join(shown(text.render(profiled), width=140).split())
    assert "Conv2D 60.0 ms 80 % 53 net/conv1_conv/x" in wide
    assert "DecodeJpeg (input) 500 ms 100 % 9 decode" in wide
    assert "bench-cli tensorboard runs/one.json" in words


def test_what_was_not_observed_is_left_out(profiled: Record) -> None:
    assert profiled.trace is not None
    assert profiled.profile is not None
    unknown = replace(
        profiled.profile, step_s=None, batch_norm_share=None, compute_16bit_share=None, peak_bytes=None, overhead=None
    )
    words = shown(profile.block(profiled.trace, unknown))
    for name in ("step split", "batch norm", "16-bit", "peak memory", "overhead", "None"):
        assert name not in words
    assert "convolutions 80 %" in words
    assert "host and GPU" in shown(profile.block(replace(profiled.trace, device_traced=True), None))


@pytest.mark.usefixtures("fake")
def test_the_profile_command_is_a_short_run_that_prints_the_profile(tmp_path: Path) -> None:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(group, ["profile", "--mode", "infer", "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    (path,) = tmp_path.glob("*.json")
    record = Record.load(path)
    assert len(record.samples.processes) == 1
    assert len(record.samples.processes[0].rounds) == 5
    assert record.config.given == ("mode", "output")
    assert "Conv2D" in done.stdout
    assert f"bench-cli tensorboard {path}" in done.stdout
    assert "img/s" not in done.stdout


@pytest.mark.usefixtures("fake")
def test_the_profile_command_passes_on_how_a_run_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCENARIO", "data:data")
    done = CliRunner(env={"COLUMNS": "200"}).invoke(group, ["profile", "--output", str(tmp_path)])
    assert done.exit_code == 3
    assert "shard-0 record 3 is corrupt" in done.stdout
