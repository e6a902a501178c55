"""The noise floor of this machine that the cache folder holds.

Neighbours: `analysis/noise_floor.py` computes and stores it, `run.py` notes differences below it.
"""

from __future__ import annotations

from resnet_bench.analysis.noise_floor import find, kind_of
from resnet_bench.config import Config
from resnet_bench.data import default_cache_dir
from resnet_bench.records.environment import Environment
from resnet_bench.records.machine import Machine


def known(config: Config, machine: Machine | None, environment: Environment | None) -> float | None:
    """The floor that this machine's cache folder holds for such a workload, as a fraction; None without one."""
    if machine is None or environment is None:
        return None
    found = find(default_cache_dir(), environment.machine_id, kind_of(config, machine))
    return None if found is None else found.floor
