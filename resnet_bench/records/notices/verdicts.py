"""Notices about the reliability of a result: the reasons of a verdict, and how to read its interval."""

from __future__ import annotations

from resnet_bench.config.fields import Value
from resnet_bench.records.notices.kind import FactType, Kind

_SOME_PROCESSES: dict[str, FactType] = {"processes": int, "of": int}
_SHARES: dict[str, FactType] = {"share": float, "limit": float}
_CHECK: dict[str, FactType] = {"claim": str, "requested": Value, "observed": Value, "source": str | None}

_INVALID = (
    Kind(
        "did_not_finish",
        "verdict",
        "invalidates",
        "The run did not finish ({outcome}, phase: {phase}).",
        facts={"outcome": str, "phase": str | None},
    ),
    Kind("nothing_timed", "verdict", "invalidates", "No round was timed, so there is no throughput."),
    Kind(
        "loss_not_finite",
        "verdict",
        "invalidates",
        "Process {process} computed infinity or NaN.",
        "In training lower --learning-rate; otherwise use another --precision.",
        {"process": int, "mode": str},
    ),
    Kind(
        "option_without_effect",
        "verdict",
        "invalidates",
        'Option check "{claim}" failed: {requested} was requested, but {source} shows {observed}. This is not a result '
        "for the requested configuration.",
        facts=_CHECK,
    ),
)

_TOO_LITTLE = (
    Kind(
        "few_processes",
        "verdict",
        "degrades",
        "Only {processes} of the {needed} processes needed for a useful confidence interval ran.",
        "Use --preset standard, or --processes {needed} and a larger --max-time.",
        {"processes": int, "needed": int},
    ),
    Kind(
        "one_worker",
        "verdict",
        "degrades",
        "Everything ran in one process, and process-to-process variation can be larger than the intervals shown.",
        "Compare whole pipelines with bench-cli ab and --mode input.",
    ),
    Kind(
        "few_rounds",
        "verdict",
        "degrades",
        "Only {rounds} rounds per process were timed; {needed} are needed to detect a steady state.",
        "Increase --max-time or --rounds.",
        {"rounds": int, "needed": int},
    ),
    Kind(
        "few_steady_rounds",
        "verdict",
        "degrades",
        "Only {rounds} of {timed} timed rounds are past the warm-up; {needed} are needed.",
        "Increase --rounds and --max-time.",
        {"rounds": int, "timed": int, "needed": int},
    ),
    Kind(
        "promise_broken",
        "verdict",
        "degrades",
        'Option check "{claim}" failed: it should be {requested}, but {source} shows {observed}.',
        facts=_CHECK,
    ),
    Kind(
        "not_resnet50",
        "verdict",
        "degrades",
        "The network is not ResNet-50 (stages {stage_sizes}, width {width}); its speed is not ResNet-50's.",
        facts={"stage_sizes": str, "width": int},
    ),
)

_UNSTEADY = (
    Kind(
        "still_drifting",
        "verdict",
        "degrades",
        "{processes} of {of} processes were still getting faster at the end of the timed window.",
        "Increase --warmup or --rounds, and --max-time.",
        _SOME_PROCESSES,
    ),
    Kind(
        "slowing_down",
        "verdict",
        "degrades",
        "{processes} of {of} processes slowed down during the timed window.",
        "Check for heat, power limits and other programs; use more --rounds to find the steady state.",
        _SOME_PROCESSES,
    ),
    Kind(
        "bimodal",
        "verdict",
        "degrades",
        "{processes} of {of} processes switched between two speeds; their mean describes neither.",
        "Check for other programs, changing clocks and a stalling input pipeline (--mode input).",
        _SOME_PROCESSES,
    ),
    Kind(
        "warmup_counted",
        "verdict",
        "degrades",
        "{processes} of {of} processes were still warming up in the timed window, and an explicit --warmup discards no "
        "further rounds.",
        "Increase --warmup, or leave it at auto.",
        _SOME_PROCESSES,
    ),
)

_INTERFERENCE = (
    Kind(
        "other_load",
        "interference",
        "degrades",
        "Other programs used {share:share} of the CPU in the timed window (limit: {limit:share}).",
        "Stop them, or run again when the machine is idle.",
        _SHARES,
    ),
    Kind(
        "cpu_steal",
        "interference",
        "degrades",
        "The hypervisor took {share:share} of the CPU in the timed window (limit: {limit:share}).",
        "Run again later, or on a machine that is not shared.",
        _SHARES,
    ),
    Kind(
        "cgroup_throttled",
        "interference",
        "degrades",
        "The cgroup's CPU quota throttled the worker for {share:share} of the timed window (limit: {limit:share}).",
        "Raise the quota, or use fewer --threads.",
        _SHARES,
    ),
    Kind(
        "often_preempted",
        "interference",
        "degrades",
        "The worker was preempted {per_s} times/s per core in the timed window (limit: {limit}).",
        "Stop other programs, or use fewer --threads.",
        {"per_s": float, "limit": float},
    ),
    Kind(
        "gpu_throttled",
        "interference",
        "degrades",
        "The GPU throttled its clocks ({causes}).",
        "Improve cooling or power supply, let it cool down, and run again.",
        {"causes": str},
    ),
    Kind(
        "gpu_clock_moved",
        "interference",
        "degrades",
        "The GPU clock varied from {low_mhz} to {high_mhz} MHz in the timed window.",
        "Lock it (nvidia-smi --lock-gpu-clocks), or increase --warmup.",
        {"low_mhz": int, "high_mhz": int},
    ),
    Kind(
        "gpu_shared",
        "interference",
        "degrades",
        "Other processes used the GPU ({processes}).",
        "Stop them, or use another --device gpu:N.",
        {"processes": int},
    ),
)

_INTERVAL = (
    Kind(
        "interval_wide",
        "verdict",
        "info",
        "High process-to-process variation over {processes} processes: the 95 % confidence interval is "
        "+-{resolution:share}.",
        "Increase --processes to narrow it; use bench-cli ab to detect small differences.",
        {"resolution": float, "processes": int},
    ),
    Kind(
        "interval_below_noise",
        "verdict",
        "info",
        "The 95 % confidence interval is +-{resolution:share}, but identical configurations differ by {floor:share} on "
        "this machine (bench-cli noise), so smaller differences between records are not significant.",
        "Use bench-cli ab to detect them.",
        {"resolution": float, "floor": float},
    ),
)

KINDS = (*_INVALID, *_TOO_LITTLE, *_UNSTEADY, *_INTERFERENCE, *_INTERVAL)
