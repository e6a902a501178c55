"""The pipeline: stages, options, order and determinism."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resnet_bench.data import open_files, pipeline
from resnet_bench.records.pipeline import StageName
from tests.support.data_files import config, good_shard


@pytest.fixture
def shards(tmp_path: Path) -> str:
    for number in range(3):
        good_shard(tmp_path / f"train-{number}", 3, first=3 * number)
    return f"{tmp_path}/train-*"


def _plan(shards: str, **values: Any) -> pipeline.PipelinePlan:
    settings = config(**{"source": "tfrecord", "data": shards} | values)
    return pipeline.plan_of(settings, open_files(settings, 1, Path("unused")))


def _labels(plan: pipeline.PipelinePlan, batches: int) -> list[int]:
    return [int(v) for _, labels in pipeline.build(plan).take(batches).as_numpy_iterator() for v in labels]


def _upstream(dataset: Any) -> list[Any]:
    """Every dataset of the pipeline, last stage first."""
    found, left = [], [dataset]
    while left:
        found.append(left.pop())
        left.extend(found[-1]._inputs())
    return found


def _stage(dataset: Any, name: str) -> Any:
    return next(stage for stage in _upstream(dataset) if type(stage).__name__ == f"_{name}Dataset")


def _names(dataset: Any) -> list[str]:
    return [type(stage).__name__.strip("_").removesuffix("Dataset") for stage in _upstream(dataset)]


@pytest.mark.parametrize(
    ("until", "keys"),
    [
        ("read", {"raw", "noise"}),
        ("parse", {"noise", "encoded", "label"}),
        ("decode", {"noise", "label", "image"}),
        ("crop_resize", {"noise", "label", "image"}),
        ("augment", {"noise", "label", "image"}),
    ],
)
def test_each_stage_adds_to_the_one_before(shards: str, until: StageName, keys: set[str]) -> None:
    element = next(pipeline.build(_plan(shards, mode="train"), until).as_numpy_iterator())
    assert set(element) == keys
    if until in ("crop_resize", "augment"):
        assert element["image"].shape == (32, 32, 3)


@pytest.mark.parametrize("until", ["batch", "prefetch"])
def test_from_batch_on_elements_are_pairs(shards: str, until: StageName) -> None:
    images, labels = next(pipeline.build(_plan(shards, mode="train"), until).as_numpy_iterator())
    assert (images.shape, labels.shape) == ((4, 32, 32, 3), (4,))


@pytest.mark.parametrize("mode", ["train", "input", "eval"])
def test_a_pass_reads_every_record_once_and_passes_follow_each_other(shards: str, mode: str) -> None:
    labels = _labels(_plan(shards, mode=mode, batch_size=3), 6)
    assert sorted(labels[:9]) == sorted(labels[9:]) == list(range(9))


def test_evaluation_keeps_one_order_and_training_reshuffles(shards: str) -> None:
    evaluated = _labels(_plan(shards, mode="eval", batch_size=9), 2)
    assert evaluated[:9] == evaluated[9:]
    trained = _labels(_plan(shards, mode="train", batch_size=9), 2)
    assert trained[:9] != trained[9:]


def test_without_a_shuffle_buffer_only_the_shards_are_shuffled(shards: str) -> None:
    labels = _labels(_plan(shards, mode="train", shuffle_buffer_size=0, cycle_length=1, batch_size=9), 1)
    assert all(labels[i : i + 3] == list(range(labels[i], labels[i] + 3)) for i in (0, 3, 6))


def test_block_and_cycle_length_decide_how_shards_interleave(shards: str) -> None:
    values = {"mode": "eval", "batch_size": 9}
    assert _labels(_plan(shards, cycle_length=3, block_length=1, **values), 1) == [0, 3, 6, 1, 4, 7, 2, 5, 8]
    assert _labels(_plan(shards, cycle_length=3, block_length=2, **values), 1) == [0, 1, 3, 4, 6, 7, 2, 5, 8]
    assert _labels(_plan(shards, cycle_length=1, **values), 1) == list(range(9))


@pytest.mark.parametrize("cache", ["none", "records"])
def test_the_same_seed_gives_the_same_batches(shards: str, cache: str) -> None:
    def batches(seed: int) -> list[Any]:
        plan = _plan(shards, mode="train", seed=seed, cache=cache, num_parallel_calls=4, cycle_length=3)
        return list(pipeline.build(plan).take(6).as_numpy_iterator())

    first, again, other = batches(1), batches(1), batches(2)
    assert all(np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a[0], b[0]) for a, b in zip(first, other, strict=True))


def test_training_crops_differ_from_pass_to_pass(shards: str) -> None:
    plan = _plan(shards, mode="train", shuffle_buffer_size=0, cycle_length=1, batch_size=1)
    images: dict[int, list[bytes]] = {}
    for image, label in pipeline.build(plan).take(18).as_numpy_iterator():
        images.setdefault(int(label[0]), []).append(image.tobytes())
    assert all(len(set(versions)) == 2 for versions in images.values())


def test_flip_off_leaves_the_augment_stage_out(shards: str) -> None:
    def image(flip: bool, until: StageName) -> list[bytes]:
        plan = _plan(shards, mode="train", flip=flip)
        return [e["image"].tobytes() for e in pipeline.build(plan, until).take(9).as_numpy_iterator()]

    assert image(False, "augment") == image(False, "crop_resize") == image(True, "crop_resize")
    assert image(True, "augment") != image(True, "crop_resize")


def test_the_whole_image_is_kept_where_crop_area_min_is_one_and_the_ratio_fits(shards: str) -> None:
    plan = _plan(shards, mode="train", crop_area_min=1.0, flip=False)
    shapes = {e["image"].shape for e in pipeline.build(plan, "decode").take(9).as_numpy_iterator()}
    assert shapes == {(40, 48, 3)}


def test_repeat_off_reads_the_data_once(shards: str) -> None:
    assert sum(1 for _ in pipeline.build(_plan(shards), "parse", repeat=False)) == 9


def test_parallelism_and_prefetch_reach_tf_data(shards: str) -> None:
    dataset = pipeline.build(_plan(shards, mode="train", num_parallel_calls=3, cycle_length=2, prefetch_buffer_size=5))
    assert int(_stage(dataset, "ParallelMap")._num_parallel_calls) == 3
    assert int(_stage(dataset, "ParallelInterleave")._cycle_length) == 2
    assert int(_stage(dataset, "Prefetch")._buffer_size) == 5
    assert _names(dataset)[:2] == ["Options", "Prefetch"]


def test_one_parallel_call_is_a_plain_map_and_no_prefetch_none(shards: str) -> None:
    names = _names(pipeline.build(_plan(shards, num_parallel_calls=1, cycle_length=1, prefetch_buffer_size=0)))
    assert not {"ParallelMap", "ParallelInterleave", "Prefetch"} & set(names)


@pytest.mark.parametrize(("cache", "mode"), [("records", "train"), ("images", "eval")])
def test_a_data_set_beyond_the_cache_budget_is_read_anew(shards: str, cache: str, mode: str) -> None:
    plan = _plan(shards, cache=cache, mode=mode, cache_budget=1)
    assert [notice.kind for notice in plan.notices] == ["cache_over_budget"]
    assert not any("Cache" in name for name in _names(pipeline.build(plan)))
    assert any("Cache" in name for name in _names(pipeline.build(_plan(shards, cache=cache, mode=mode))))


@pytest.mark.parametrize(("cache", "mode"), [("records", "train"), ("images", "eval")])
def test_a_cache_serves_later_passes_when_the_files_are_gone(shards: str, cache: str, mode: str) -> None:
    plan = _plan(shards, cache=cache, mode=mode, batch_size=3, prefetch_buffer_size=0, cycle_length=1)
    iterator = pipeline.build(plan).as_numpy_iterator()
    first = [int(v) for _ in range(4) for v in next(iterator)[1]]
    for path in plan.source.files:
        Path(path).unlink()
    later = [int(v) for _ in range(6) for v in next(iterator)[1]]
    assert sorted(first[:9]) == sorted((first + later)[9:18]) == list(range(9))


@pytest.mark.parametrize(
    ("given", "path", "expected"),
    [
        ({"data_deterministic": False}, "deterministic", False),
        ({"private_threadpool_size": 3}, "threading.private_threadpool_size", 3),
        ({"max_intra_op_parallelism": 2}, "threading.max_intra_op_parallelism", 2),
        ({"max_intra_op_parallelism": 0}, "threading.max_intra_op_parallelism", None),
        ({"autotune": False}, "autotune.enabled", False),
        ({"cpu_budget": 3}, "autotune.cpu_budget", 3),
        ({"ram_budget": 1 << 20}, "autotune.ram_budget", 1 << 20),
        ({"inject_prefetch": True}, "experimental_optimization.inject_prefetch", True),
        ({"map_parallelization": True}, "experimental_optimization.map_parallelization", True),
        ({"map_and_batch_fusion": False}, "experimental_optimization.map_and_batch_fusion", False),
        ({"parallel_batch": True}, "experimental_optimization.parallel_batch", True),
    ],
)
def test_an_option_field_becomes_the_tf_data_option_of_its_name(
    shards: str, given: dict[str, Any], path: str, expected: object
) -> None:
    plan = _plan(shards, **given)
    found: Any = pipeline.build(plan).options()
    for name in path.split("."):
        found = getattr(found, name)
    assert found == expected
    assert len(_labels(plan, 3)) == 12


@pytest.mark.parametrize("values", [{"decode": "full"}, {"dct_method": "INTEGER_FAST"}, {"fancy_upscaling": False}])
def test_decoding_options_run(shards: str, values: dict[str, Any]) -> None:
    assert len(_labels(_plan(shards, mode="train", **values), 3)) == 12


def _batches(plan: pipeline.PipelinePlan, count: int = 3) -> list[tuple[Any, Any]]:
    return list(pipeline.build(plan).take(count).as_numpy_iterator())


@pytest.mark.parametrize("changed", [{"map_and_batch_fusion": False}, {"vectorized_augment": True}])
def test_what_is_done_per_batch_changes_neither_pixels_nor_order(shards: str, changed: dict[str, Any]) -> None:
    usual, other = (
        _batches(_plan(shards, mode="train", batch_size=4, num_parallel_calls=3, **values)) for values in ({}, changed)
    )
    for (images, labels), (others, other_labels) in zip(usual, other, strict=True):
        np.testing.assert_array_equal(images, others)
        np.testing.assert_array_equal(labels, other_labels)
