"""All process-global TensorFlow state and every device branch, handed on as one `Runtime`.

In order: `inspect_host` and `set_environment` before TensorFlow is imported, `find_machine` and `start`
after. Importing this package imports no TensorFlow.
"""

from __future__ import annotations

from resnet_bench.runtime.cpu import HostFacts, Threads, inspect_host, threads
from resnet_bench.runtime.environ import set_environment
from resnet_bench.runtime.gpu import GpuProbe, find_machine
from resnet_bench.runtime.state import Runtime, start
from resnet_bench.runtime.sync import wait

__all__ = [
    "GpuProbe",
    "HostFacts",
    "Runtime",
    "Threads",
    "find_machine",
    "inspect_host",
    "set_environment",
    "start",
    "threads",
    "wait",
]
