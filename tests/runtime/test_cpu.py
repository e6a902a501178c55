"""What the host offers, how many threads that makes, and when oneDNN is switched on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.config import Config, RuntimeConfig
from resnet_bench.runtime.cpu import HostFacts, Threads, affinity, choose_onednn, inspect_host, threads
from tests.support.fake_host import CPUINFO, cgroup_v2, write


def test_a_host_is_described_from_its_files(tmp_path: Path) -> None:
    files = {
        "/proc/cpuinfo": CPUINFO.format(flags="avx2 fma"),
        "/proc/meminfo": "MemTotal:       2048 kB\nMemFree: 1 kB\n",
        "/sys/fs/cgroup/cpu.max": "150000 100000",
        "/sys/fs/cgroup/memory.max": "1048576",
    }
    assert inspect_host(write(tmp_path, cgroup_v2("/") | files), cpus=4) == HostFacts(
        cpus=4,
        cpu_quota=1.5,
        cpu_flags=frozenset({"fpu", "sse2", "avx2", "fma"}),
        cpu_model="Test CPU @ 2.0GHz",
        memory_bytes=2048 * 1024,
        memory_limit_bytes=1048576,
    )


def test_arm_names_its_flags_differently(tmp_path: Path) -> None:
    write(tmp_path, {"/proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd sve\n"})
    assert inspect_host(tmp_path, cpus=1).cpu_flags == {"fp", "asimd", "sve"}


def test_what_a_foreign_system_does_not_tell_is_none(tmp_path: Path) -> None:
    assert inspect_host(tmp_path, cpus=2) == HostFacts(cpus=2)


def test_the_real_affinity_is_not_empty() -> None:
    assert len(affinity()) == inspect_host().cpus >= 1


def config(**runtime: object) -> Config:
    return Config(runtime=RuntimeConfig(**runtime))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cpus", "quota", "expected"),
    [(8, None, 8), (8, 2.0, 2), (8, 1.5, 1), (2, 16.0, 2), (4, 0.25, 1)],
)
def test_auto_threads_stay_within_affinity_and_quota(cpus: int, quota: float | None, expected: int) -> None:
    assert threads(Config(), HostFacts(cpus=cpus, cpu_quota=quota)) == Threads(expected, expected, expected)


def test_threads_that_were_asked_for_are_kept_and_the_pipeline_keeps_the_bound() -> None:
    assert threads(config(threads=3), HostFacts(cpus=8)) == Threads(intra_op=3, inter_op=3, data=8)
    assert threads(config(threads=3, inter_op_threads=1), HostFacts(cpus=8)) == Threads(3, 1, 8)


@given(st.integers(1, 512), st.none() | st.floats(0.01, 1000))
def test_auto_threads_are_never_none_and_never_more_than_one_beyond_what_is_allowed(
    cpus: int, quota: float | None
) -> None:
    found = threads(Config(), HostFacts(cpus=cpus, cpu_quota=quota))
    assert 1 <= found.intra_op <= cpus
    assert quota is None or found.intra_op <= max(1.0, quota)


AVX2 = HostFacts(cpus=1, cpu_flags=frozenset({"avx2"}))
SSE = HostFacts(cpus=1, cpu_flags=frozenset({"sse2"}))


@pytest.mark.parametrize(
    ("asked", "host", "given_value", "value"),
    [
        ("auto", AVX2, None, "1"),
        ("auto", SSE, None, None),
        ("on", SSE, None, "1"),
        ("off", AVX2, None, "0"),
        ("on", AVX2, "0", "1"),
        ("off", AVX2, "1", "0"),
    ],
)
def test_onednn_is_on_for_avx2_unless_the_option_decides(
    asked: str, host: HostFacts, given_value: str | None, value: str | None
) -> None:
    environ = {} if given_value is None else {"TF_ENABLE_ONEDNN_OPTS": given_value}
    assert choose_onednn(config(onednn=asked), host, environ) == (value, ())


def test_auto_respects_what_the_user_exported_and_says_so() -> None:
    value, (notice,) = choose_onednn(Config(), AVX2, {"TF_ENABLE_ONEDNN_OPTS": "0"})
    assert value is None
    assert notice.kind == "onednn_from_environment"
    assert notice.facts == {"variable": "TF_ENABLE_ONEDNN_OPTS", "value": "0"}
