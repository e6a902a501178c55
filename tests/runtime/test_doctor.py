"""Advice: each finding is told once, and a machine in order gets none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from resnet_bench.config import Config, RuntimeConfig
from resnet_bench.errors import DeviceError
from resnet_bench.records.base import Notice
from resnet_bench.records.environment import CpuEnvironment, Environment, GpuEnvironment, TensorFlowEnvironment
from resnet_bench.records.machine import Machine
from resnet_bench.records.roofline import Peak, Peaks
from resnet_bench.runtime import GpuProbe, HostFacts
from resnet_bench.runtime.doctor import DoctorReport, ProfilerReadiness, advise, find_or_explain, profiler_readiness
from resnet_bench.runtime.gpu import GpuEvidence
from tests.support.fake_host import write

FLAGS = ("avx2", "avx512_bf16")
CPU = Machine(device_kind="cpu", device="cpu", cpus=4, cpu_flags=frozenset(FLAGS), onednn=True)
GPU = Machine(device_kind="gpu", device="gpu:0", cpus=4, gpu_compute_capability=(8, 0), onednn=True)
READY = ProfilerReadiness(xprof="2.24", tensorboard="2.21", perf_event_paranoid=2, privileged=False)
TENSORFLOW = TensorFlowEnvironment(version="2.21.0", intra_op_threads=4, built_cuda="12.5.1", built_cudnn="9")


def environment(**changes: Any) -> Environment:
    plain = Environment(
        python="CPython 3.11",
        package_version="0",
        device="cpu",
        cpu=CpuEnvironment(cpus=4, flags=FLAGS, governor="performance", hypervisor=False),
        tensorflow=TENSORFLOW,
    )
    return replace(plain, **changes)


def cpu(**changes: Any) -> Environment:
    return environment(cpu=replace(environment().cpu, **changes))


def gpu(**changes: Any) -> Environment:
    used = replace(GpuEnvironment(index=0, name="A100", persistence_mode=True, mig_mode=False), **changes)
    return environment(device="gpu:0", gpus=(used,), gpu_index=0)


def only(found: tuple[Notice, ...]) -> tuple[str, dict[str, Any]]:
    (notice,) = found
    return notice.kind, notice.facts


@pytest.mark.parametrize(("where", "machine"), [(environment(), CPU), (gpu(), GPU)])
def test_a_machine_in_order_gets_no_advice(where: Environment, machine: Machine) -> None:
    assert advise(where, None, machine, READY) == ()


def test_what_is_unknown_is_not_complained_about() -> None:
    blank = environment(cpu=CpuEnvironment(cpus=4), tensorflow=None)
    assert advise(blank, None, CPU, replace(READY, perf_event_paranoid=None, privileged=None)) == ()


@pytest.mark.parametrize(
    ("where", "machine", "expected"),
    [
        (
            cpu(flags=("avx2",)),
            replace(CPU, onednn=False, cpu_flags=frozenset({"avx2"})),
            {"onednn_off", "no_native_16bit"},
        ),
        (cpu(governor="powersave"), CPU, {"governor"}),
        (cpu(cpu_quota=1.5), replace(CPU, cpu_quota=1.5), {"cpu_quota", "threads_exceed_cpus"}),
        (cpu(hypervisor=True), CPU, {"virtual_machine"}),
        (environment(), replace(CPU, cpu_flags=frozenset({"avx2"})), {"no_native_16bit"}),
        (gpu(persistence_mode=False), GPU, {"persistence_mode_off"}),
        (gpu(mig_mode=True), GPU, {"mig_on"}),
        (gpu(power_limit_w=200.0, default_power_limit_w=400.0), GPU, {"power_limited"}),
        (environment(gpus=(GpuEnvironment(index=0), GpuEnvironment(index=1)), gpu_index=1), GPU, {"gpus_idle"}),
        (gpu(), replace(GPU, gpu_compute_capability=(6, 1)), {"no_native_16bit"}),
    ],
)
def test_each_finding_has_its_kind(where: Environment, machine: Machine, expected: set[str]) -> None:
    assert {notice.kind for notice in advise(where, None, machine, READY)} == expected


def test_findings_carry_their_numbers() -> None:
    assert only(advise(cpu(governor="powersave"), None, CPU, READY)) == (
        "governor",
        {"governor": "powersave", "wanted": "performance"},
    )
    more = environment(tensorflow=replace(TENSORFLOW, intra_op_threads=8))
    assert only(advise(more, None, CPU, READY)) == ("threads_exceed_cpus", {"threads": 8, "cpus": 4})


def peak(dtype: str, value: float) -> Peak:
    return Peak(
        kind="matmul",
        value=value,
        unit="flop/s",
        dtype=dtype,
        size=256,
        working_set_bytes=1,
        repeats=5,
        calls=1,
    )


def test_emulated_arithmetic_is_told_with_the_ratio_that_was_measured() -> None:
    measured = Peaks(device="/CPU:0", matmul=(peak("float32", 100e9), peak("bfloat16", 20e9)))
    plain = replace(CPU, cpu_flags=frozenset({"avx2"}))
    assert only(advise(environment(), measured, plain, READY)) == (
        "no_native_16bit",
        {"device": "cpu", "bfloat16_over_float32": 0.2},
    )


def test_a_gpu_beside_a_cpu_run_is_told() -> None:
    assert only(advise(environment(), None, CPU, READY, gpus_present=2)) == ("gpu_unused", {"gpus": 2})


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"loaded_cuda": "13.0"}, {"library": "CUDA", "built": "12.5.1", "loaded": "13.0"}),
        ({"loaded_cudnn": "8.9.7"}, {"library": "cuDNN", "built": "9", "loaded": "8.9.7"}),
    ],
)
def test_libraries_of_another_major_version_are_told(changes: dict[str, str], facts: dict[str, str]) -> None:
    where = replace(gpu(), tensorflow=replace(TENSORFLOW, **changes))
    assert only(advise(where, None, GPU, READY)) == ("library_mismatch", facts)


def test_libraries_of_the_same_major_version_are_in_order() -> None:
    loaded = replace(TENSORFLOW, loaded_cuda="12.8", loaded_cudnn="9.3.0")
    assert advise(replace(gpu(), tensorflow=loaded), None, GPU, READY) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"xprof": None}, ("profiler_missing", {"packages": "xprof"})),
        ({"xprof": None, "tensorboard": None}, ("profiler_missing", {"packages": "xprof, tensorboard"})),
        ({"perf_event_paranoid": 4}, ("perf_events_restricted", {"paranoid": 4})),
        ({"gpu_counters_allowed": False}, ("gpu_counters_restricted", {})),
        ({"cupti_found": False}, ("cupti_missing", {})),
    ],
)
def test_what_a_profile_lacks_is_told(changes: dict[str, Any], expected: tuple[str, dict[str, Any]]) -> None:
    assert only(advise(environment(), None, CPU, replace(READY, **changes))) == expected


def test_an_administrator_may_count_events_whatever_the_kernel_says() -> None:
    assert advise(environment(), None, CPU, replace(READY, perf_event_paranoid=4, privileged=True)) == ()


@pytest.mark.parametrize(
    ("restricted", "capabilities", "allowed"),
    [("1", "0", False), ("0", "0", True), ("1", "1ffffffffff", True)],
)
def test_gpu_counters_need_an_open_driver_or_an_administrator(
    tmp_path: Path, restricted: str, capabilities: str, allowed: bool
) -> None:
    files = {
        "/proc/driver/nvidia/params": f"RmProfilingAdminOnly: {restricted}",
        "/proc/self/status": f"CapEff: {capabilities}",
        "/proc/sys/kernel/perf_event_paranoid": "3",
    }
    found = profiler_readiness(write(tmp_path, files), on_gpu=True)
    assert found.gpu_counters_allowed is allowed
    assert found.perf_event_paranoid == 3
    assert profiler_readiness(tmp_path, on_gpu=False).gpu_counters_allowed is None


UNUSABLE = GpuProbe(
    evidence=lambda: GpuEvidence(pci=1),
    driver=lambda: None,
    tensorflow_gpus=tuple,
    build=lambda: {"is_cuda_build": False},
    onednn=lambda: True,
    environ={},
)


def test_a_gpu_that_cannot_be_used_is_explained_beside_the_cpu_that_is_examined() -> None:
    machine, (notice,) = find_or_explain(Config(), HostFacts(cpus=4), UNUSABLE)
    assert (machine.device, machine.onednn) == ("cpu", True)
    assert notice.kind == "gpu_unusable"
    assert "CPU only" in str(notice.facts["message"])
    assert notice.facts["remedy"]


def test_a_gpu_that_was_asked_for_by_name_still_fails() -> None:
    with pytest.raises(DeviceError, match="CPU only"):
        find_or_explain(Config(runtime=RuntimeConfig(device="gpu")), HostFacts(cpus=4), UNUSABLE)


def test_an_examination_looks_at_the_real_machine_without_touching_tensorflow_before_its_time(
    child: Callable[..., str],
) -> None:
    code = (
        "import msgspec, sys\n"
        "from resnet_bench.runtime import doctor\n"
        "from resnet_bench.config import Config, RuntimeConfig\n"
        "from resnet_bench.runtime.peaks import measure\n"
        "assert 'tensorflow' not in sys.modules\n"
        "def quick(device, kind, **_):\n"
        "    return measure(device, kind, memory_bytes=2**23, budget_s=0.1, dtypes=('float32',))\n"
        "found = doctor.run_doctor(Config(runtime=RuntimeConfig(device='cpu')), measure=quick)\n"
        "print(msgspec.json.encode(found).decode())\n"
    )
    auto_jit = "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit"
    printed = child(code, TF_XLA_FLAGS=auto_jit, OMP_NUM_THREADS="1", TF_DETERMINISTIC_OPS="1")
    found = msgspec.json.decode(printed.splitlines()[-1], type=DoctorReport)
    assert found.machine.device == "cpu"
    assert found.usable_cpus >= 1
    assert found.peaks is not None
    assert found.peaks.matmul[0].value > 0
    assert found.environment.tensorflow is not None
    kinds = [notice.kind for notice in found.notices]
    assert {"environment_contradicts", "environment_steers"} <= set(kinds)
    assert found.environment.variables["TF_XLA_FLAGS"] == auto_jit
    assert len(kinds) == len(set(kinds))
    assert sys.platform != "linux" or found.environment.cpu.model
