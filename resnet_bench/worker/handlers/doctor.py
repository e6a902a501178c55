"""Examine the machine inside a worker, for `bench-cli doctor`. Neighbour: `runtime/doctor.py` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_bench.worker import protocol as p

if TYPE_CHECKING:
    from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession


def examine(session: TensorFlowSession, command: p.RunDoctor) -> p.DoctorDone:
    """What this machine has and can do; imports TensorFlow, and blocks."""
    from resnet_bench.runtime.doctor import run_doctor

    with session.phases.enter("examine"):
        return p.DoctorDone(examination=run_doctor(command.config))
