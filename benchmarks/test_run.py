"""The four rows of `pytest --benchmark-only`: train, infer for throughput, infer for latency, input."""

from __future__ import annotations

from collections.abc import Callable

from resnet_bench.records.record import Record

Bench = Callable[[str], Record]


def test_train(resnet_bench: Bench) -> None:
    """Forward, gradients and optimizer, fed from JPEG TFRecords."""
    resnet_bench("--mode train")


def test_infer_throughput(resnet_bench: Bench) -> None:
    """The forward pass, fed from JPEG TFRecords."""
    resnet_bench("--mode infer")


def test_infer_latency(resnet_bench: Bench) -> None:
    """One image at a time, each step waited for; the image lies on the device."""
    resnet_bench("--mode infer --source synthetic --batch-size 1 --steps 1 --rounds 300 --warmup 10")


def test_input(resnet_bench: Bench) -> None:
    """The input pipeline alone."""
    resnet_bench("--mode input")
