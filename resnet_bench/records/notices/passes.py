"""Notices about the passes beside the timed rounds: option checks, profile and roofline."""

from __future__ import annotations

from resnet_bench.records.notices.kind import FactType, Kind

_STEPS: dict[str, FactType] = {"asked_steps": int, "steps": int}

_EVIDENCE = (
    Kind(
        "evidence_cut",
        "evidence",
        "warning",
        "Skipped {what}: needs ~{needed_s:duration}, {left_s:duration} left.",
        "Increase --max-time, or use --evidence full / off.",
        {"what": str, "needed_s": float, "left_s": float},
    ),
    Kind(
        "evidence_failed",
        "evidence",
        "warning",
        "Option verification failed in phase {phase}: {message}",
        facts={"phase": str | None, "message": str},
    ),
    Kind(
        "evidence_interrupted",
        "evidence",
        "warning",
        "Option verification was interrupted; the timed rounds are not affected.",
    ),
    Kind(
        "evidence_unreadable",
        "evidence",
        "warning",
        "Could not read {what}, so the option checks that need it were not run ({error}).",
        facts={"what": str, "error": str},
    ),
    Kind(
        "xla_compilation_unseen",
        "evidence",
        "info",
        "XLA's log shows no compilation, so the compile time is unknown.",
    ),
)

_PROFILE = (
    Kind(
        "profile_cut",
        "profile",
        "warning",
        "The profile stopped after {limit_s} s with {steps} of {asked_steps} steps.",
        facts={**_STEPS, "limit_s": float},
    ),
    Kind(
        "profile_shortened",
        "profile",
        "info",
        "{steps} of {asked_steps} steps were traced: one traced call takes {call_bytes:size}, and the limit is "
        "{limit_bytes:size}.",
        facts={**_STEPS, "call_bytes": int, "limit_bytes": int},
    ),
    Kind(
        "profile_without_steps",
        "profile",
        "warning",
        "The trace has no step markers, so the time per step is unknown.",
    ),
    Kind(
        "profile_unread",
        "profile",
        "warning",
        "The trace was saved, but could not be summarized: {reason}",
        facts={"reason": str},
    ),
    Kind(
        "profile_large",
        "profile",
        "info",
        "The trace has {bytes:size}; viewers are slow above {limit_bytes:size}.",
        facts={"bytes": int, "limit_bytes": int},
    ),
    Kind(
        "profile_host_only",
        "profile",
        "warning",
        "The profile has no GPU activity ({reason}).",
        "Allow profiling counters for all users, or run with SYS_ADMIN.",
        {"reason": str},
    ),
)

_ROOFLINE = (
    Kind(
        "roofline_cut",
        "roofline",
        "warning",
        "Skipped measuring this machine's peaks: needs ~{needed_s:duration}, {left_s:duration} left.",
        "Increase --max-time.",
        {"left_s": float, "needed_s": float},
    ),
    Kind(
        "roofs_too_low",
        "roofline",
        "warning",
        "Measured peaks are too low (MFU {mfu:share}; a step took {step_s:duration}, less than the {limit_s:duration} "
        "they allow): the machine was busy while they were measured.",
        "Run again when it is idle.",
        {"mfu": float | None, "step_s": float, "limit_s": float | None},
    ),
    Kind(
        "faster_than_peaks",
        "roofline",
        "invalidates",
        "The rate is {times:.3g} times what this machine can compute (MFU {mfu:share} of the measured peak).",
        "Less was computed than was counted, or the peaks were measured on a busy machine: run again when it is idle, "
        "with --evidence full.",
        {"times": float, "mfu": float},
    ),
    Kind(
        "roofline_failed",
        "roofline",
        "warning",
        "Measuring this machine's peaks failed: {message}",
        facts={"message": str},
    ),
)

KINDS = (*_EVIDENCE, *_PROFILE, *_ROOFLINE)
