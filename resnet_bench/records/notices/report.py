"""Notices about the bottleneck, and what a report says beside its numbers."""

from __future__ import annotations

from resnet_bench.records.notices.kind import FactType, Kind

_PART: dict[str, FactType] = {"part": str, "share": float, "seconds": float}

_THROUGHPUT = (
    Kind(
        "ceilings_not_reached",
        "bottleneck",
        "info",
        "End to end reaches {efficiency:share} of what model and pipeline allow: they compete for resources.",
        "Try a larger --prefetch-buffer-size, a smaller --private-threadpool-size, or --data-service.",
        {"efficiency": float},
    ),
    Kind(
        "bound_exceeded",
        "bottleneck",
        "warning",
        "End to end reaches {efficiency:share} of what model and pipeline allow, so one of them was measured too slow: "
        "alone it leaves cores idle that both use together, or other programs interfered.",
        "Run again when the machine is idle.",
        {"efficiency": float},
    ),
    Kind(
        "pipeline_leaves_cores",
        "bottleneck",
        "info",
        "Alone, the pipeline keeps only {busy} of {usable} cores busy, so more cores would not make it faster.",
        "Find the slow stage with bench-cli data bench, check storage, or increase --num-parallel-calls and "
        "--cycle-length.",
        {"busy": float, "usable": int},
    ),
)

_STEP = (
    Kind(
        "bottleneck_stage",
        "report",
        "info",
        "The slowest stage of the input pipeline is {stage}.",
        facts={"stage": str},
    ),
    Kind(
        "bottleneck_part",
        "report",
        "info",
        "Most of a profiled step is {part}: {share:share} ({seconds:duration}).",
        facts=_PART,
    ),
    Kind(
        "bottleneck_part_and_wait",
        "report",
        "info",
        "Most of a profiled step is {part}: {share:share} ({seconds:duration}); waiting for input takes "
        "{waiting:share}.",
        facts={**_PART, "waiting": float},
    ),
    Kind(
        "bottleneck_group",
        "report",
        "info",
        "{group}: {gain_s:duration} of a step above what the measured peaks allow.",
        facts={"group": str, "gain_s": float},
    ),
)

_REPORT = (
    Kind(
        "bottleneck_unknown",
        "report",
        "info",
        "Not measured.",
        "Run with --profile, or check whether training is input-bound: {command}",
        {"command": str},
    ),
    Kind(
        "bottleneck_of_synthetic",
        "report",
        "info",
        "Synthetic data has no input pipeline, so the step itself is the bottleneck.",
        "Run with --profile for a breakdown.",
    ),
    Kind(
        "bottleneck_of_input",
        "report",
        "info",
        "Only the input pipeline ran.",
        "Find its slowest stage with bench-cli data bench.",
    ),
    Kind(
        "bottleneck_other_options",
        "report",
        "info",
        "That was measured with other options: {options}.",
        facts={"options": str},
    ),
    Kind(
        "gains_need_profile",
        "report",
        "info",
        "Possible gains are unknown without a profile.",
        "Run with --profile as well.",
    ),
    Kind(
        "published_elsewhere",
        "report",
        "info",
        "Results that others have published for this network and mode, with other hardware, software and data. They "
        "are not directly comparable, and nothing else in this report depends on them.",
    ),
)

KINDS = (*_THROUGHPUT, *_STEP, *_REPORT)
