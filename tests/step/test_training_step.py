"""The compiled training step: what it leaves alone, what it hands out, and that it goes on bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from resnet_bench.errors import DataError
from resnet_bench.step.training.step import TrainingStep
from tests.support.tiny_steps import batches, configuration, network, runtime

RATE = 0.01


def ready(policy: str = "float32", *, jit: bool = False, optimizer: str = "adam") -> tuple[TrainingStep, Any]:
    keras.backend.clear_session()  # Numbers layers anew, as the network's own names need no number.
    model = network(policy, fused=True)
    config = configuration(optimizer=optimizer, label_smoothing=0.0, weight_decay=0.0)
    step = TrainingStep(config, runtime(jit=jit, loss_scaling=policy == "mixed_float16"), model)
    step.trace()
    step.first_call()
    return step, model


def losses(step: TrainingStep, elements: list[tuple[Any, Any]]) -> list[float]:
    return [step.collect([step.train(images, labels, RATE)])[0][0] for images, labels in elements]


def test_compiling_leaves_every_variable_as_it_was() -> None:
    keras.backend.clear_session()
    plain = [weight.numpy() for weight in network(fused=True).weights]
    step, model = ready()
    assert all(np.array_equal(weight.numpy(), value) for weight, value in zip(model.weights, plain, strict=True))
    slots = {name: value for name, value in step.state().items() if "iteration" in name or "velocity" in name}
    assert len(slots) == 1 + len(model.trainable_variables)
    assert all(np.all(value == 0) for value in slots.values())


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_restored_step_goes_on_bit_for_bit(optimizer: str) -> None:
    elements = batches(6)
    step, _ = ready(optimizer=optimizer)
    before = losses(step, elements[:3])
    state = step.state()
    after = losses(step, elements[3:])
    assert len({*before, *after}) == 6
    other, _ = ready(optimizer=optimizer)
    losses(other, elements[:1])
    other.restore(state)
    assert losses(other, elements[3:]) == after
    assert all(np.array_equal(value, step.state()[name]) for name, value in other.state().items())


def test_steps_learn_count_hits_and_take_the_rate_they_are_given() -> None:
    step, model = ready()
    images, labels = batches(1)[0]
    start = model.trainable_variables[0].numpy().copy()
    step.collect([step.train(images, labels, 0.0)])
    assert np.array_equal(model.trainable_variables[0].numpy(), start)
    first = losses(step, [(images, labels)] * 60)
    assert first[-1] < first[0] / 2
    assert step.collect([step.train(images, labels, 0.0)])[1] == len(labels)
    assert step.skipped(62) is None


def test_logits_are_inference_s_and_weights_go_out_and_in() -> None:
    step, _ = ready()
    images, _ = batches(1)[0]
    before = step.logits(images)
    assert before.dtype == np.float32
    kept = step.weights()
    losses(step, batches(3))
    assert not np.array_equal(step.logits(images), before)
    step.restore_weights(kept)
    assert np.array_equal(step.logits(images), before)
    assert set(kept) < set(step.state())


def test_xla_follows_the_same_losses() -> None:
    plain, compiled = (losses(ready(jit=jit)[0], batches(4)) for jit in (False, True))
    assert compiled == pytest.approx(plain, rel=1e-4)


def test_loss_scaling_is_part_of_the_state_and_counts_what_it_skips() -> None:
    step, _ = ready("mixed_float16")
    losses(step, batches(2))
    assert step.skipped(2) == 0
    state = step.state()
    (scale,) = [name for name in state if "dynamic_scale" in name]
    step.restore({**state, scale: np.array(3e38, np.float32)})
    losses(step, batches(1))
    assert step.skipped(3) == 1


def test_a_checkpoint_of_another_network_is_refused_before_anything_changes() -> None:
    step, _ = ready()
    state = step.state()
    name = next(iter(state))
    for other in ({**state, name: np.zeros((1, 2))}, {key: value for key, value in state.items() if key != name}):
        with pytest.raises(DataError, match="another network or optimizer"):
            step.restore(other)
    assert all(np.array_equal(value, state[key]) for key, value in step.state().items())
