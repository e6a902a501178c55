"""Rows of your own in pytest-benchmark's table: pytest --benchmark-only docs/examples/test_my_rows.py"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resnet_bench.records.record import Record

NETWORK = "--mode infer --image-size 64 --source synthetic"


@pytest.mark.parametrize("batch_size", [1, 16])
def test_inference(resnet_bench: Callable[[str], Record], batch_size: int) -> None:
    record = resnet_bench(f"{NETWORK} --batch-size {batch_size}")
    assert record.outcome.kind == "ok"
