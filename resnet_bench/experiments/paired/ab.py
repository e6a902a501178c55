"""One A/B or A/A run from start to end: whatever happens, a `AbRecord` comes of it, with the pairs that exist.

Neighbours: `duet.py` plays the match, `contest.py` has the result, `cli/ab.py` and `cli/noise.py` ask.
"""

from __future__ import annotations

import time
from typing import Literal

import resnet_bench
from resnet_bench.analysis.compare import config_differences
from resnet_bench.config.option import protocol_of
from resnet_bench.config.options import Option, options, parse_args
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.experiments.paired.duet import AbRun, PairedObserver
from resnet_bench.experiments.paired.side import Budget, Side, SideFailure
from resnet_bench.records.ab import AbRecord, SideName
from resnet_bench.records.files import new_id, now
from resnet_bench.records.run import Outcome
from resnet_bench.worker.process import outcome_of


def side_options() -> tuple[Option, ...]:
    """The options of `run` that a side takes."""
    return tuple(one for one in options() if one.extra["role"] != "protocol" or one.name in protocol_of("side"))


def parse_side(label: str, words: list[str]) -> Side:
    """A side from its command-line words; `ConfigError` for options that do not apply to a side."""
    config, given = parse_args(words)
    protocol = {option.name: option.flag for option in options() if option.extra["role"] == "protocol"}
    for name in given:
        if name in protocol and name not in protocol_of("side"):
            raise ConfigError(
                f"{protocol[name]} does not belong to a side: the sides share one protocol.",
                "Leave it out; --pairs, --turns, --max-time and --output stand outside the quotes.",
            )
    if config.step.batch_size == "max":
        raise ConfigError(
            "--batch-size max is searched for by run alone: beside another side less memory is free.",
            "Let bench-cli run find it, then give the number.",
        )
    return Side(label, config)


def run_ab(
    kind: Literal["ab", "noise"], a: Side, b: Side, budget: Budget, observer: PairedObserver | None = None
) -> AbRecord:
    """Play the match and return what came of it; blocks. Raises nothing for what happens to the sides."""
    started = time.monotonic()
    created = now()
    match = AbRun(a, b, budget, observer)
    outcome, failed = Outcome(kind="ok"), None
    try:
        match.run()
    except KeyboardInterrupt:
        outcome = Outcome(kind="interrupted", message="Interrupted.", remedy="What was measured is kept.")
    except BenchError as error:
        outcome, failed = outcome_of(error), _failed_side(error)
    return _contest(kind, match, budget, outcome, failed, created, time.monotonic() - started)


def _failed_side(error: BenchError) -> SideName | None:
    if not isinstance(error, SideFailure):
        return None
    return "a" if error.side == "a" else "b"


def _contest(
    kind: Literal["ab", "noise"],
    match: AbRun,
    budget: Budget,
    outcome: Outcome,
    failed: SideName | None,
    created: str,
    wall_s: float,
) -> AbRecord:
    one, two = match.facts["a"], match.facts["b"]
    configs = (one.resolved or one.requested, two.resolved or two.requested)
    return AbRecord(
        kind=kind,
        id=new_id(),
        created_at=created,
        tool_version=resnet_bench.__version__,
        outcome=outcome,
        failed_side=failed,
        a=one,
        b=two,
        workload=config_differences(*configs, "workload"),
        options=config_differences(*configs, "option"),
        precision_target=budget.precision_target,
        result=match.result(),
        wall_s=wall_s,
    )
