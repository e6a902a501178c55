"""Taking elements of any stage: every image is produced, none is passed over."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from resnet_bench.data import pipeline
from resnet_bench.data.sources import tfrecord
from resnet_bench.experiments import pipeline_variants
from resnet_bench.records.pipeline import STAGES
from resnet_bench.step import pipeline_drain
from tests.support.data_files import config, good_shard
from tests.support.tiny_steps import runtime


@pytest.fixture
def plan(tmp_path: Path) -> pipeline.PipelinePlan:
    good_shard(tmp_path / "a", 5)
    resolved = config(source="tfrecord", data=str(tmp_path / "a"), mode="train")
    return pipeline.plan_of(resolved, tfrecord.open_shards(str(tmp_path / "a"), "error", 2))


@pytest.mark.parametrize("until", [*STAGES, pipeline_drain.COPY])
def test_every_stage_can_be_taken(plan: pipeline.PipelinePlan, until: str) -> None:
    step = pipeline_drain.Drain(plan, until, runtime())
    assert (step.images_per_call, step.steps_per_call) == (4, 1)
    step.dispatch(2)
    step.dispatch(3)
    step.wait()


def test_every_variant_of_an_ablation_runs(plan: pipeline.PipelinePlan) -> None:
    for one in pipeline_variants.ablations(plan.data, 1, 100):
        assert one.data is not None
        step = pipeline_drain.Drain(dataclasses.replace(plan, data=one.data), "prefetch", runtime())
        step.dispatch(2)
        step.wait()


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("until", ["read", "augment"])
def test_every_image_before_the_batch_is_produced(
    plan: pipeline.PipelinePlan, until: str, parallel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tf.Variable(0, dtype=tf.int64)

    def build(*_: Any, **__: Any) -> Any:
        def count(index: Any) -> Any:
            with tf.control_dependencies([made.assign_add(1)]):
                return {"image": tf.identity(index)}

        numbered: Callable[..., Any] = tf.data.Dataset.counter().map
        dataset = numbered(tf.autograph.experimental.do_not_convert(count), num_parallel_calls=2 if parallel else None)
        return dataset.with_options(pipeline.options(plan.data))

    monkeypatch.setattr(pipeline, "build", build)
    step = pipeline_drain.Drain(plan, until, runtime())
    step.dispatch(5)
    step.wait()
    assert 20 <= int(made.numpy()) <= 20 + (8 if parallel else 0)
