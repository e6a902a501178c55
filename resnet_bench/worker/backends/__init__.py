"""The frameworks that a worker can run, one file each: `base.py` says what a backend is and how to add one.

Importing this package imports no framework; a worker process loads the one file that `--runtime` names.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from resnet_bench.config.runtime import RuntimeName

if TYPE_CHECKING:
    from resnet_bench.worker.backends.base import Backend
    from resnet_bench.worker.phases import Phases

FILES: dict[RuntimeName, str] = {"tensorflow": "tensorflow", "keras": "keras_reference"}
"""Which file of this folder holds the backend of a `--runtime`."""


def open_backend(runtime: RuntimeName, phases: Phases) -> Backend:
    """The backend of a `--runtime`; imports its file, which imports no framework yet."""
    backend: Backend = import_module(f"{__name__}.{FILES[runtime]}").new_backend(phases)
    return backend
