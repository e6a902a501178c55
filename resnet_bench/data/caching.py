"""Whether what `--cache` would keep fits into its budget. Pure.

tf.data's cache in memory has no bound: one that does not fit ends with an out-of-memory kill in the middle of the first
epoch. So a data set that is larger than the budget is not cached at all, and a notice says so: with a partial cache
every epoch would be fast in one part and slow in the other. Neighbour: `pipeline.plan_of` calls it.
"""

from __future__ import annotations

from msgspec.structs import replace

from resnet_bench.config import DataConfig
from resnet_bench.config.fields import Value
from resnet_bench.data.sources.base import SourceFiles
from resnet_bench.records.base import Notice

AUTO_SHARE = 0.5
"""Of the memory that is available when the data is opened."""


def needed_bytes(cache: str, source: SourceFiles, image_bytes: int) -> int | None:
    """What the whole data set takes in a cache of "records" or decoded "images" of `image_bytes`; None if
    their number is unknown."""
    if cache == "records":
        return source.facts.bytes
    images = source.records or source.facts.images
    return None if images is None else images * image_bytes


def fitted(
    data: DataConfig, source: SourceFiles, image_bytes: int, available_bytes: int, copies: int = 1
) -> tuple[DataConfig, tuple[Notice, ...]]:
    """The options, without the cache if the data set exceeds the budget, and the notices about that.

    copies: pipelines alive at once, each with its own cache. A data set of unknown size counts as too large.
    """
    if data.cache == "none":
        return data, ()
    budget = int(available_bytes * AUTO_SHARE) if data.cache_budget == "auto" else data.cache_budget
    whole = needed_bytes(data.cache, source, image_bytes)
    needed = None if whole is None else whole * copies
    if needed is not None and needed <= budget:
        return data, ()
    told: dict[str, Value] = {"cache": data.cache, "budget_bytes": budget}
    if needed is None:
        return replace(data, cache="none"), (Notice.make("cache_size_unknown", **told),)
    facts = {**told, "needed_bytes": needed}
    if copies > 1:
        return replace(data, cache="none"), (Notice.make("cache_over_budget_in_all", **facts, of=copies),)
    return replace(data, cache="none"), (Notice.make("cache_over_budget", **facts),)
