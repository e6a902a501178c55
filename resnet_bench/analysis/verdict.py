"""valid, provisional or invalid, with the reasons as notices. Pure.

invalid: the number must not be used. provisional: too little was measured, or not as planned. Neighbours:
`interference.py` finds what disturbed a run, `records/notices/verdicts.py` has the texts of the reasons.
"""

from __future__ import annotations

from collections import Counter

from resnet_bench.analysis import interference, ratio, steady_state
from resnet_bench.analysis.summary import summarize
from resnet_bench.config import RESNET50_STAGE_SIZES, Config
from resnet_bench.config.fields import Value
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import OptionCheck
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import Outcome, ProcessSamples, Samples, Verdict

MIN_PROCESSES = 3
"""Fewer processes give an interval too wide to be of use: t is 12.7 at two processes, 4.3 at three."""

WIDE = 0.1
"""Half-width of the interval, as a fraction, above which process-to-process variation is reported as high."""

MIN_VALID_ROUNDS = steady_state.MIN_STEADY_STATE_ROUNDS
"""Timed rounds of each process: fewer cannot show a steady state."""

MIN_COUNTED_ROUNDS = steady_state.MIN_TAIL
"""Rounds of each process after its warm-up."""

MAX_UNSTEADY_SHARE = 0.2
"""Of the processes. The detector is wrong about one steady process in 20 to 50, so two of ten are tolerated, and none
of three or four."""


def decide_verdict(
    config: Config,
    outcome: Outcome,
    samples: Samples,
    notices: tuple[Notice, ...],
    machine: Machine | None = None,
    evidence: tuple[OptionCheck, ...] = (),
    noise_floor: float | None = None,
) -> Verdict:
    """The verdict on one run and every reason against it.

    `noise_floor` is by how much identical configurations differ on this machine (a fraction; None: not known).
    """
    broken = (*_invalid_reasons(config, outcome, samples, notices), *_without_effect(evidence))
    if broken:
        return Verdict(kind="invalid", reasons=broken)
    weak = (*_provisional_reasons(config, samples, notices, machine), *_failed_unconditionally(evidence))
    return Verdict(kind="provisional" if weak else "valid", reasons=weak, notes=_on_the_interval(samples, noise_floor))


def _on_the_interval(samples: Samples, noise_floor: float | None) -> tuple[Notice, ...]:
    """What the interval's width means for comparisons; no reason against the run itself.

    Processes of one run are correlated in time, so the interval can be narrower than run-to-run noise.
    """
    summary = summarize(samples)
    resolution = None if summary is None else ratio.resolution(summary.images_per_s)
    if resolution is None:
        return ()
    found = []
    measured = sum(1 for process in samples.processes if process.counted)
    if resolution > WIDE and measured >= MIN_PROCESSES:
        found.append(Notice.make("interval_wide", resolution=resolution, processes=measured))
    if noise_floor is not None and resolution < noise_floor:
        found.append(Notice.make("interval_below_noise", resolution=resolution, floor=noise_floor))
    return tuple(found)


def _invalid_reasons(
    config: Config, outcome: Outcome, samples: Samples, notices: tuple[Notice, ...]
) -> tuple[Notice, ...]:
    found = [notice for notice in notices if notice.severity == "invalidates"]
    if outcome.kind != "ok":
        found.append(Notice.make("did_not_finish", outcome=outcome.kind, phase=outcome.phase))
    if not any(process.counted for process in samples.processes):
        found.append(Notice.make("nothing_timed"))
    for process in samples.processes:
        if process.result.finite is False:
            found.append(Notice.make("loss_not_finite", process=process.process, mode=config.step.mode))
    return tuple(found)


def _without_effect(evidence: tuple[OptionCheck, ...]) -> list[Notice]:
    """Options that were given and did not take effect."""
    failed = [check for check in evidence if check.holds == "false" and check.explicit]
    return [Notice.make("option_without_effect", **_facts(check)) for check in failed]


def _failed_unconditionally(evidence: tuple[OptionCheck, ...]) -> list[Notice]:
    """What must be so in every run, and was not in this one."""
    failed = [check for check in evidence if check.holds == "false" and check.unconditional]
    return [Notice.make("promise_broken", **_facts(check)) for check in failed]


def _facts(check: OptionCheck) -> dict[str, Value]:
    return {
        "claim": check.title or check.name,
        "requested": check.requested,
        "observed": check.observed,
        "source": check.source,
    }


def _provisional_reasons(
    config: Config, samples: Samples, notices: tuple[Notice, ...], machine: Machine | None
) -> tuple[Notice, ...]:
    found = [notice for notice in notices if notice.severity == "degrades"]
    measured = [process for process in samples.processes if process.rounds]
    if len(measured) < MIN_PROCESSES:
        found.append(Notice.make("few_processes", processes=len(measured), needed=MIN_PROCESSES))
    found += _too_few_rounds(measured)
    found += _unsteady(measured)
    found += interference.reasons(measured, machine)
    if config.model.stage_sizes != RESNET50_STAGE_SIZES or config.model.width != 64:
        stages = ",".join(str(blocks) for blocks in config.model.stage_sizes)
        found.append(Notice.make("not_resnet50", stage_sizes=stages, width=config.model.width))
    return tuple(found)


def _too_few_rounds(measured: list[ProcessSamples]) -> list[Notice]:
    fewest = min(len(process.rounds) for process in measured)
    if fewest < MIN_VALID_ROUNDS:
        return [Notice.make("few_rounds", rounds=fewest, needed=MIN_VALID_ROUNDS)]
    least = min(measured, key=lambda process: len(process.counted))
    left, timed = len(least.counted), len(least.rounds)
    if left >= MIN_COUNTED_ROUNDS:
        return []
    return [Notice.make("few_steady_rounds", rounds=left, timed=timed, needed=MIN_COUNTED_ROUNDS)]


def _unsteady(measured: list[ProcessSamples]) -> list[Notice]:
    """What was found instead of a steady state from the first counted round on. (Too few rounds to detect one are
    reported by `_too_few_rounds`.)"""
    kinds = Counter(_behaviour(process) for process in measured)
    of = sum(kinds.values()) - kinds["unknown"]
    if of - kinds["reached"] <= MAX_UNSTEADY_SHARE * of:
        return []
    notices = {
        "still_drifting": Notice.make("still_drifting", processes=kinds["still_drifting"], of=of),
        "slowing_down": Notice.make("slowing_down", processes=kinds["slowing_down"], of=of),
        "bimodal": Notice.make("bimodal", processes=kinds["bimodal"], of=of),
        "warmup_counted": Notice.make("warmup_counted", processes=kinds["warmup_counted"], of=of),
    }
    return [notice for kind, notice in notices.items() if kinds[kind]]


def _behaviour(process: ProcessSamples) -> str:
    if process.steady is None:
        return "unknown"
    if process.steady.kind == "reached" and process.first_counted_round < (process.steady.from_round or 0):
        return "warmup_counted"
    return process.steady.kind
