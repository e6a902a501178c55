"""Which pipeline options `data bench --ablate` changes, one at a time, and what each variant is called. Pure.

tf.data's own rewrites (automatic prefetch, automatic parallel maps, map and batch in one) are off in every variant,
the full one included: they would restore what a variant removes. Neighbour: `data_bench.py` measures them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from resnet_bench.config import DataConfig
from resnet_bench.config.option import approximations, options_of

FULL = "full"
PIXEL_OPTIONS = frozenset(option.name for option in options_of(DataConfig) if "pixels" in option.extra)
"""Options that change how images are decoded, by their declaration."""

CACHE_SHARE = 0.25
"""Fraction of the available memory; a larger data set is not cached for a comparison."""


@dataclass(frozen=True)
class Ablation:
    """One variant: its name, the change as on the command line, and the options (None: it cannot run, see `why`)."""

    name: str
    change: str
    data: DataConfig | None
    why: str = ""


def exact(data: DataConfig) -> DataConfig:
    """The same pipeline without the options that change pixels for speed."""
    return replace(data, **{option.name: option.default for option in approximations()})


def changes_pixels_alone(one: DataConfig, other: DataConfig) -> bool:
    """Whether two pipelines give the same images in the same order, but for how they are decoded."""
    differs = {name for name in DataConfig.__struct_fields__ if getattr(one, name) != getattr(other, name)}
    return bool(differs) and differs <= PIXEL_OPTIONS


def full(data: DataConfig) -> DataConfig:
    """The reference pipeline: as configured, without tf.data's own rewrites. Map and batch are separate stages: fused,
    they would run ahead without a prefetch, and in parallel without parallel calls."""
    return replace(data, inject_prefetch=False, map_parallelization=False, map_and_batch_fusion=False)


def ablations(data: DataConfig, data_bytes: int | None, available_bytes: int | None) -> tuple[Ablation, ...]:
    """The variants of a resolved configuration; options that are off already are not switched off again."""
    return tuple(_walk(full(data), data_bytes, available_bytes))


def _walk(data: DataConfig, data_bytes: int | None, available_bytes: int | None) -> Iterator[Ablation]:
    if data.prefetch_buffer_size:
        yield Ablation("prefetch", "--prefetch-buffer-size 0", replace(data, prefetch_buffer_size=0))
    if data.num_parallel_calls != 1:
        yield Ablation("parallel map", "--num-parallel-calls 1", replace(data, num_parallel_calls=1))
    if data.cycle_length != 1:
        yield Ablation("parallel interleave", "--cycle-length 1", replace(data, cycle_length=1))
    if data.decode == "fused":
        yield Ablation("fused decode", "--decode full", replace(data, decode="full"))
    if data.flip and not data.vectorized_augment:
        yield Ablation("augmenting batches", "--vectorized-augment", replace(data, vectorized_augment=True))
    if data.flip and data.vectorized_augment:
        yield Ablation("augmenting images", "--no-vectorized-augment", replace(data, vectorized_augment=False))
    if data.dct_method == "INTEGER_ACCURATE":
        yield Ablation("accurate transform", "--dct-method INTEGER_FAST", replace(data, dct_method="INTEGER_FAST"))
    if data.fancy_upscaling:
        yield Ablation("smooth upscaling", "--no-fancy-upscaling", replace(data, fancy_upscaling=False))
    if data.data_deterministic:
        yield Ablation("determinism", "--no-data-deterministic", replace(data, data_deterministic=False))
    if data.private_threadpool_size:
        yield Ablation("private threads", "--private-threadpool-size 0", replace(data, private_threadpool_size=0))
    if data.autotune:
        yield Ablation("autotuning", "--no-autotune", replace(data, autotune=False))
    yield _cache(data, data_bytes, available_bytes)
    yield Ablation("map and batch fused", "--map-and-batch-fusion", replace(data, map_and_batch_fusion=True))
    if not data.parallel_batch:
        yield Ablation("parallel batch", "--parallel-batch", replace(data, parallel_batch=True))
    yield Ablation("naive", "the naive pipeline", naive(data))


def _cache(data: DataConfig, data_bytes: int | None, available_bytes: int | None) -> Ablation:
    """The cache turned off; or on, if it is off and the data fits."""
    if data.cache != "none":
        return Ablation("cache", "--cache none", replace(data, cache="none"))
    if data_bytes is None or available_bytes is None or data_bytes > CACHE_SHARE * available_bytes:
        return Ablation("cache", "--cache records", None, "the data does not fit into a quarter of the free memory")
    if data.cache_budget != "auto" and data_bytes > data.cache_budget:
        return Ablation("cache", "--cache records", None, "the data does not fit into --cache-budget")
    return Ablation("cache", "--cache records", replace(data, cache="records"))


def naive(data: DataConfig) -> DataConfig:
    """A pipeline without optimizations: one file, one image and one batch at a time."""
    return replace(
        full(data),
        prefetch_buffer_size=0,
        num_parallel_calls=1,
        cycle_length=1,
        decode="full",
        private_threadpool_size=0,
        autotune=False,
        cache="none",
        parallel_batch=False,
    )
