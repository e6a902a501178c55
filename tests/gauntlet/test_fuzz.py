"""Random records, shards, TOML files and command lines end in an answer or in an error of ours; ten thousand of each
are a campaign (`benchmarks/test_fuzz.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gauntlet import fuzz

few = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("kind", fuzz.FILES)
@few
@given(data=st.data())
def test_a_random_file_ends_in_an_answer_or_an_error_of_ours(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    make, check = fuzz.FILES[kind]
    check(data.draw(make()), tmp_path)


@few
@given(given_words=fuzz.words())
def test_random_words_become_a_configuration_or_an_error_of_ours(given_words: list[str]) -> None:
    fuzz.check_words(given_words)
