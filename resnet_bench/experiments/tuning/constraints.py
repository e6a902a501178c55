"""Whether a configuration keeps to bounds on latency and on the error of its outputs: a process of its own, no turns.

A bound is held against an absolute number, so nothing plays beside it. Neighbours: `matches/turns.py` runs the process,
`parity.py` compares outputs, `tune.py` asks.
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
class Found:
    """What a process showed: its facts, and its bounds where they were asked for."""

    facts: SideFacts
    probe: ConstraintCheck


def measure(
    side: Side, bounds: Constraints, budget: Budget, on_phase: Callable[[str, str], None] = lambda _side, _phase: None
) -> Found:
    """Prepare a fresh process and look at what `bounds` asks for; blocks. Raises `SideFailure` (as side A) where it
    does not answer, `BudgetError` where the time ends."""
    deadline = time.monotonic() + budget.max_time_s
    with side.new_worker() as worker:
        player = LiveSide("a", side, worker, budget, deadline, on_phase)
        player.get_ready()
        latency, error = None, None
        if bounds.latency_s is not None:
            latency = percentile(sorted(player.single_calls(LATENCY_CALLS)), PERCENTILE)
        if bounds.output_error is not None:
            error = output_error.measure_output_error(side.config, worker, deadline).relative_rms
    return Found(player.facts, ConstraintCheck(latency_p90_s=latency, output_error=error))


def check(bounds: Constraints, mode: str) -> None:
    """Refuse bounds that mean nothing in this mode."""
    if mode == "input" and (bounds.latency_s is not None or bounds.output_error is not None):
        flag = "--max-latency" if bounds.latency_s is not None else "--max-output-error"
        raise ConfigError(f"{flag} bounds the network, but --mode input builds none.", "Leave it out.")


def unreachable(broken: str, probe: ConstraintCheck | None, choice: str) -> ConfigError:
    """The refusal where not even TensorFlow's defaults, at a batch of one, keep the bound `broken`."""
    latency = probe.latency_p90_s if probe else None
    if broken == "--max-latency" and latency is not None:
        words = f"TensorFlow's defaults take {units.duration(latency.value)} ({choice})"
    else:
        words = f"TensorFlow's defaults come to {probe.output_error if probe else None}"
    return ConfigError(f"{broken} is out of reach: {words}.", "Allow more, or fix fewer options.")
