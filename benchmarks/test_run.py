"""The four rows of `pytest --benchmark-only`: train, infer for throughput, infer for latency, input."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resnet_bench.pytest_plugin_clock import CLOCK
from resnet_bench.records.record import Record

pytestmark = pytest.mark.benchmark(timer=CLOCK)

Bench = Callable[[str], Record]


def test_train(bench: Bench) -> None:
    """Forward, gradients and optimizer, fed from JPEG TFRecords."""
    bench("--mode train")


def test_infer_throughput(bench: Bench) -> None:
    """The forward pass, fed from JPEG TFRecords."""
    bench("--mode infer")


def test_infer_latency(bench: Bench) -> None:
    """One image at a time, each step waited for; the image lies on the device."""
    bench("--mode infer --source synthetic --batch-size 1 --steps 1 --rounds 300 --warmup 10")


def test_input(bench: Bench) -> None:
    """The input pipeline alone."""
    bench("--mode input")
