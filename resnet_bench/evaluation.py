"""An evaluation as it is saved: which networks, which images, on what machine, and the scores. Pure.

Neighbours: `scores.py` has the statistics, `worker/judge.py` makes one, `report/evaluation.py` words it.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from resnet_bench.config import Config
from resnet_bench.environment import Environment
from resnet_bench.record import write_atomically
from resnet_bench.results import Data, DataFacts, Machine, ModelScore, Notice, ScoreDifference

SCHEMA_VERSION = 1


class Evaluation(Data, frozen=True, kw_only=True):
    """One or two networks on the same images; `difference` is the second against the first."""

    schema_version: int = SCHEMA_VERSION
    id: str
    created_at: str
    tool_version: str
    config: Config
    machine: Machine
    environment: Environment
    data: DataFacts
    part: str
    models: tuple[ModelScore, ...]
    difference: ScoreDifference | None = None
    notices: tuple[Notice, ...] = ()


def to_json(evaluation: Evaluation) -> bytes:
    """The evaluation as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(evaluation, order="deterministic"), indent=2) + b"\n"


def save(evaluation: Evaluation, folder: Path) -> Path:
    """Write it into `folder`/evaluate, apart from the records, by atomic rename; returns its path."""
    stamp = re.sub(r"[-:]|\.\d+|\+00:00", "", evaluation.created_at).rstrip("Z")
    path = folder / "evaluate" / f"{stamp}Z-{evaluation.id[:8]}.json"
    write_atomically(path, to_json(evaluation))
    return path
