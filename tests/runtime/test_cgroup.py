"""What control groups allow: the tightest ancestor binds, in both versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_bench.runtime import cgroup
from tests.support.fake_host import cgroup_v1, cgroup_v2, write


def test_nothing_is_limited_where_there_are_no_control_groups(tmp_path: Path) -> None:
    assert cgroup.quota_cpus(tmp_path) is None
    assert cgroup.memory_limit_bytes(tmp_path) is None
    assert cgroup.throttled_s(tmp_path) is None


@pytest.mark.parametrize(
    ("own", "parent", "top", "allowed"),
    [
        ("150000 100000", "max 100000", "max", 1.5),
        ("max 100000", "50000 100000", "max", 0.5),
        ("400000 100000", "300000 100000", "100000 50000", 2.0),
        ("max 100000", "max 100000", "max 100000", None),
    ],
)
def test_version_2_takes_the_smallest_quota_of_the_own_group_and_its_ancestors(
    tmp_path: Path, own: str, parent: str, top: str, allowed: float | None
) -> None:
    files = {
        "/sys/fs/cgroup/a/b/cpu.max": own,
        "/sys/fs/cgroup/a/cpu.max": parent,
        "/sys/fs/cgroup/cpu.max": top,
    }
    assert cgroup.quota_cpus(write(tmp_path, cgroup_v2("/a/b") | files)) == allowed


def test_version_1_reads_period_and_quota_and_walks_up(tmp_path: Path) -> None:
    base = "/sys/fs/cgroup/cpu,cpuacct"
    files = {
        f"{base}/a/b/cpu.cfs_quota_us": "-1",
        f"{base}/a/b/cpu.cfs_period_us": "100000",
        f"{base}/a/cpu.cfs_quota_us": "250000",
        f"{base}/a/cpu.cfs_period_us": "100000",
    }
    assert cgroup.quota_cpus(write(tmp_path, cgroup_v1("/a/b") | files)) == 2.5


def test_a_container_whose_mount_starts_at_its_own_group_reads_the_mount_itself(tmp_path: Path) -> None:
    files = {"/sys/fs/cgroup/cpu.max": "300000 100000"}
    write(tmp_path, cgroup_v2("/docker/abc", mount_root="/docker/abc") | files)
    assert cgroup.quota_cpus(tmp_path) == 3.0


def test_a_group_outside_the_namespace_falls_back_to_the_mount(tmp_path: Path) -> None:
    write(tmp_path, cgroup_v2("/../../other") | {"/sys/fs/cgroup/cpu.max": "100000 100000"})
    assert cgroup.quota_cpus(tmp_path) == 1.0


def test_memory_limits_ignore_the_number_that_means_unlimited(tmp_path: Path) -> None:
    base = "/sys/fs/cgroup/memory"
    files = {f"{base}/a/memory.limit_in_bytes": "9223372036854771712", f"{base}/memory.limit_in_bytes": "4096"}
    assert cgroup.memory_limit_bytes(write(tmp_path, cgroup_v1("/a") | files)) == 4096


def test_memory_of_version_2_may_be_unlimited(tmp_path: Path) -> None:
    files = {"/sys/fs/cgroup/a/memory.max": "max", "/sys/fs/cgroup/memory.max": "max"}
    assert cgroup.memory_limit_bytes(write(tmp_path, cgroup_v2("/a") | files)) is None


def test_throttled_time_is_read_in_seconds_for_each_group_in_both_versions(tmp_path: Path) -> None:
    two = {
        "/sys/fs/cgroup/a/cpu.stat": "usage_usec 5\nnr_throttled 2\nthrottled_usec 1500000",
        "/sys/fs/cgroup/cpu.stat": "usage_usec 9",
    }
    assert cgroup.throttled_s(write(tmp_path / "2", cgroup_v2("/a") | two)) == (1.5,)
    base = "/sys/fs/cgroup/cpu,cpuacct"
    one = {f"{base}/a/cpu.stat": "nr_throttled 1\nthrottled_time 250000000", f"{base}/cpu.stat": "throttled_time 0"}
    assert cgroup.throttled_s(write(tmp_path / "1", cgroup_v1("/a") | one)) == (0.25, 0.0)


def test_memory_left_is_what_the_tightest_group_still_grants(tmp_path: Path) -> None:
    folder = tmp_path / "sys/fs/cgroup/box"
    folder.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/box\n")
    (tmp_path / "proc/self/mountinfo").write_text("30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    (folder / "memory.max").write_text("1000\n")
    (folder / "memory.current").write_text("700\n")
    (folder / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    assert cgroup.memory_left_bytes(tmp_path) == 450
    (folder / "memory.max").write_text("max\n")
    assert cgroup.memory_left_bytes(tmp_path) is None


def test_kills_for_memory_are_counted_in_the_own_group(tmp_path: Path) -> None:
    """The root of the mount counts none of a group below it, and the machine's count those of others."""
    machine = {"/proc/vmstat": "nr_free_pages 1\noom_kill 9"}
    two = {"/sys/fs/cgroup/a/memory.events": "low 0\noom 1\noom_kill 2", "/sys/fs/cgroup/memory.events": "oom_kill 7"}
    assert cgroup.oom_kills(write(tmp_path / "2", cgroup_v2("/a") | two | machine)) == 2
    base = "/sys/fs/cgroup/memory"
    one = {
        f"{base}/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3",
        f"{base}/memory.oom_control": "oom_kill 0",
    }
    assert cgroup.oom_kills(write(tmp_path / "1", cgroup_v1("/a") | one | machine)) == 3
    assert cgroup.oom_kills(write(tmp_path / "0", machine)) == 9
    assert cgroup.oom_kills(tmp_path / "none") == 0
