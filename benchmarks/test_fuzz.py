"""Campaign: ten thousand random inputs of every kind that is read, without a traceback and without a hang.

    pytest --benchmark-only --bench-campaign benchmarks/test_fuzz.py

`RESNET_BENCH_FUZZ` sets another number of inputs. No input may take longer than `SLOWEST_S`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gauntlet import fuzz

pytestmark = pytest.mark.campaign
INPUTS = int(os.environ.get("RESNET_BENCH_FUZZ", "10000"))
SLOWEST_S = 20

many = settings(
    max_examples=INPUTS,
    deadline=timedelta(seconds=SLOWEST_S),
    database=None,
    suppress_health_check=list(HealthCheck),
)


def once(benchmark: Any, search: Callable[[], None]) -> None:
    """The whole search as one round."""
    benchmark.pedantic(search, rounds=1, iterations=1)
    benchmark.extra_info.update(inputs=INPUTS)


@pytest.mark.parametrize("kind", fuzz.FILES)
def test_files(kind: str, benchmark: Any, tmp_path: Path) -> None:
    """Each ends in an answer or an error of ours."""
    make, check = fuzz.FILES[kind]

    @many
    @given(data=st.data())
    def search(data: st.DataObject) -> None:
        check(data.draw(make()), tmp_path)

    once(benchmark, search)


def test_words(benchmark: Any) -> None:
    """Each command line becomes a configuration or an error of ours."""

    @many
    @given(given_words=fuzz.words())
    def search(given_words: list[str]) -> None:
        fuzz.check_words(given_words)

    once(benchmark, search)
