"""Whether a data set fits into the cache's budget, and what is told where it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.config import DataConfig
from resnet_bench.data import caching
from resnet_bench.data.sources import SourceFiles
from resnet_bench.records.run import DataFacts

FREE = 1000
IMAGE_BYTES = 10


def source(images: int | None, stored: int | None, records: int | None = None) -> SourceFiles:
    facts = DataFacts(source="tfrecord", images=images, bytes=stored)
    return SourceFiles(kind="records", files=("a",), facts=facts, remedy="", records=records)


def fitted(images: int | None = 30, stored: int | None = 400, **values: Any) -> tuple[str, list[str]]:
    """The cache that remains, and the kinds of what is told."""
    data, notices = caching.fitted(DataConfig(**values), source(images, stored), IMAGE_BYTES, FREE)
    return data.cache, [notice.kind for notice in notices]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cache": "none", "cache_budget": 1}, ("none", [])),
        ({"cache": "records"}, ("records", [])),  # 400 bytes of half of what is free
        ({"cache": "records", "stored": 501}, ("none", ["cache_over_budget"])),
        ({"cache": "records", "cache_budget": 400}, ("records", [])),
        ({"cache": "records", "cache_budget": 399}, ("none", ["cache_over_budget"])),
        ({"cache": "images", "cache_budget": 300}, ("images", [])),  # 30 images of 10 bytes
        ({"cache": "images", "cache_budget": 299}, ("none", ["cache_over_budget"])),
        ({"cache": "images", "images": None}, ("none", ["cache_size_unknown"])),
    ],
)
def test_what_fits(values: dict[str, Any], expected: tuple[str, list[str]]) -> None:
    assert fitted(**values) == expected


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_what_is_cached_never_exceeds_the_budget(stored: int, budget: int) -> None:
    cache, told = fitted(stored=stored, cache="records", cache_budget=budget)
    assert (cache == "records") == (stored <= budget) == (not told)


def test_the_sentence_names_both_sizes_and_what_to_do() -> None:
    data = DataConfig(cache="records", cache_budget=2**30)
    _, (notice,) = caching.fitted(data, source(10, 3 * 2**30), IMAGE_BYTES, FREE)
    words = notice.message
    assert all(part in words for part in ("--cache records", "3.00 GiB", "1.00 GiB", "--cache-budget"))


def test_each_of_several_pipelines_has_a_cache_of_its_own() -> None:
    data = DataConfig(cache="records", cache_budget=1000)
    kept = [caching.fitted(data, source(30, 400), IMAGE_BYTES, FREE, copies)[0].cache for copies in (1, 2, 3)]
    assert kept == ["records", "records", "none"]
    _, (notice,) = caching.fitted(data, source(30, 400), IMAGE_BYTES, FREE, 3)
    assert "up to 3 pipelines" in notice.message


def test_records_that_were_counted_tell_the_size_of_their_images() -> None:
    assert caching.needed_bytes("images", source(None, 1, records=7), IMAGE_BYTES) == 70
