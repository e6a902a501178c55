"""Interference between two moments, and memory peaks, from faked and from real files."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_bench.records.machine import Machine
from resnet_bench.records.run import Interference
from resnet_bench.runtime import telemetry
from resnet_bench.runtime.cpu import Threads
from resnet_bench.runtime.nvml import Monitor
from resnet_bench.runtime.state import Runtime
from resnet_bench.runtime.telemetry import OwnUsage, Probe
from tests.support.fake_host import cgroup_v2, write
from tests.support.fake_nvml import FakeNvml

CPU = Machine(device_kind="cpu", device="cpu", cpus=2)
GPU = Machine(device_kind="gpu", device="gpu:0", cpus=2)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' /proc")


def stat(user: int, steal: int, other: int) -> dict[str, str]:
    """/proc/stat of three processors, in ticks; the third is not ours. Guests' time repeats user's."""
    return {
        "/proc/stat": (
            f"cpu {user * 9} 0 0 0 0 0 0 0 0 0\n"
            f"cpu0 {user} 1 2 5000 70 3 4 {steal} {user} 0\n"
            f"cpu1 {user} 0 0 5000 0 0 0 0 0 0\n"
            f"cpu2 {other} 0 0 0 0 0 0 {other} 0 0\n"
            "intr 5\n"
        )
    }


def usages(*values: OwnUsage) -> Callable[[], OwnUsage]:
    remaining = iter(values)
    return lambda: next(remaining)


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="ticks per second are a POSIX figure")
def test_busy_stolen_and_throttled_time_are_differences_on_our_own_processors(tmp_path: Path) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    before = {"/sys/fs/cgroup/cpu.stat": "throttled_usec 1000000"}
    write(tmp_path, cgroup_v2("/") | before | stat(user=0, steal=0, other=0))
    usage = usages(OwnUsage(10.0, 5), OwnUsage(13.0, 12))
    probe = Probe(CPU, root=tmp_path, cpus=(0, 1), usage=usage)
    probe.begin()
    write(tmp_path, {"/sys/fs/cgroup/cpu.stat": "throttled_usec 1250000"})
    write(tmp_path, stat(user=2 * ticks, steal=ticks, other=50 * ticks))
    found = probe.end()
    assert found.steal_s == pytest.approx(1.0)
    assert found.involuntary_switches == 7
    assert found.throttled_s == pytest.approx(0.25)
    assert found.other_cpu_s == pytest.approx(4.0 - 3.0)
    assert found.cpu_s == pytest.approx(3.0)
    assert found.gpu_clock_hz is None


def test_others_time_keeps_its_sign_so_that_ticks_cancel_over_many_short_rounds(tmp_path: Path) -> None:
    write(tmp_path, stat(user=5, steal=0, other=0))
    probe = Probe(CPU, root=tmp_path, cpus=(0, 1), usage=usages(OwnUsage(0.0, 0), OwnUsage(0.5, 0)))
    probe.begin()
    assert probe.end().other_cpu_s == pytest.approx(-0.5)


def test_groups_throttled_at_the_same_time_count_once(tmp_path: Path) -> None:
    files = {"/sys/fs/cgroup/a/cpu.stat": "throttled_usec 0", "/sys/fs/cgroup/cpu.stat": "throttled_usec 0"}
    probe = Probe(CPU, root=write(tmp_path, cgroup_v2("/a") | files))
    probe.begin()
    write(tmp_path, dict(zip(files, ("throttled_usec 300000", "throttled_usec 200000"), strict=True)))
    assert probe.end().throttled_s == pytest.approx(0.3)


def test_a_system_without_these_files_knows_only_its_own_time(tmp_path: Path) -> None:
    probe = Probe(CPU, root=tmp_path, usage=usages(OwnUsage(1.0, None), OwnUsage(2.0, None)))
    probe.begin()
    assert probe.end() == Interference(cpu_s=1.0)


def test_an_end_without_a_beginning_is_our_mistake(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="begin"):
        Probe(CPU, root=tmp_path).end()


def test_throttling_of_a_gpu_is_kept_from_either_end_of_the_block(tmp_path: Path) -> None:
    nvml = FakeNvml()
    monitor = Monitor.open(0, {}, nvml)
    probe = Probe(GPU, root=tmp_path, monitor=monitor)
    nvml.throttle = 0x40
    probe.begin()
    nvml.throttle = 0x1 | 0x4
    found = probe.end()
    assert found.gpu_throttle_reasons == ("hw_thermal_slowdown", "sw_power_cap")
    assert found.gpu_clock_hz == 1_200_000_000
    assert found.gpu_other_processes == 0


@LINUX
def test_the_real_process_uses_time_between_two_moments() -> None:
    probe = Probe(CPU)
    probe.begin()
    sum(i * i for i in range(200_000))
    found = probe.end()
    assert found.cpu_s is not None
    assert found.cpu_s > 0
    assert found.other_cpu_s is not None
    assert found.steal_s is not None
    assert found.gpu_clock_hz is None


@LINUX
def test_a_reset_peak_forgets_memory_that_was_freed() -> None:
    if not telemetry.reset_host_peak():
        pytest.skip("this kernel does not let a process reset its peak")
    block = bytearray(b"x" * (256 * 2**20))
    high = telemetry.host_peak_bytes()
    del block
    assert telemetry.reset_host_peak()
    low = telemetry.host_peak_bytes()
    assert high is not None
    assert low is not None
    assert high - low > 200 * 2**20


def test_a_peak_that_cannot_be_read_or_reset_is_none(tmp_path: Path) -> None:
    assert telemetry.reset_host_peak(tmp_path) is False
    assert telemetry.host_peak_bytes(tmp_path) is None


def test_the_peak_is_read_in_bytes(tmp_path: Path) -> None:
    write(tmp_path, {"/proc/self/status": "Name:\tx\nVmPeak:\t 999 kB\nVmHWM:\t   2072 kB\n"})
    assert telemetry.host_peak_bytes(tmp_path) == 2072 * 1024


def test_a_cpu_has_no_device_memory() -> None:
    rt = Runtime(
        machine=CPU,
        device="/CPU:0",
        threads=Threads(1, 1, 1),
        jit=False,
        policy="float32",
        loss_scaling=False,
        strategy=None,
    )
    assert telemetry.device_memory(rt) == (None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_the_age_of_a_process_follows_no_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    before = telemetry.process_age_s()
    monkeypatch.setattr(time, "time", lambda: -1e9)
    after = telemetry.process_age_s()
    assert before is not None
    assert after is not None
    assert 0 <= before <= after < before + 60


def test_the_age_of_a_process_is_unknown_without_proc(tmp_path: Path) -> None:
    assert telemetry.process_age_s(tmp_path) is None
