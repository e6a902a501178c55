"""This machine's noise floor: what an A/A run came to, kept in the cache folder for later comparisons.

One file per machine and kind of workload (mode and device). Neighbours: `ab.py` runs the A/A, `compare.py`
takes the floor as a number.
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import msgspec

from resnet_bench.config import Config
from resnet_bench.records.ab import AbRecord, rate
from resnet_bench.records.base import Data
from resnet_bench.records.files import write_atomically
from resnet_bench.records.machine import Machine

SCHEMA_VERSION = 1


class NoiseFloor(Data, frozen=True, kw_only=True):
    """How different two identical configurations came out, as fractions.

    `floor` is the end of the A/A interval that lies farther from 1. `pair_sd` is the standard deviation of
    the logarithm of a pair's ratio, `process_sd` that of a process' rate: what turns gain is between them.
    """

    schema_version: int = SCHEMA_VERSION
    machine_id: str | None
    kind: str
    created_at: str
    floor: float
    pair_sd: float
    process_sd: float
    pairs: int


def kind_of(config: Config, machine: Machine) -> str:
    """Which floor holds for a workload: "train-cpu"."""
    return f"{config.step.mode}-{machine.device_kind}"


def floor_of(contest: AbRecord) -> NoiseFloor | None:
    """The floor that an A/A contest shows; None where it has no interval or never knew its machine."""
    result, side = contest.result, contest.a
    if result is None or side.machine is None:
        return None
    low, high = result.ratio.low, result.ratio.high
    if low is None or high is None:
        return None
    processes = [math.log(rate(rounds)) for pair in result.pairs for rounds in (pair.a, pair.b)]
    return NoiseFloor(
        machine_id=side.environment.machine_id if side.environment else None,
        kind=kind_of(side.resolved or side.requested, side.machine),
        created_at=contest.created_at,
        floor=math.expm1(max(-math.log(low), math.log(high))),
        pair_sd=statistics.stdev(math.log(pair.ratio) for pair in result.pairs),
        process_sd=statistics.stdev(processes),
        pairs=len(result.pairs),
    )


def store(floor: NoiseFloor, cache: Path) -> Path:
    """Keep it, in place of an older one; atomic."""
    path = _path(cache, floor.machine_id, floor.kind)
    write_atomically(path, msgspec.json.format(msgspec.json.encode(floor, order="deterministic"), indent=2) + b"\n")
    return path


def find(cache: Path, machine_id: str | None, kind: str) -> NoiseFloor | None:
    """The floor that is kept for this machine and kind; None where there is none that can be read."""
    try:
        found = msgspec.json.decode(_path(cache, machine_id, kind).read_bytes(), type=NoiseFloor)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.schema_version <= SCHEMA_VERSION else None


def _path(cache: Path, machine_id: str | None, kind: str) -> Path:
    return cache / "noise" / f"{machine_id or 'unidentified'}-{kind}.json"
