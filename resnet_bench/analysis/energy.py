"""The account of a run's energy: what its counted rounds took, an idle machine subtracted. Pure.

Neighbours: `runtime/energy.py` reads counters, `experiments/run.py` asks for the sum once a run is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from resnet_bench.config.fields import Value
from resnet_bench.records.machine import Machine
from resnet_bench.records.roofline import Energy
from resnet_bench.records.run import Round, Samples


def run_energy(
    samples: Samples, machine: Machine | None, idle_w: Sequence[float | None], why: str = ""
) -> Energy | None:
    """The energy of the counted rounds; None where nothing was counted.

    `idle_w` is the power of the idle machine before the first process and after the last, None where it is
    unknown. `why` says why there is no counter. A GPU without a counter is accounted by the power that was
    sampled at the end of each round, and says so.
    """
    rounds = [one for process in samples.processes for one in process.counted]
    if not rounds or machine is None:
        return None
    source: Literal["nvml", "rapl"] = "nvml" if machine.device_kind == "gpu" else "rapl"
    gross, method = _gross(rounds)
    if gross is None:
        return Energy(status="unavailable", why=why or "the counter could not be read in every round")
    seconds, images = sum(one.wall_s for one in rounds), sum(one.images for one in rounds)
    known = [value for value in idle_w if value is not None]
    idle = sum(known) / len(known) if known else None
    net = gross - (idle or 0.0) * seconds
    facts: dict[str, Value] = {
        "method": method,
        "gross_joules": gross,
        "seconds": seconds,
        "images": images,
        "idle_before_w": idle_w[0] if idle_w else None,
        "idle_after_w": idle_w[-1] if len(idle_w) > 1 else None,
    }
    return Energy(
        status="measured",
        why="" if idle is not None else "the idle power is unknown, so nothing was subtracted",
        source=source,
        idle_w=idle,
        active_w=gross / seconds,
        joules=net,
        images_per_joule=images / net if net > 0 else None,
        facts=facts,
    )


def _gross(rounds: Sequence[Round]) -> tuple[float | None, str]:
    """Joules of all rounds and how they were counted."""
    counted = [one.interference.energy_j for one in rounds]
    if None not in counted:
        return sum(value for value in counted if value is not None), "counter"
    sampled = [one.interference.gpu_power_w for one in rounds]
    if None in sampled:
        return None, ""
    pairs = zip(sampled, rounds, strict=True)
    return sum(power * one.wall_s for power, one in pairs if power is not None), "power samples"
