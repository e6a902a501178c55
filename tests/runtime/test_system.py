"""Readings of the operating system, from faked files."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_bench.runtime.system import (
    SystemFacts,
    container,
    gpu_profiling_restricted,
    has_sys_admin,
    perf_event_paranoid,
    read_system,
)
from tests.support.fake_host import write

CPU = "/sys/devices/system/cpu"


def test_a_system_is_described_from_its_files(tmp_path: Path) -> None:
    files = {
        f"{CPU}/online": "0-3,8-11\n",
        f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave",
        f"{CPU}/cpu1/cpufreq/scaling_governor": "powersave",
        f"{CPU}/intel_pstate/no_turbo": "1",
        f"{CPU}/cpu0/cache/index2/level": "2",
        f"{CPU}/cpu0/cache/index2/size": "2048K",
        f"{CPU}/cpu0/cache/index3/level": "3",
        f"{CPU}/cpu0/cache/index3/size": "32M",
        "/sys/devices/system/node/node0/cpulist": "0-3",
        "/sys/devices/system/node/node1/cpulist": "8-11",
        "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    }
    assert read_system(write(tmp_path, files), cpus=(0, 1)) == SystemFacts(
        cpus_online=8,
        governor="powersave",
        turbo=False,
        last_level_cache_bytes=32 * 2**20,
        numa_nodes=2,
        transparent_hugepages="madvise",
    )


def test_processors_under_different_governors_name_them_all(tmp_path: Path) -> None:
    files = {f"{CPU}/cpu{n}/cpufreq/scaling_governor": name for n, name in enumerate(("powersave", "performance"))}
    assert read_system(write(tmp_path, files), cpus=(0, 1)).governor == "performance,powersave"


@pytest.mark.parametrize(("boost", "turbo"), [("1", True), ("0", False)])
def test_turbo_is_called_boost_elsewhere(tmp_path: Path, boost: str, turbo: bool) -> None:
    assert read_system(write(tmp_path, {f"{CPU}/cpufreq/boost": boost})).turbo is turbo


def test_what_a_system_does_not_tell_is_none(tmp_path: Path) -> None:
    assert read_system(tmp_path) == SystemFacts()
    assert gpu_profiling_restricted(tmp_path) is None
    assert has_sys_admin(tmp_path) is None
    assert perf_event_paranoid(tmp_path) is None
    assert container(tmp_path, {}) is None


@pytest.mark.parametrize(
    ("files", "environ", "kind"),
    [
        ({"/.dockerenv": ""}, {}, "docker"),
        ({"/run/.containerenv": ""}, {}, "podman"),
        ({"/.dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({"/proc/self/cgroup": "0::/lxc/box"}, {}, "lxc"),
        ({"/proc/self/cgroup": "0::/user.slice"}, {}, None),
    ],
)
def test_containers_are_recognised_by_their_traces(
    tmp_path: Path, files: dict[str, str], environ: dict[str, str], kind: str | None
) -> None:
    assert container(write(tmp_path, files), environ) == kind


@pytest.mark.parametrize(("value", "restricted"), [("1", True), ("0", False)])
def test_the_driver_tells_whether_gpu_counters_are_restricted(tmp_path: Path, value: str, restricted: bool) -> None:
    write(tmp_path, {"/proc/driver/nvidia/params": f"EnableMSI: 1\nRmProfilingAdminOnly: {value}\n"})
    assert gpu_profiling_restricted(tmp_path) is restricted


@pytest.mark.parametrize(("mask", "admin"), [("000001ffffffffff", True), ("00000000a80425fb", False)])
def test_privileges_are_read_from_the_effective_capabilities(tmp_path: Path, mask: str, admin: bool) -> None:
    write(tmp_path, {"/proc/self/status": f"Name: x\nCapEff:\t{mask}\n"})
    assert has_sys_admin(tmp_path) is admin
