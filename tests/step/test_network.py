"""The steps on the real network's blocks, two stages deep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from resnet_bench.model.resnet import resnet50
from resnet_bench.step.make import make_step
from tests.support.tiny_steps import BATCH, CLASSES, configuration, ready, resident, runtime

SIZE = 32


def real(batch_norm: str, channels: int = 3) -> Any:
    return resnet50(
        (SIZE, SIZE, channels),
        CLASSES,
        stage_sizes=(1, 1),
        width=4,
        batch_norm=batch_norm,  # type: ignore[arg-type]
        classifier_activation=None,
        seed=0,
    )


def images(channels: int = 3) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (BATCH, SIZE, SIZE, channels), np.uint8)
    return pixels, random.integers(0, CLASSES, (BATCH,), np.int32)


@pytest.mark.usefixtures("keras_state")
@pytest.mark.parametrize("batch_norm", ["fused", "keras"])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_trains_in_every_variable(batch_norm: str, channels: int) -> None:
    model = real(batch_norm, channels)
    before = [variable.numpy() for variable in model.variables]
    config = configuration(image_size=(SIZE, SIZE), channels=channels, batch_norm=batch_norm, learning_rate=0.02)
    step = ready(make_step(config, runtime(), model), resident(images(channels)))
    step.dispatch(1)
    first = step.finish().loss
    step.dispatch(15)
    last = step.finish().loss
    assert first is not None
    assert last is not None
    assert last < first
    for value, variable in zip(before, model.variables, strict=True):
        assert np.any(variable.numpy() != value), variable.path


@pytest.mark.usefixtures("keras_state")
@pytest.mark.parametrize("batch_norm", ["fused", "keras"])
def test_frozen_it_has_no_batch_norm_and_the_same_logits(batch_norm: str) -> None:
    model = real(batch_norm)
    logits = []
    for frozen in (False, True):
        config = configuration(mode="infer", image_size=(SIZE, SIZE), freeze=frozen)
        step = ready(make_step(config, runtime(), model), resident(images()))
        step.dispatch(1)
        step.wait()
        logits.append(np.asarray(step._last))
    np.testing.assert_allclose(logits[1], logits[0], rtol=1e-4, atol=1e-4)
    operations = {operation.type for operation in step._call.graph.get_operations()}
    assert not {"FusedBatchNormV3", "ReadVariableOp"} & operations
