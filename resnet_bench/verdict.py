"""valid, indicative or invalid, with the reasons as data. Pure.

invalid: the number must not be used. indicative: it was measured, but too little or beside the plan.
"""

from __future__ import annotations

from resnet_bench.config import RESNET50_STAGE_SIZES, Config
from resnet_bench.results import Notice, Outcome, Samples, Verdict

MIN_PROCESSES = 3
MIN_VALID_ROUNDS = 5


def judge(config: Config, outcome: Outcome, samples: Samples, notices: tuple[Notice, ...]) -> Verdict:
    """The verdict on one run and every reason that speaks against it."""
    broken = _invalid_reasons(config, outcome, samples)
    if broken:
        return Verdict(kind="invalid", reasons=broken)
    weak = _indicative_reasons(config, samples, notices)
    return Verdict(kind="indicative" if weak else "valid", reasons=weak)


def _invalid_reasons(config: Config, outcome: Outcome, samples: Samples) -> tuple[Notice, ...]:
    found = []
    if outcome.kind != "ok":
        found.append(Notice(kind="did_not_finish", facts={"outcome": outcome.kind, "phase": outcome.phase}))
    if not any(process.rounds for process in samples.processes):
        found.append(Notice(kind="nothing_timed"))
    for process in samples.processes:
        if process.result.finite is False:
            found.append(Notice(kind="loss_not_finite", facts={"process": process.process, "mode": config.step.mode}))
    return tuple(found)


def _indicative_reasons(config: Config, samples: Samples, notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
    found = [notice for notice in notices if notice.kind.startswith("budget_cut")]
    measured = [process for process in samples.processes if process.rounds]
    if len(measured) < MIN_PROCESSES:
        found.append(Notice(kind="few_processes", facts={"processes": len(measured), "needed": MIN_PROCESSES}))
    fewest = min(len(process.rounds) for process in measured)
    if fewest < MIN_VALID_ROUNDS:
        found.append(Notice(kind="few_rounds", facts={"rounds": fewest, "needed": MIN_VALID_ROUNDS}))
    if config.model.stage_sizes != RESNET50_STAGE_SIZES or config.model.width != 64:
        stages = ",".join(str(blocks) for blocks in config.model.stage_sizes)
        found.append(Notice(kind="not_resnet50", facts={"stage_sizes": stages, "width": config.model.width}))
    return tuple(found)
