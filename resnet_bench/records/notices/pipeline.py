"""Notices about the input pipeline: its cache, the tf.data service, and what `bench-cli data bench` finds."""

from __future__ import annotations

from resnet_bench.records.notices.kind import FactType, Kind

_SLOWEST: dict[str, FactType] = {
    "stage": str,
    "share": float,
    "gain": float | None,
    "cores": int,
    "busy": float | None,
    "others": float,
}

_CACHE = (
    Kind(
        "cache_over_budget",
        "cache",
        "degrades",
        "--cache {cache} needs {needed_bytes:size}, more than its budget of {budget_bytes:size}, so nothing is cached "
        "and every epoch reads the data again.",
        "Increase --cache-budget if there is memory.",
        {"cache": str, "budget_bytes": int, "needed_bytes": int},
    ),
    Kind(
        "cache_over_budget_in_all",
        "cache",
        "degrades",
        "--cache {cache} needs {needed_bytes:size} for up to {of} pipelines at once, more than its budget of "
        "{budget_bytes:size}, so nothing is cached and every epoch reads the data again.",
        "Increase --cache-budget if there is memory.",
        {"cache": str, "budget_bytes": int, "needed_bytes": int, "of": int},
    ),
    Kind(
        "cache_size_unknown",
        "cache",
        "degrades",
        "The size of --cache {cache} cannot be predicted (the number of records is unknown), so nothing is cached and "
        "every epoch reads the data again.",
        "Use --cache records.",
        {"cache": str, "budget_bytes": int},
    ),
)

_FILES = (
    Kind(
        "files_left_out",
        "pipeline",
        "info",
        "Not read from {data}: {what}.",
        facts={"data": str, "what": str},
    ),
    Kind(
        "parts_of_folder",
        "pipeline",
        "info",
        "{data} holds parts of a data set: {train} is read for training, {test}.",
        facts={"data": str, "train": str, "test": str},
    ),
)

_SERVICE = (
    Kind(
        "data_service_worker_lost",
        "data service",
        "degrades",
        "tf.data service worker {worker} was lost ({cause}); {then}. Part of its data is missing from this epoch, and "
        "the throughput is not that of all workers.",
        "Run again.",
        {"worker": int, "cause": str, "then": str},
    ),
    Kind(
        "data_service_open",
        "data service",
        "warning",
        "tf.data service listens on all network interfaces, without encryption or authentication: for the time of the "
        "run, anyone who reaches this machine can run graphs in it and read its files.",
        "On a network that you do not trust, run without one: unshare -r -n sh -c 'ip link set lo up; bench-cli ...'.",
    ),
    Kind(
        "data_service_runs_on",
        "data service",
        "warning",
        "The tf.data service at {address} cannot be paused: its workers may read ahead while the other side is timed.",
        "Compare with --data-service local:N instead.",
        {"address": str},
    ),
    Kind(
        "few_shards",
        "data service",
        "warning",
        "{shards} shards are too few for {workers} tf.data service workers: one shard is read by one worker at a time.",
        "Write more shards, or use fewer workers.",
        {"shards": int, "workers": int},
    ),
)

_STAGES = (
    Kind(
        "pipeline_bottleneck",
        "pipeline",
        "info",
        "The slowest stage is {stage}: {share:share} of the time per image (speedup if it cost nothing: {gain}x).",
        facts=_SLOWEST,
    ),
    Kind(
        "pipeline_cores_busy",
        "pipeline",
        "info",
        "The pipeline is CPU-bound: of {cores} cores it keeps {busy:.2f} busy, and other programs {others:.2f}. The "
        "slowest stage is {stage}: {share:share} of the time per image (speedup if it cost nothing: {gain}x).",
        "One more core would give up to {one_more:.2f}x; --data-service adds cores of other hosts.",
        {**_SLOWEST, "one_more": float},
    ),
    Kind(
        "pipeline_cores_idle",
        "pipeline",
        "info",
        "The pipeline waits: of {cores} cores it keeps {busy:.2f} busy, and other programs {others:.2f}. The slowest "
        "stage is {stage}: {share:share} of the time per image.",
        "Increase --num-parallel-calls, --cycle-length or --prefetch-buffer-size: using all free cores would give "
        "{room:.2f}x.",
        {**_SLOWEST, "room": float},
    ),
    Kind(
        "ablation_without_rewrites",
        "pipeline",
        "info",
        "--inject-prefetch, --map-parallelization and --map-and-batch-fusion were off while single options were "
        "changed, because they would undo the changes.",
    ),
    Kind(
        "pixels_approximate",
        "pipeline",
        "info",
        "--dct-method INTEGER_FAST and --no-fancy-upscaling change the pixel values slightly.",
        "bench-cli data bench with the same options shows by how much.",
    ),
    Kind(
        "pixels_changed",
        "pipeline",
        "info",
        "--dct-method INTEGER_FAST or --no-fancy-upscaling changes the pixel values by {difference} of 255 levels on "
        "average.",
        facts={"difference": float},
    ),
)

_EPOCHS = (
    Kind(
        "page_cache_unknown",
        "pipeline",
        "info",
        "The share of the data in the page cache is unknown here (files of another user, or no mincore), so epochs are "
        "not labelled cold or warm.",
    ),
    Kind(
        "page_cache_not_evicted",
        "pipeline",
        "warning",
        "{share:share} of the data stayed in the page cache after a request to drop it, so the first epoch does not "
        "show the disk's speed.",
        facts={"share": float},
    ),
    Kind(
        "epoch_cut",
        "pipeline",
        "warning",
        "Epoch {epoch} (up to stage {until}) ran out of time after {images} of {of} images.",
        "Increase --max-time.",
        {"epoch": int, "images": int, "of": int | None, "until": str},
    ),
    Kind(
        "memory_grows",
        "pipeline",
        "warning",
        "The worker's memory grew by {growth_bytes:size} over {images} images.",
        "Check --cache and --shuffle-buffer-size; use more --epochs to see whether it keeps growing.",
        {"growth_bytes": int, "images": int},
    ),
)

KINDS = (*_FILES, *_CACHE, *_SERVICE, *_STAGES, *_EPOCHS)
