"""Words of pipeline results. Pure.

Neighbours: `report/terminal/` and `report/page/` show them.
"""

from __future__ import annotations

from resnet_bench.records.pipeline import EpochRate


def epoch_name(one: EpochRate) -> str:
    """The name of a pass over the data."""
    name = "read alone" if one.until == "read" else f"{one.epoch}"
    return name if one.complete else f"{name} (cut)"
