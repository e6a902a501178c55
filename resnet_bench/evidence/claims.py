"""Joins what was seen to a list of claims, in the order in which a reader asks. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from resnet_bench.config import Config
from resnet_bench.evidence import execution, network, numerics, pipeline
from resnet_bench.evidence.case import CheckInput
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import OptionCheck, Seen
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import ModelFacts


def make(
    config: Config,
    given: Iterable[str],
    seen: Seen,
    machine: Machine | None = None,
    model: ModelFacts | None = None,
    notices: Iterable[Notice] = (),
    requested: Config | None = None,
) -> tuple[OptionCheck, ...]:
    """The claims of a resolved configuration. `given` names the options that the user asked for, `requested` is what
    the configuration was resolved from; `notices` are what was announced before the run. What nobody could
    observe is a claim that holds None and says why."""
    case = CheckInput(
        config=config,
        requested=requested or config,
        seen=seen,
        given=frozenset(given),
        machine=machine,
        model=model,
        topics=frozenset(notice.topic for notice in notices),
    )
    families = [pipeline.claims(case), execution.threads(case)]
    if config.step.mode != "input":
        families = [execution.claims(case), numerics.claims(case), network.claims(case), *families]
    return tuple(claim for family in families for claim in family)
