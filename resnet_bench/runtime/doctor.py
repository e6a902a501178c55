"""What this machine has, what it can do, and what to switch on.

`advise` is pure: facts in, notices out. `run_doctor` gathers the facts inside a worker, where it imports
TensorFlow. Neighbours: `environment.py`, `peaks.py` and the rest of `runtime/` supply; the command line prints.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import msgspec
from msgspec.structs import replace

from resnet_bench import runtime
from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.errors import DeviceError
from resnet_bench.records.base import Data, Notice
from resnet_bench.records.environment import CpuEnvironment, Environment, GpuEnvironment
from resnet_bench.records.machine import Machine
from resnet_bench.records.roofline import Peaks
from resnet_bench.runtime import environ, gpu, libraries, peaks, system
from resnet_bench.runtime.cgroup import ROOT
from resnet_bench.runtime.contradictions import contradictions
from resnet_bench.runtime.environment import collect
from resnet_bench.runtime.resolve import native_16bit, resolve, usable_cpus

WANTED_GOVERNOR = "performance"
EVENTS_BARRED_PARANOID = 3  # distributions' extension: no unprivileged process may count events


class ProfilerReadiness(Data, frozen=True, kw_only=True):
    """Whether a profile can be taken and read here.

    Versions are None where a package is absent. `gpu_counters_allowed`: the driver lets this process read
    GPU counters; `cupti_found`: CUDA's profiling library can be loaded; both None without a GPU.
    """

    xprof: str | None = None
    tensorboard: str | None = None
    perf_event_paranoid: int | None = None
    privileged: bool | None = None
    gpu_counters_allowed: bool | None = None
    cupti_found: bool | None = None


class DoctorReport(Data, frozen=True, kw_only=True):
    """All that `bench-cli doctor` shows. `usable_cpus` bounds threads; `gpus_present` counts traces of
    NVIDIA GPUs in the file system, whether or not anything can use them."""

    environment: Environment
    machine: Machine
    peaks: Peaks | None = msgspec.field(name="roofs")
    profiler: ProfilerReadiness
    usable_cpus: int
    gpus_present: int
    notices: tuple[Notice, ...]


def profiler_readiness(root: Path = ROOT, *, on_gpu: bool = False, cuda: str | None = None) -> ProfilerReadiness:
    """Look at packages, privileges and, for a GPU run of a TensorFlow built for `cuda`, at CUPTI."""
    privileged = system.has_sys_admin(root)
    restricted = system.gpu_profiling_restricted(root)
    allowed = None if restricted is None else (not restricted or bool(privileged))
    return ProfilerReadiness(
        xprof=_version("xprof"),
        tensorboard=_version("tensorboard"),
        perf_event_paranoid=system.perf_event_paranoid(root),
        privileged=privileged,
        gpu_counters_allowed=allowed if on_gpu else None,
        cupti_found=libraries.cupti_found(cuda) if on_gpu and cuda else None,
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def advise(
    environment: Environment,
    peaks: Peaks | None,
    machine: Machine,
    profiler: ProfilerReadiness,
    gpus_present: int = 0,
) -> tuple[Notice, ...]:
    """What to switch on or beware of, most important first. Pure."""
    found = [
        *_advise_cpu(environment, machine),
        *_advise_arithmetic(peaks, machine),
        *_advise_gpu(environment, machine, gpus_present),
        *_advise_profiler(profiler),
    ]
    return tuple(found)


def _notice(kind: str, **facts: Value) -> Notice:
    return Notice.make(kind, **facts)


def _advise_cpu(environment: Environment, machine: Machine) -> list[Notice]:
    cpu = environment.cpu
    found = []
    if "avx2" in (cpu.flags or ()) and not machine.onednn and machine.device_kind == "cpu":
        found.append(_notice("onednn_off", variable=environment.variables.get("TF_ENABLE_ONEDNN_OPTS")))
    found += _advise_threads(environment, machine)
    if cpu.governor is not None and cpu.governor != WANTED_GOVERNOR:
        found.append(_notice("governor", governor=cpu.governor, wanted=WANTED_GOVERNOR))
    return [*found, *_advise_sharing(cpu)]


def _advise_threads(environment: Environment, machine: Machine) -> list[Notice]:
    usable = usable_cpus(machine.cpus, machine.cpu_quota)
    tensorflow = environment.tensorflow
    threads = None if tensorflow is None else tensorflow.intra_op_threads
    if threads is not None and threads > usable:
        return [_notice("threads_exceed_cpus", threads=threads, cpus=usable)]
    return []


def _advise_sharing(cpu: CpuEnvironment) -> list[Notice]:
    """What makes timings wander: a quota that cuts a processor in two, or a share of a host."""
    found = []
    if cpu.cpu_quota is not None and cpu.cpu_quota < cpu.cpus:
        found.append(_notice("cpu_quota", quota=cpu.cpu_quota, cpus=cpu.cpus))
    if cpu.hypervisor:
        found.append(_notice("virtual_machine"))
    return found


def _advise_arithmetic(peaks: Peaks | None, machine: Machine) -> list[Notice]:
    """Say that 16-bit arithmetic is emulated, with the measured ratio to float32 where there is one."""
    if native_16bit(machine):
        return []
    rates = {peak.dtype: peak.value for peak in peaks.matmul} if peaks else {}
    ratio = rates["bfloat16"] / rates["float32"] if {"bfloat16", "float32"} <= rates.keys() else None
    return [_notice("no_native_16bit", device=machine.device, bfloat16_over_float32=ratio)]


def _advise_gpu(environment: Environment, machine: Machine, gpus_present: int) -> list[Notice]:
    if machine.device_kind == "cpu":
        return [_notice("gpu_unused", gpus=gpus_present)] if gpus_present else []
    found = []
    used = next((one for one in environment.gpus or () if one.index == environment.gpu_index), None)
    if used is not None:
        found += _advise_used_gpu(used)
    others = len(environment.gpus or ()) - 1
    if others > 0:
        found.append(_notice("gpus_idle", idle=others, used=machine.device))
    return [*found, *_advise_libraries(environment)]


def _advise_used_gpu(used: GpuEnvironment) -> list[Notice]:
    found = []
    if used.persistence_mode is False:
        found.append(_notice("persistence_mode_off", gpu=used.index, name=used.name))
    if used.mig_mode:
        found.append(_notice("mig_on", gpu=used.index, name=used.name))
    limit, default = used.power_limit_w, used.default_power_limit_w
    if limit is not None and default is not None and limit < default:
        found.append(_notice("power_limited", gpu=used.index, limit_w=limit, default_w=default))
    return found


def _advise_libraries(environment: Environment) -> list[Notice]:
    """Libraries of another major version than TensorFlow was built for: results there must say so."""
    tensorflow = environment.tensorflow
    if tensorflow is None:
        return []
    pairs = [
        ("CUDA", tensorflow.built_cuda, tensorflow.loaded_cuda),
        ("cuDNN", tensorflow.built_cudnn, tensorflow.loaded_cudnn),
    ]
    return [
        _notice("library_mismatch", library=name, built=built, loaded=loaded)
        for name, built, loaded in pairs
        if built and loaded and built.partition(".")[0] != loaded.partition(".")[0]
    ]


def _advise_profiler(profiler: ProfilerReadiness) -> list[Notice]:
    found = []
    if profiler.xprof is None or profiler.tensorboard is None:
        missing = [name for name in ("xprof", "tensorboard") if getattr(profiler, name) is None]
        found.append(_notice("profiler_missing", packages=", ".join(missing)))
    paranoid = profiler.perf_event_paranoid
    if paranoid is not None and paranoid >= EVENTS_BARRED_PARANOID and not profiler.privileged:
        found.append(_notice("perf_events_restricted", paranoid=paranoid))
    if profiler.gpu_counters_allowed is False:
        found.append(_notice("gpu_counters_restricted"))
    if profiler.cupti_found is False:
        found.append(_notice("cupti_missing"))
    return found


def run_doctor(config: Config, *, measure: Callable[..., Peaks] | None = None, root: Path = ROOT) -> DoctorReport:
    """Look at this machine as `config` would use it. Runs in a fresh worker: sets the environment, imports
    TensorFlow, opens the device and measures its peaks (some seconds; blocks on the device).

    With `--device auto` a GPU that cannot be used becomes a notice and the CPU is examined, because
    finding that out is what this is for; one that was asked for by name raises `DeviceError`.
    """
    host = runtime.inspect_host(root)
    if environ.forces_determinism(os.environ):  # Every run would refuse; here it is one more finding.
        config = replace(config, runtime=replace(config.runtime, deterministic=True))
    early = runtime.set_environment(config, host, root=root)
    machine, unusable = find_or_explain(config, host)
    config, resolved = resolve(config, machine)
    rt = runtime.start(config, machine)
    environment = collect(machine, rt, root=root)
    limit = host.memory_limit_bytes or host.memory_bytes
    measured = (measure or peaks.measure)(
        rt.device,
        machine.device_kind,
        last_level_cache_bytes=environment.cpu.last_level_cache_bytes,
        memory_bytes=limit if machine.device_kind == "cpu" else None,
    )
    built = environment.tensorflow.built_cuda if environment.tensorflow else None
    profiler = profiler_readiness(root, on_gpu=machine.device_kind == "gpu", cuda=built)
    evidence = gpu.look_for_gpus(root)
    present = max(evidence.pci, evidence.nodes)
    told = any(notice.topic == "GPU out of reach" for notice in (*early, *unusable))
    advice = advise(environment, measured, machine, profiler, 0 if told else present)
    known = {notice.kind for notice in advice}
    return DoctorReport(
        environment=environment,
        machine=machine,
        peaks=measured,
        profiler=profiler,
        usable_cpus=usable_cpus(machine.cpus, machine.cpu_quota),
        gpus_present=present,
        notices=(
            *early,
            *contradictions(config, machine, os.environ),
            *unusable,
            *(one for one in resolved if one.kind not in known),
            *advice,
            *((Notice.make("data_service_would_listen"),) if system.has_network() else ()),
        ),
    )


def find_or_explain(
    config: Config, host: runtime.HostFacts, probe: gpu.GpuProbe | None = None
) -> tuple[Machine, tuple[Notice, ...]]:
    """The device to examine; for `--device auto` a GPU that cannot be used becomes a notice beside the CPU."""
    probe = probe or gpu.GpuProbe()
    try:
        return runtime.find_machine(config, host, probe), ()
    except DeviceError as error:
        if config.runtime.device != "auto":
            raise
        told = _notice("gpu_unusable", message=error.message, remedy=error.remedy)
        on_cpu = dataclasses.replace(probe, tensorflow_gpus=tuple, evidence=gpu.GpuEvidence, driver=lambda: None)
        return runtime.find_machine(config, host, on_cpu), (told,)
