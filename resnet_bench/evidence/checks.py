"""Runs all option checks on what was observed, in the order in which they are shown. Pure.

`CHECKS` has the declaration of each by name. Neighbours: the families `execution.py`, `numerics.py`, `network.py` and
`pipeline.py` make the checks, `check_input.py` has their input.
"""

from __future__ import annotations

from collections.abc import Iterable

from resnet_bench.config import Config
from resnet_bench.evidence import execution, network, numerics, pipeline
from resnet_bench.evidence.check_input import Check, CheckInput
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import OptionCheck, Seen
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import ModelFacts

CHECKS: dict[str, Check] = {
    declared.name: declared
    for family in (execution, numerics, network, pipeline)
    for declared in vars(family).values()
    if isinstance(declared, Check)
}


def check_options(
    config: Config,
    given: Iterable[str],
    seen: Seen,
    machine: Machine | None = None,
    model: ModelFacts | None = None,
    notices: Iterable[Notice] = (),
    requested: Config | None = None,
) -> tuple[OptionCheck, ...]:
    """The option checks of a resolved configuration; one that could not be run has the result None and says why.

    given: the options on the command line. requested: what `config` was resolved from. notices: those given before
    the run.
    """
    case = CheckInput(
        config=config,
        requested=requested or config,
        seen=seen,
        given=frozenset(given),
        machine=machine,
        model=model,
        topics=frozenset(notice.topic for notice in notices),
    )
    families = [pipeline.checks(case), execution.threads(case)]
    if config.step.mode != "input":
        families = [execution.checks(case), numerics.checks(case), network.checks(case), *families]
    return tuple(check for family in families for check in family)
