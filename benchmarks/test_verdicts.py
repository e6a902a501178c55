"""Campaign: a quiet machine lets a standard run reach `valid`, and a busy loop beside it does not.

One short workload (inference at 64 pixels), measured alone and beside a process that computes without pause.
Both records are kept in `benchmarks/results/`. A machine that is not quiet by itself misses the first goal; the
reasons say why.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from resnet_bench.config.options import parse_args
from resnet_bench.experiments import run
from resnet_bench.pytest_plugin import CLOCK
from resnet_bench.records.files import write_atomically
from resnet_bench.records.record import Record

pytestmark = [pytest.mark.campaign, pytest.mark.benchmark(timer=CLOCK)]
RESULTS = Path(__file__).parent / "results"
WORDS = (
    "--preset standard --mode infer --image-size 64 --source synthetic --latency-samples 0 --device cpu --evidence off"
)


@contextmanager
def busy_loop() -> Iterator[None]:
    """One process that computes without pause."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as loop:
        try:
            yield
        finally:
            loop.kill()


def measure(benchmark: Any, name: str) -> Record:
    """Run the workload, keep its record, show its verdict."""
    record = run.run(*parse_args(shlex.split(WORDS)))
    write_atomically(RESULTS / f"verdict_{name}.json", record.to_json())
    reasons = [reason.message for reason in record.verdict.reasons]
    benchmark.extra_info.update(verdict=record.verdict.kind, reasons=reasons)
    assert record.summary is not None, record.outcome.message
    step_s = record.summary.step_s.value
    benchmark.pedantic(lambda: CLOCK.advance(step_s), rounds=1, iterations=1)
    sys.stderr.write("\n".join([f"\n{name}: {record.verdict.kind}", *reasons, ""]))
    return record


def test_a_quiet_standard_run_reaches_valid(benchmark: Any) -> None:
    """The goal is `valid`; what the machine did instead is reported."""
    benchmark.extra_info.update(goal="valid", met=measure(benchmark, "quiet").verdict.kind == "valid")


def test_a_busy_loop_beside_it_prevents_valid(benchmark: Any) -> None:
    """A busy loop must never go unnoticed."""
    with busy_loop():
        record = measure(benchmark, "busy")
    assert record.verdict.kind != "valid"
    assert "other_load" in {reason.kind for reason in record.verdict.reasons}
