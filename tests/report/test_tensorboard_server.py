"""`bench-cli tensorboard` from a real trace to what Chromium shows: nothing here is faked but the second record."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from resnet_bench.cli import group
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.records.record import Record, trace_folder
from resnet_bench.report.export import tensorboard_server
from tests.test_end_to_end import TINY

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page, Response

ROOT = Path(__file__).parents[2]
STEPS = 4
CONVOLUTION = "conv1_conv"


def bench_cli(*words: str) -> list[str]:
    return [sys.executable, "-c", "from resnet_bench.cli import main; main()", *words]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two records that differ in their batch; one holds a trace of a real worker's steps."""
    folder = tmp_path_factory.mktemp("runs")
    words = f"profile {TINY} --rounds 3 --steps 2 --warmup 2 --profile-steps {STEPS} --max-time 120".split()
    done = subprocess.run(
        bench_cli(*words, "--output", str(folder)),
        cwd=ROOT,
        env={**os.environ, "RESNET_BENCH_CACHE": str(tmp_path_factory.mktemp("cache"))},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.json")
    assert f"bench-cli tensorboard {path}" in done.stdout.replace("\n", "").replace("  ", "")
    first = Record.load(path)
    config = first.config.requested
    other = replace(config, step=replace(config.step, batch_size=8))
    replace(first, id="f" * 32, config=replace(first.config, requested=other), trace=None, profile=None).save(folder)
    return folder


@pytest.fixture(scope="module")
def traced(runs: Path) -> tuple[Path, Record]:
    return next((path, record) for path in runs.glob("*.json") if (record := Record.load(path)).trace)


@dataclass(frozen=True)
class Served:
    """A running `bench-cli tensorboard`: its address, its process and where its temporary folders are."""

    address: str
    process: subprocess.Popen[str]
    temporary: Path


@pytest.fixture(scope="module")
def served(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """TensorBoard on both records; at the end Ctrl-C leaves neither process nor folder."""
    temporary = tmp_path_factory.mktemp("temporary")
    process = subprocess.Popen(
        bench_cli("tensorboard", str(runs), "--port", "0"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    assert found, line + process.stderr.read()
    assert "2 records, 1 trace" in line
    yield Served(found[0], process, temporary)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "", "")
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(found[0], timeout=5)
    assert list(temporary.glob("resnet-bench-*")) == []


# The trace itself, as the record tells it


def test_the_record_links_its_trace_and_says_where_the_time_went(traced: tuple[Path, Record]) -> None:
    path, record = traced
    trace, summary = record.trace, record.profile
    assert trace is not None
    assert summary is not None
    assert not Path(trace.path).is_absolute()
    folder = trace_folder(path, record)
    assert folder is not None
    (file,) = folder.glob("*.xplane.pb")
    assert (trace.steps, trace.bytes) == (STEPS, file.stat().st_size)
    assert len(trace.turns) >= 3
    assert summary.overhead is not None
    assert summary.step_s is not None
    parts = (summary.device_s, summary.host_s, summary.input_s, summary.idle_s)
    assert sum(part for part in parts if part is not None) == pytest.approx(summary.step_s)
    assert record.model is not None
    forward = [each for each in summary.operations if re.fullmatch(r"(_Mkl(Native)?)?Conv2D", each.kind)]
    assert [each.occurrences for each in forward] == [STEPS * record.model.convolutions]
    assert 0 < (summary.convolution_share or 0) < 1
    assert 0 < (summary.batch_norm_share or 0) < 1
    assert not summary.compute_16bit_share  # 0, or unknown where no allocation was large enough to be traced
    assert not [notice for notice in record.warnings if notice.kind.startswith("profile_")]


# What TensorBoard makes of it


def data(response: Response) -> Any:
    assert response.ok
    return json.loads(response.text())


def open_tool(page: Page, served: Served, traced: tuple[Path, Record], tool: str) -> tuple[Frame, Any]:
    """The frame of one of XProf's tools on the trace, and the data that it asked for."""
    path, record = traced
    folder = trace_folder(path, record)
    assert folder is not None
    run = quote(f"{path.stem}/{folder.name}", safe="")
    wanted = re.compile(rf"/data/plugin/profile/data\?.*tag={tool.replace('@', '(@|%40)')}(&|$)")
    with page.expect_response(wanted) as response:
        page.goto(f"{served.address}?run={run}&tag={quote(tool)}#profile")
    page.wait_for_selector("iframe")
    frame = next(frame for frame in page.frames if "/plugin/profile/" in frame.url)
    return frame, data(response.value)


def shows(frame: Frame | Page, text: str | re.Pattern[str]) -> None:
    """Wait until the page shows the text."""
    frame.get_by_text(text).first.wait_for(state="visible")


def test_the_profile_tab_shows_this_run_and_its_steps(
    page: Page, refused: list[str], served: Served, traced: tuple[Path, Record]
) -> None:
    pytest.importorskip("xprof")
    frame, tables = open_tool(page, served, traced, "overview_page")
    shows(frame, traced[0].stem)
    shows(frame, "Performance Summary")
    shows(frame, "Host Compute Time")
    assert [row["c"][0]["v"] for row in tables[1]["rows"]] == [f"step {number}" for number in range(STEPS)]
    # XProf draws charts with a library that browsers fetch from afar; that is all it asks for.
    assert {re.sub(r"^https://([^/]+).*", r"\1", address) for address in refused} <= {
        "www.gstatic.com",
        "www.gstatic.cn",
        "fonts.googleapis.com",
        "fonts.gstatic.com",
    }


def test_the_operation_statistics_name_the_first_convolution(
    page: Page, served: Served, traced: tuple[Path, Record]
) -> None:
    pytest.importorskip("xprof")
    frame, tables = open_tool(page, served, traced, "framework_op_stats")
    shows(frame, "Framework Operations")
    names = [column["id"] for column in tables[0]["cols"]]
    operations = [dict(zip(names, (cell["v"] for cell in row["c"]), strict=True)) for row in tables[0]["rows"]]
    assert any(CONVOLUTION in each["operation"] and "Conv2D" in each["type"] for each in operations)


def test_the_trace_viewer_shows_every_step(page: Page, served: Served, traced: tuple[Path, Record]) -> None:
    pytest.importorskip("xprof")
    _, trace = open_tool(page, served, traced, "trace_viewer@")
    names = [event.get("name", "") for event in trace["traceEvents"]]
    assert sorted(name for name in names if re.fullmatch(r"step \d+", name)) == [f"step {n}" for n in range(STEPS)]
    # The viewer asks for an operation's full name when it is clicked on; until then it shows the type.
    assert len([name for name in names if re.fullmatch(r"(_Mkl(Native)?)?Conv2D", name)]) >= STEPS
    viewer = page.frame_locator("iframe").frame_locator("iframe")
    viewer.get_by_text(re.compile("tf_Compute")).first.wait_for(state="visible")


def test_hparams_compares_the_two_runs(page: Page, refused: list[str], served: Served) -> None:
    page.goto(f"{served.address}#hparams")
    shows(page, "throughput [img/s]")
    shows(page, "batch_size")
    for batch in ("4.0000", "8.0000"):
        shows(page, batch)
    assert refused == []


def test_the_rounds_are_time_series_with_the_warm_up_apart(
    page: Page, refused: list[str], served: Served, traced: tuple[Path, Record]
) -> None:
    page.goto(f"{served.address}#timeseries")
    shows(page, "rounds")
    shows(page, f"{traced[0].stem}/process 0/timed")
    shows(page, f"{traced[0].stem}/process 0/warm-up")
    assert refused == []


# What goes wrong


def test_a_port_that_is_taken_is_refused_by_name_and_avoided_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind((tensorboard_server.HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"--port {taken} .* another program"):
            tensorboard_server.free_port(taken)
        monkeypatch.setattr(tensorboard_server, "USUAL_PORT", taken)
        assert tensorboard_server.free_port(None) not in (0, taken)
    assert tensorboard_server.free_port(0) > 0


def test_without_records_there_is_nothing_to_serve(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{}")
    done = CliRunner().invoke(group, ["tensorboard", str(tmp_path)])
    assert done.exit_code == 8
    assert "no.json is not a record" in done.stderr
    assert "nothing to show" in done.stderr


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((tensorboard_server.HOST, 0))
        other.listen()
        with (
            tensorboard_server.Server(tmp_path, other.getsockname()[1]) as server,
            pytest.raises(BenchError, match="did not start"),
        ):
            server.wait_until_ready()


def test_a_trace_that_is_gone_is_named_and_the_rest_is_shown(
    runs: Path, traced: tuple[Path, Record], tmp_path: Path
) -> None:
    path, record = traced
    moved = tmp_path / path.name
    moved.write_bytes(path.read_bytes())
    linked, missing = tensorboard_server.fill([(moved, record), (path, record)], tmp_path / "logdir")
    assert linked == 1
    assert missing == (trace_folder(moved, record),)
    assert list((tmp_path / "logdir").glob("*/events.out.tfevents.*"))
    del runs
