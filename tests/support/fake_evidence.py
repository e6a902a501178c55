"""What a fake worker lets be seen: a run in which all went as asked, or what a scenario spoils of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from resnet_bench.records.evidence import Operations, Seen, Window

if TYPE_CHECKING:
    from resnet_bench.experiments.evidence_pass import EvidencePass

ARTEFACT = "executed_graphs.tsv.gz"


def no_pass(afterwards: EvidencePass) -> None:
    """In the place of `EvidencePass.run` where a test is about something else: no second process."""
    del afterwards


def window(scenario: str) -> Seen:
    """One timed window; "retrace" traces the step once more inside it."""
    inside = 1 if scenario == "retrace" else 0
    return Seen(windows=(Window(wall_s=1.0, traces=1, traces_inside=inside),), output_device="/device:CPU:0")


def untimed(scenario: str, folder: str | None) -> Seen:
    """ResNet-50's training step as executed; in "unfused" one of its batch norms is not fused."""
    source = f"{ARTEFACT} (not kept)"
    if folder is not None:
        Path(folder).mkdir(parents=True)
        (Path(folder) / ARTEFACT).write_bytes(b"")
        source = f"{Path(folder).name}/{ARTEFACT}"
    separate = 1 if scenario == "unfused" else 0
    executed = Operations(
        source=source,
        devices={"CPU:0": 300},
        operations=400,
        convolutions={"float32": 53},
        gradients={"float32": 105},
        flops={"float32": 1e12},
        data_formats={"NHWC": 158},
        fused_norms=53 - separate,
        separate_norms=separate,
        onednn=100,
    )
    return Seen(executed=executed, compilations=(), xla_clusters=0)
