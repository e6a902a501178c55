"""`--batch-size max`: the search on numbers, then with workers that run out of memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.config.options import parse_args
from resnet_bench.errors import ConfigError
from resnet_bench.experiments import batch_search
from resnet_bench.experiments.batch_search import BatchSearchTimeout, Bracket, MemoryPeaks, largest
from resnet_bench.runtime.resolve import resolve
from tests.experiments.test_run import kinds, run
from tests.support.fake_worker import MACHINE

WORDS = "--batch-size max --processes 1 --rounds 3 --steps 1 --max-time 1h"


@given(limit=st.integers(1, 5000), start=st.integers(1, 600))
def test_the_largest_batch_is_found_exactly(limit: int, start: int) -> None:
    tried: list[int] = []

    def fits(batch: int) -> bool:
        tried.append(batch)
        return batch <= limit

    assert largest(fits, start) == Bracket(limit, limit + 1, complete=True)
    assert len(tried) == len(set(tried)) <= 30


@given(limit=st.integers(1, 5000), named=st.integers(-10, 9000))
def test_a_bad_guess_costs_tries_but_never_the_answer(limit: int, named: int) -> None:
    assert largest(lambda batch: batch <= limit, guess=lambda _low, _high: named).fits == limit


def test_nothing_that_fits_and_everything_that_fits() -> None:
    assert largest(lambda _batch: False) == Bracket(None, 1, complete=True)
    assert largest(lambda _batch: True, most=100) == Bracket(100, None, complete=True)


def test_the_end_of_the_time_keeps_what_is_known() -> None:
    def fits(batch: int) -> bool:
        if batch == 64:
            raise BatchSearchTimeout
        return True

    assert largest(fits) == Bracket(32, None, complete=False)


def test_peaks_on_a_line_name_the_largest_batch_within_the_limit() -> None:
    peaks = MemoryPeaks(limit_bytes=1000, measured={16: 260, 32: 420})  # 100 + 10 per image
    assert peaks.expected(64) == pytest.approx(740)
    assert peaks.guess(32, 128) == 90
    assert peaks.guess(90, 128) == 91  # confirm that one more is too much
    assert MemoryPeaks(1000, {16: 500}).expected(32) == 1000
    assert MemoryPeaks(1000).expected(32) is None


def test_a_batch_that_runs_out_of_memory_does_not_fit() -> None:
    record = run(WORDS, OOM_ABOVE="37")
    assert record.config.requested.step.batch_size == "max"
    assert record.config.resolved is not None
    assert record.config.resolved.step.batch_size == 37
    assert {one.images // one.steps for one in record.samples.processes[0].rounds} == {37}
    (notice,) = (notice for notice in record.warnings if notice.kind == "batch_found_host")
    assert (notice.facts["batch"], notice.facts["too_large"]) == (37, 38)


def test_on_a_cpu_what_would_not_fit_is_never_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_search, "available_bytes", lambda: 2 << 30)
    per_image = 10 << 20
    allowed = (int((2 << 30) * 0.9) - (1 << 30)) // per_image
    record = run(WORDS, BYTES_PER_IMAGE=str(per_image), OOM_ABOVE=str(allowed))
    assert record.config.resolved is not None
    assert record.config.resolved.step.batch_size == allowed
    assert record.outcome.kind == "ok"
    (notice,) = (notice for notice in record.warnings if notice.kind == "batch_found_host")
    assert notice.facts["tries"] == 4  # 16, 32, 64, and the one that the line names


def test_another_failure_is_an_error_not_a_batch_that_is_too_large() -> None:
    record = run(WORDS, "crash:build")
    assert (record.outcome.kind, record.outcome.phase) == ("crashed", "build")
    assert record.samples.processes == ()


def test_not_even_one_image_is_out_of_memory() -> None:
    record = run(WORDS, OOM_ABOVE="0")
    assert record.outcome.kind == "out_of_memory"
    assert "not even one image" in record.outcome.message


def test_a_search_that_the_budget_ends_says_so() -> None:
    record = run(WORDS.replace("1h", "14"), "hang:warmup", OOM_ABOVE="1000")
    assert record.outcome.kind == "budget"
    assert "--max-time" in record.outcome.remedy
    assert "batch_found_host" not in kinds(record.warnings)


def test_max_that_nobody_has_searched_for_is_refused() -> None:
    config, _ = parse_args(["--batch-size", "max"])
    with pytest.raises(ConfigError, match="--batch-size max"):
        resolve(config, MACHINE)
