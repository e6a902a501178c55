"""Whether a configuration keeps its constraints on latency and output error: measured in a process of its own.

A constraint is an absolute number, so nothing runs interleaved with it. Neighbours: `paired/side.py` runs the process,
`output_error.py` compares outputs, `tune.py` asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from resnet_bench import units
from resnet_bench.analysis.summary import percentile
from resnet_bench.errors import ConfigError
from resnet_bench.experiments import output_error
from resnet_bench.experiments.paired.side import Budget, LiveSide, Side
from resnet_bench.records.ab import SideFacts
from resnet_bench.records.tuning import ConstraintCheck, Constraints

LATENCY_CALLS = 59
"""Single calls behind a 90th percentile: twice what its point estimate needs, so that its interval closes too."""

PERCENTILE = 90.0


@dataclass(frozen=True)
class SideMeasured:
    """What a process showed: its facts, and the constrained figures."""

    facts: SideFacts
    probe: ConstraintCheck


def measure(
    side: Side,
    constraints: Constraints,
    budget: Budget,
    on_phase: Callable[[str, str], None] = lambda _side, _phase: None,
) -> SideMeasured:
    """Prepare a fresh process and measure what `constraints` needs; blocks. Raises `SideFailure` (as side A) where it
    does not answer, `BudgetError` where the time ends."""
    deadline = time.monotonic() + budget.max_time_s
    with side.new_worker() as worker:
        live = LiveSide("a", side, worker, budget, deadline, on_phase)
        live.get_ready()
        latency, error = None, None
        if constraints.latency_s is not None:
            latency = percentile(sorted(live.single_calls(LATENCY_CALLS)), PERCENTILE)
        if constraints.output_error is not None:
            error = output_error.measure_output_error(side.config, worker, deadline).relative_rms
    return SideMeasured(live.facts, ConstraintCheck(latency_p90_s=latency, output_error=error))


def check(constraints: Constraints, mode: str) -> None:
    """Refuse constraints that have no meaning in this mode."""
    if mode == "input" and (constraints.latency_s is not None or constraints.output_error is not None):
        flag = "--max-latency" if constraints.latency_s is not None else "--max-output-error"
        raise ConfigError(f"{flag} constrains the network, but --mode input builds none.", "Leave it out.")


def unreachable(broken: str, probe: ConstraintCheck | None, choice: str) -> ConfigError:
    """The error where not even TensorFlow's defaults, with a batch of one, keep the constraint `broken`."""
    latency = probe.latency_p90_s if probe else None
    if broken == "--max-latency" and latency is not None:
        words = f"TensorFlow's defaults take {units.duration(latency.value)} ({choice})"
    else:
        words = f"TensorFlow's defaults have {probe.output_error if probe else None}"
    return ConfigError(f"{broken} cannot be reached: {words}.", "Allow more, or fix fewer options.")
