"""Words of measured peaks and energy. Pure.

Neighbours: `report/terminal/` and `report/page/` show them.
"""

from __future__ import annotations

from resnet_bench import units
from resnet_bench.analysis import roofline
from resnet_bench.records.roofline import Energy, Roofline


def flop_rate(flops_per_s: float | None) -> str:
    """Operations per second: 174 GFLOP/s."""
    return units.UNKNOWN if flops_per_s is None else f"{units.count(flops_per_s)}FLOP/s"


def byte_rate(bytes_per_s: float | None) -> str:
    """Bytes per second in decimal units, as memory is sold: 41.3 GB/s."""
    return units.UNKNOWN if bytes_per_s is None else f"{units.count(bytes_per_s)}B/s"


def line(found: Roofline | None) -> str:
    """ "MFU 44 % (268 of 610 GFLOP/s in float32); measured peaks allow a step of 307 ms; most to gain: norm, 45 ms"."""
    if found is None:
        return ""
    peak = found.peak_flops_per_s.get(f"matmul {found.dtype}")
    reached = flop_rate(found.step_flops / found.step_s)
    words = [f"MFU {units.share(found.mfu)} ({reached} of {flop_rate(peak)} in {found.dtype})"]
    if found.step_limit_s is not None:
        words.append(f"measured peaks allow a step of {units.duration(found.step_limit_s)}")
    gains = roofline.gains(found)
    if gains:
        words.append(f"most to gain: {gains[0].name}, {units.duration(gains[0].gain_s)}")
    return "; ".join(words)


def energy_line(found: Energy | None) -> str:
    """ "64.6 W, 21 W idle; 0.912 images per joule beyond idle"; empty where nothing was measured, which the record
    and the report explain."""
    if found is None or found.status == "unavailable" or found.active_w is None:
        return ""
    idle = "idle unknown" if found.idle_w is None else f"{units.significant(found.idle_w)} W idle"
    words = [f"{units.significant(found.active_w)} W, {idle}"]
    if found.images_per_joule is not None:
        words.append(f"{units.significant(found.images_per_joule)} images per joule beyond idle")
    return f"{'; '.join(words)} ({(found.source or '').upper()})"
