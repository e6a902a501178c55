"""What is changed when one option is changed, and what a naive pipeline is."""

from __future__ import annotations

import pytest

from resnet_bench.config import DataConfig
from resnet_bench.config.options import options, parse_value
from resnet_bench.experiments import pipeline_variants
from tests.support.data_files import config


def data(**values: object) -> DataConfig:
    return config(**values).data


def changed(one: DataConfig, other: DataConfig) -> set[str]:
    return {name for name in DataConfig.__struct_fields__ if getattr(one, name) != getattr(other, name)}


def test_each_variant_changes_the_one_option_that_it_names() -> None:
    full = pipeline_variants.full(data())
    for one in pipeline_variants.ablations(data(), 1, 100):
        assert one.data is not None
        if one.name == "naive":
            continue
        (name,) = changed(full, one.data)
        flag, _, value = one.change.partition(" ")
        (option,) = (option for option in options() if option.name == name)
        assert flag in option.flag.split("/")
        expected = parse_value(option, value) if value else not flag.startswith("--no-")
        assert getattr(one.data, name) == expected


def test_what_is_off_already_is_not_switched_off() -> None:
    plain = data(prefetch_buffer_size=0, num_parallel_calls=1, cycle_length=1, decode="full", autotune=False)
    names = {one.name for one in pipeline_variants.ablations(plain, 1, 100)}
    assert not names & {"prefetch", "parallel map", "parallel interleave", "fused decode", "autotuning"}


def test_tensorflows_own_rewrites_are_off_everywhere() -> None:
    given = data(inject_prefetch=True, map_parallelization=True)
    for one in (pipeline_variants.full(given), *(one.data for one in pipeline_variants.ablations(given, 1, 100))):
        assert one is not None
        assert not one.inject_prefetch
        assert not one.map_parallelization


def test_the_naive_pipeline_has_nothing_on() -> None:
    naive = pipeline_variants.naive(
        data(cache="records", parallel_batch=True, map_and_batch_fusion=True, inject_prefetch=True)
    )
    assert (naive.prefetch_buffer_size, naive.num_parallel_calls, naive.cycle_length) == (0, 1, 1)
    assert (naive.decode, naive.cache, naive.private_threadpool_size, naive.autotune) == ("full", "none", 0, False)
    rewrites = [naive.inject_prefetch, naive.map_parallelization, naive.parallel_batch, naive.map_and_batch_fusion]
    assert rewrites == [False] * 4


@pytest.mark.parametrize(("data_bytes", "free"), [(26, 100), (None, 100), (1, None)])
def test_a_cache_that_may_not_fit_is_left_out_with_its_reason(data_bytes: int | None, free: int | None) -> None:
    (cache,) = (one for one in pipeline_variants.ablations(data(), data_bytes, free) if one.name == "cache")
    assert cache.data is None
    assert "does not fit" in cache.why


def test_a_cache_over_its_budget_is_left_out() -> None:
    (cache,) = (one for one in pipeline_variants.ablations(data(cache_budget=5), 6, 1000) if one.name == "cache")
    assert (cache.data, cache.why) == (None, "the data does not fit into --cache-budget")


def test_a_cache_that_is_on_is_switched_off() -> None:
    (cache,) = (one for one in pipeline_variants.ablations(data(cache="records"), None, None) if one.name == "cache")
    assert (cache.change, cache.data and cache.data.cache) == ("--cache none", "none")
