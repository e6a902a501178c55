"""A pytest plugin: the `resnet_bench` fixture and its command-line options.

It is installed with the package, so that its options are known before any conftest is read. A row's durations
come from its worker: the fixture runs the configuration, then replays the measured step times to
pytest-benchmark on a virtual clock, so that its table, JSON, histogram and comparison show what the record
holds. Every test that uses the fixture gets that clock, whatever its module declares.
"""

from __future__ import annotations

import io
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from resnet_bench import units

if TYPE_CHECKING:
    from resnet_bench.records.record import Record

DEFAULT_WORDS = "--processes 1 --max-time 65"
"""Four rows of at most 65 s end within 5 minutes; a preset replaces these words."""

FIXTURE = "resnet_bench"
"""The fixture's name: long, since the plugin is loaded in every project that has this package installed."""


class VirtualClock:
    """Callable like `time.perf_counter`; moves only by `advance`."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._now_s += seconds


CLOCK = VirtualClock()

_ROWS = pytest.StashKey[list[tuple[str, "Record"]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for every row."""
    group = parser.getgroup("resnet-bench")
    group.addoption("--bench-args", default="", metavar="WORDS", help="Options of bench-cli run, for every row.")
    group.addoption("--bench-preset", choices=["smoke", "standard", "strict"], help="Preset of every row.")
    group.addoption("--bench-device", metavar="DEVICE", help="auto, cpu, gpu or gpu:N, for every row.")
    group.addoption("--bench-profile", metavar="DIR", help="Leave a TensorBoard trace of each row in DIR.")
    group.addoption(
        "--bench-campaign", action="store_true", help="Run tests marked `campaign` too: hours of measuring."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and check the options before anything runs."""
    config.addinivalue_line("markers", "campaign: a measurement of many minutes; needs --bench-campaign")
    config.stash[_ROWS] = []
    if not any(config.getoption(name) for name in ("--bench-args", "--bench-preset", "--bench-device")):
        return
    from resnet_bench.config.options import parse_args
    from resnet_bench.errors import ConfigError

    try:
        parse_args(_common_words(config))
    except ConfigError as error:
        raise pytest.UsageError(f"--bench-args: {error}") from error


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each row the virtual clock, and skip campaigns that were not asked for."""
    skip = pytest.mark.skip(reason="a campaign of many minutes: add --bench-campaign")
    benchmarks = config.pluginmanager.hasplugin("benchmark")
    for item in items:
        if benchmarks and FIXTURE in getattr(item, "fixturenames", ()):
            _use_virtual_clock(item)
        if item.get_closest_marker("campaign") and not config.getoption("--bench-campaign"):
            item.add_marker(skip)


def _use_virtual_clock(item: pytest.Item) -> None:
    """pytest-benchmark reads the closest `benchmark` marker alone: keep what that says, and add the clock."""
    closest = item.get_closest_marker("benchmark")
    item.add_marker(pytest.mark.benchmark(**{**(closest.kwargs if closest else {}), "timer": CLOCK}), append=False)


def _common_words(config: pytest.Config) -> list[str]:
    preset, device = config.getoption("--bench-preset"), config.getoption("--bench-device")
    words = shlex.split(f"--preset {preset}" if preset else DEFAULT_WORDS)
    if device:
        words += ["--device", device]
    try:
        return words + shlex.split(config.getoption("--bench-args"))
    except ValueError as error:
        raise pytest.UsageError(f"--bench-args {config.getoption('--bench-args')!r}: {error}.") from error


@pytest.fixture(name=f"_{FIXTURE}_clock")
def _virtual_clock(request: pytest.FixtureRequest) -> None:
    """For a test that asks by `getfixturevalue` alone; it comes before `benchmark`, which reads its marker once."""
    if request.config.pluginmanager.hasplugin("benchmark"):
        _use_virtual_clock(request.node)


@pytest.fixture(name=FIXTURE)
def resnet_bench_fixture(
    request: pytest.FixtureRequest, _resnet_bench_clock: None, benchmark: Any
) -> Callable[[str], Record]:
    """Run one configuration in its own worker and make it a row of pytest-benchmark's table.

    Takes options of `bench-cli run` as one string and returns the record, which is saved as well. Fails the
    test where the run failed, or where `--require-valid` is among the options and the verdict is not valid.
    """
    from resnet_bench.config.options import parse_args, with_values
    from resnet_bench.experiments import run as session

    if getattr(benchmark, "_timer", CLOCK) is not CLOCK:
        pytest.fail(f"Ask for {FIXTURE} before benchmark: that one already has a clock of its own.", pytrace=False)

    def run(words: str) -> Record:
        config, given = parse_args(shlex.split(words) + _common_words(request.config))
        profile = request.config.getoption("--bench-profile")
        if profile:
            config = with_values(config, {"profile": str(Path(profile) / request.node.name)})
        record = session.run(config, given, keep=True)
        path = record.save(Path(config.output.output))
        if record.summary is None or record.outcome.kind != "ok":
            pytest.fail(f"{record.outcome.message} {record.outcome.remedy} Record: {path}", pytrace=False)
        if config.output.require_valid and record.verdict.kind != "valid":
            reasons = " ".join(reason.message for reason in record.verdict.reasons)
            pytest.fail(
                f"--require-valid: the verdict is {record.verdict.kind}. {reasons} Record: {path}", pytrace=False
            )
        benchmark.group = benchmark.group or config.step.mode
        benchmark.extra_info.update(_extra_info(record, path))
        _play(benchmark, record)
        request.config.stash[_ROWS].append((request.node.name, record))
        return record

    return run


def _play(benchmark: Any, record: Record) -> None:
    """Replay the mean step time of each counted round, as if pytest-benchmark had timed it itself."""
    steps_s = [one.wall_s / one.steps for process in record.samples.processes for one in process.counted]
    played = iter(steps_s)
    benchmark.pedantic(lambda: CLOCK.advance(next(played)), rounds=len(steps_s), iterations=1)


def _extra_info(record: Record, path: Path) -> dict[str, Any]:
    from resnet_bench.analysis.summary import PERCENTILES

    summary = record.summary
    assert summary is not None
    latency = summary.step_latency_s
    percentiles = {f"p{p:g}": getattr(latency, f"p{p:g}") if latency else None for p in PERCENTILES}
    return {
        "images_per_s": summary.images_per_s.value,
        "images_per_s_low": summary.images_per_s.low,
        "images_per_s_high": summary.images_per_s.high,
        **{f"step_latency_{name}_s": each.value if each else None for name, each in percentiles.items()},
        "peak_host_bytes": summary.peak_host_bytes,
        "peak_device_bytes": summary.peak_device_bytes,
        "verdict": record.verdict.kind,
        "reasons": [reason.message for reason in record.verdict.reasons],
        "warnings": [warning.message for warning in record.warnings],
        "record": str(path),
    }


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Images per second, latency, memory and verdict of each row: columns that pytest-benchmark lacks."""
    rows = config.stash[_ROWS]
    if not rows:
        return
    from rich.table import Table

    from resnet_bench.report.terminal.rich_text import add_row, console

    terminalreporter.section("resnet-bench")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("row", "img/s", "p50", "p90", "p99", "peak host", "peak device", "verdict"):
        table.add_column(name, justify="left" if name in ("row", "verdict") else "right", overflow="fold")
    for name, record in rows:
        add_row(table, name, *_cells(record))
    text = io.StringIO()
    screen = console(file=text, width=110, force_terminal=terminalreporter.hasmarkup)
    screen.print(table)
    said: dict[str, list[str]] = {}
    for name, record in rows:
        for words in dict.fromkeys(notice.message for notice in (*record.verdict.reasons, *record.warnings)):
            said.setdefault(words, []).append(name)
    for words, names in said.items():
        who = "every row" if len(names) == len(rows) > 1 else ", ".join(names)
        screen.print(f"{who}: {words}", style="yellow")
    terminalreporter.write(text.getvalue())


def _cells(record: Record) -> list[str]:
    summary = record.summary
    assert summary is not None
    latency = summary.step_latency_s
    estimates = [getattr(latency, name) if latency else None for name in ("p50", "p90", "p99")]
    return [
        units.significant(summary.images_per_s.value),
        *(units.duration(each.value) if each else units.UNKNOWN for each in estimates),
        units.size(summary.peak_host_bytes),
        units.size(summary.peak_device_bytes),
        record.verdict.kind,
    ]
