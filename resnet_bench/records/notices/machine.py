"""Notices about the machine and its software: what `bench-cli doctor` recommends."""

from __future__ import annotations

from resnet_bench.records.notices.kind import Kind

_CPU = (
    Kind(
        "onednn_off",
        "machine",
        "warning",
        "oneDNN is off on a CPU with AVX2, where it usually makes training several times faster.",
        "Use --onednn on.",
        {"variable": str | None},
    ),
    Kind(
        "cpu_quota",
        "machine",
        "warning",
        "The cgroup's quota allows {quota} of {cpus} cores; more threads than that are throttled.",
        facts={"quota": float, "cpus": int},
    ),
    Kind(
        "governor",
        "machine",
        "warning",
        "The CPU frequency governor is {governor}.",
        "For stable clocks set {wanted}: cpupower frequency-set -g {wanted}.",
        {"governor": str, "wanted": str},
    ),
    Kind(
        "virtual_machine",
        "machine",
        "info",
        "This is a virtual machine: other guests can take CPU time.",
        "Use several processes (--preset standard), and compare configurations with bench-cli ab.",
    ),
    Kind(
        "no_native_16bit",
        "machine",
        "info",
        "{device} has no native 16-bit arithmetic with the kernels in use: mixed precision is emulated (a bfloat16 "
        "matrix product ran at {bfloat16_over_float32} times the speed of float32).",
        "Use float32.",
        {"device": str, "bfloat16_over_float32": float | None},
    ),
)

_GPU = (
    Kind(
        "gpu_unusable",
        "GPU out of reach",
        "warning",
        "{message}",
        "{remedy}",
        {"message": str, "remedy": str},
    ),
    Kind(
        "gpu_unused",
        "machine",
        "warning",
        "This machine has {gpus} NVIDIA GPU(s) that are not used.",
        "Use --device gpu.",
        {"gpus": int},
    ),
    Kind(
        "persistence_mode_off",
        "machine",
        "info",
        "Persistence mode is off on GPU {gpu}.",
        "Turn it on for a faster start-up: nvidia-smi -pm 1.",
        {"gpu": int, "name": str | None},
    ),
    Kind(
        "mig_on",
        "machine",
        "info",
        "GPU {gpu} ({name}) is in MIG mode: a run may use only a slice of it.",
        facts={"gpu": int, "name": str | None},
    ),
    Kind(
        "power_limited",
        "machine",
        "warning",
        "GPU {gpu} is limited to {limit_w} W (default: {default_w} W).",
        "Raise the limit with nvidia-smi -pl.",
        {"gpu": int, "limit_w": float, "default_w": float},
    ),
    Kind(
        "gpus_idle",
        "machine",
        "info",
        "{idle} more GPU(s) are idle; {used} is used.",
        "Choose one with --device gpu:N.",
        {"idle": int, "used": str},
    ),
    Kind(
        "library_mismatch",
        "machine",
        "warning",
        "TensorFlow was built for {library} {built}, but {loaded} is loaded.",
        "Install the supported version with the gpu extra: pip install 'resnet-bench[gpu]'.",
        {"library": str, "built": str, "loaded": str},
    ),
)

_NETWORK = (
    Kind(
        "data_service_would_listen",
        "data service",
        "info",
        "--data-service local:N would listen on all network interfaces, without encryption or authentication.",
        "On a network that you do not trust: unshare -r -n sh -c 'ip link set lo up; bench-cli run ...'.",
    ),
)

_PROFILER = (
    Kind(
        "profiler_missing",
        "machine",
        "info",
        "Not installed, but needed for profiles: {packages}.",
        "Install them: pip install 'resnet-bench[profile]'.",
        {"packages": str},
    ),
    Kind(
        "perf_events_restricted",
        "machine",
        "info",
        "perf_event_paranoid is {paranoid}: only administrators can read CPU counters.",
        "Set it to 2: sysctl kernel.perf_event_paranoid=2.",
        {"paranoid": int},
    ),
    Kind(
        "gpu_counters_restricted",
        "machine",
        "info",
        "Only administrators can read GPU counters.",
        "Load the driver with NVreg_RestrictProfilingToAdminUsers=0, or profile as root.",
    ),
    Kind(
        "cupti_missing",
        "machine",
        "warning",
        "CUPTI was not found, so GPU kernels cannot be traced.",
        "Install it: pip install 'resnet-bench[gpu]'.",
    ),
)

KINDS = (*_CPU, *_GPU, *_NETWORK, *_PROFILER)
