"""The noise floor of a machine, as it is saved in the cache folder: one file per machine and kind of workload.

Neighbours: `analysis/noise_floor.py` computes it and keeps it.
"""

from __future__ import annotations

from typing import ClassVar

from resnet_bench.records.run import Outcome
from resnet_bench.records.saved import Saved

SCHEMA_VERSION = 2
"""1: first version. 2: `type`, and the id, version and outcome of the A/A run."""


class NoiseFloor(Saved, frozen=True, kw_only=True, tag="noise_floor"):
    """How different two identical configurations were measured to be, as fractions; `id` is that of the A/A run.

    `floor` is the end of the A/A interval that lies farther from 1. `pair_sd` is the standard deviation of
    the logarithm of a pair's ratio, `process_sd` that of a process' rate: interleaving removes the difference.
    """

    noun: ClassVar[str] = "noise floor"
    subfolder: ClassVar[str] = "noise"

    schema_version: int = SCHEMA_VERSION
    id: str = ""
    tool_version: str = ""
    outcome: Outcome = Outcome(kind="ok")
    machine_id: str | None
    kind: str
    floor: float
    pair_sd: float
    process_sd: float
    pairs: int

    @property
    def file_name(self) -> str:
        """A newer floor of the same machine and kind replaces it."""
        return floor_file(self.machine_id, self.kind)


def floor_file(machine_id: str | None, kind: str) -> str:
    """The file's name for a machine and a kind of workload."""
    return f"{machine_id or 'unidentified'}-{kind}.json"
