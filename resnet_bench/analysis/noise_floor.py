"""This machine's noise floor: computed from an A/A run, kept in the cache folder for later comparisons.

One file per machine and kind of workload (mode and device). Neighbours: `records/noise_floor.py` has the type,
`experiments/paired/ab.py` runs the A/A, `compare.py` takes the floor as a number.
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path

from resnet_bench.config import Config
from resnet_bench.errors import RecordError
from resnet_bench.records.ab import AbRecord, rate
from resnet_bench.records.machine import Machine
from resnet_bench.records.noise_floor import NoiseFloor, floor_file


def kind_of(config: Config, machine: Machine) -> str:
    """Which floor holds for a workload: "train-cpu"."""
    return f"{config.step.mode}-{machine.device_kind}"


def floor_of(noise: AbRecord) -> NoiseFloor | None:
    """The floor that an A/A run shows; None where it has no interval or its machine is unknown."""
    result, side = noise.result, noise.a
    if result is None or side.machine is None:
        return None
    low, high = result.ratio.low, result.ratio.high
    if low is None or high is None:
        return None
    processes = [math.log(rate(rounds)) for pair in result.pairs for rounds in (pair.a, pair.b)]
    return NoiseFloor(
        id=noise.id,
        created_at=noise.created_at,
        tool_version=noise.tool_version,
        outcome=noise.outcome,
        machine_id=side.environment.machine_id if side.environment else None,
        kind=kind_of(side.resolved or side.requested, side.machine),
        floor=math.expm1(max(-math.log(low), math.log(high))),
        pair_sd=statistics.stdev(math.log(pair.ratio) for pair in result.pairs),
        process_sd=statistics.stdev(processes),
        pairs=len(result.pairs),
    )


def find(cache: Path, machine_id: str | None, kind: str) -> NoiseFloor | None:
    """The floor that is kept for this machine and kind; None where there is none that can be read."""
    try:
        return NoiseFloor.load(cache / NoiseFloor.subfolder / floor_file(machine_id, kind))
    except RecordError:
        return None
