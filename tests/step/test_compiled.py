"""The compiled step: train, infer and eval on a tiny network, with and without XLA."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from resnet_bench.errors import DataError, OutOfMemoryError
from resnet_bench.step.base import StepOutcome
from resnet_bench.step.compiled import CompiledStep
from resnet_bench.step.loss import cross_entropy
from resnet_bench.step.make import make_step
from resnet_bench.step.normalize import normalize
from tests.support.tiny_steps import (
    BATCH,
    CLASSES,
    SIZE,
    batches,
    configuration,
    network,
    nothing_known,
    pipeline,
    ready,
    resident,
    runtime,
)

XLA = pytest.mark.parametrize("jit", [False, True], ids=["no-xla", "xla"])


def values(model: Any) -> dict[str, Any]:
    return {variable.path: variable.numpy() for variable in model.variables if "seed" not in variable.path}


@XLA
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_training_changes_every_variable_and_lowers_the_loss(jit: bool, policy: str) -> None:
    model = network(policy)
    step = ready(make_step(configuration(), runtime(jit=jit), model), resident())
    before = values(model)
    step.dispatch(1)
    first = step.finish()
    step.dispatch(20)
    last = step.finish()
    assert all(np.any(before[name] != value) for name, value in values(model).items())
    assert first.loss is not None
    assert last.loss is not None
    assert last.loss < first.loss
    assert (last.iterations, last.skipped, last.finite) == (21, None, True)


@XLA
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_first_call_does_not_retrace_and_leaves_no_mark(jit: bool, optimizer: str) -> None:
    model = network()
    before = values(model)
    step = make_step(configuration(optimizer=optimizer), runtime(jit=jit), model)
    step.trace()
    assert step.traces == 1
    assert all(np.array_equal(before[name], value) for name, value in values(model).items())
    step.first_call()
    assert any(np.any(before[name] != value) for name, value in values(model).items())
    step.attach(resident())
    assert all(np.array_equal(before[name], value) for name, value in values(model).items())
    step.dispatch(3)
    assert step.finish().iterations == 3
    assert step.traces == 1


@pytest.mark.parametrize("steps_per_call", [1, 2])
def test_a_pipeline_is_read_batch_by_batch_without_a_retrace(steps_per_call: int) -> None:
    elements = batches(4)
    losses = []
    for per_call in (1, steps_per_call):
        config = configuration(source="photos", steps_per_call=per_call)
        step = ready(make_step(config, runtime(), network()), pipeline(elements))
        assert step.images_per_call == BATCH * per_call
        step.dispatch(4 // per_call)
        outcome = step.finish()
        assert outcome.iterations == 4
        assert step.traces == 1
        losses.append(outcome.loss)
        step.close()
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


@XLA
def test_several_steps_per_call_train_as_often_as_single_ones(jit: bool) -> None:
    outcomes = []
    for per_call in (1, 3):
        step = ready(make_step(configuration(steps_per_call=per_call), runtime(jit=jit), network()), resident())
        step.dispatch(6 // per_call)
        outcomes.append(step.finish())
    assert outcomes[1].iterations == outcomes[0].iterations == 6
    assert outcomes[1].loss == pytest.approx(outcomes[0].loss, rel=1e-5)


@XLA
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_infer_gives_the_network_s_logits(jit: bool, policy: str) -> None:
    model = network(policy)
    images, labels = batches(1)[0]
    step = ready(make_step(configuration(mode="infer"), runtime(jit=jit), model), resident((images, labels)))
    step.dispatch(2)
    assert step.finish() == StepOutcome(finite=True)
    expected = model(normalize(tf.constant(images), tf.float32, "channels_last"), training=False)
    tolerance = 1e-5 if policy == "float32" else 2e-2
    np.testing.assert_allclose(step._last, expected, rtol=tolerance, atol=tolerance)


def counting_network(counter: list[int]) -> Any:
    """A network through a stateless Python operation, which a graph optimiser may hoist, merge or prune."""

    def count(x: Any) -> Any:
        counter.append(1)
        return x

    class Counting(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            y = tf.numpy_function(count, [x], tf.float32, stateful=False)
            return tf.ensure_shape(y, x.shape)

        def compute_output_spec(self, x: Any) -> Any:
            return keras.KerasTensor(x.shape)

    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(Counting()(inputs))
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


@pytest.mark.parametrize("source", ["synthetic", "photos"])
@pytest.mark.parametrize("steps_per_call", [1, 4])
def test_inference_runs_once_per_step_even_on_the_same_batch(source: str, steps_per_call: int) -> None:
    counter: list[int] = []
    config = configuration(mode="infer", source=source, steps_per_call=steps_per_call)
    step = ready(
        make_step(config, runtime(), counting_network(counter)),
        resident() if source == "synthetic" else pipeline(batches(1)),
    )
    step.wait()
    counter.clear()
    step.dispatch(8 // steps_per_call)
    step.finish()
    assert len(counter) == 8


def overflowing_network() -> Any:
    """Logits that show the images' mean beside one beyond any finite logit."""

    class Overflow(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            mean = tf.reduce_mean(x, (1, 2, 3))[:, tf.newaxis]
            return tf.concat([mean, tf.fill((BATCH, CLASSES - 1), np.float32(3.4e38))], axis=1)

        def compute_output_spec(self, x: Any) -> Any:
            return keras.KerasTensor((x.shape[0], CLASSES))

    inputs = keras.Input((SIZE, SIZE, 3))
    return keras.Model(inputs, Overflow()(inputs))


@XLA
def test_each_synthetic_step_of_a_call_depends_on_the_one_before(jit: bool) -> None:
    means = {}
    batch = (np.zeros((BATCH, SIZE, SIZE, 3), np.uint8), np.zeros(BATCH, np.int32))
    for per_call in (1, 2, 4):
        config = configuration(mode="infer", steps_per_call=per_call)
        step = ready(make_step(config, runtime(jit=jit), overflowing_network()), resident(batch))
        step.dispatch(1)
        step.wait()
        means[per_call] = float(step._last[0, 0])
    pixel = means[2] - means[1]
    assert pixel > 0
    assert means[4] - means[1] == pytest.approx(3 * pixel, rel=1e-4)


@XLA
def test_eval_counts_hits_and_loss_over_all_images(jit: bool) -> None:
    model = network()
    elements = batches(3)
    step = ready(make_step(configuration(mode="eval", source="photos"), runtime(jit=jit), model), pipeline(elements))
    step.dispatch(3)
    outcome = step.finish()
    images, labels = (np.concatenate(part) for part in zip(*elements, strict=True))
    logits = model(normalize(tf.constant(images), tf.float32, "channels_last"), training=False).numpy()
    ranked = np.argsort(-logits, axis=1, kind="stable")
    assert outcome.images == 3 * BATCH
    assert outcome.top1 == int(np.sum(ranked[:, 0] == labels))
    assert outcome.top5 == int(np.sum(np.any(ranked[:, :5] == labels[:, np.newaxis], axis=1)))
    assert outcome.loss == pytest.approx(float(np.mean(cross_entropy(labels, logits, 0.1))), rel=1e-5)


def test_a_loss_that_is_not_finite_is_reported_and_not_raised() -> None:
    step = ready(make_step(configuration(learning_rate=1e30), runtime(), network()), resident())
    step.dispatch(4)
    assert step.finish().finite is False


@XLA
def test_loss_scaling_counts_the_steps_it_skips(jit: bool) -> None:
    model = network("mixed_float16")
    rt = runtime(jit=jit, loss_scaling=True)
    step = make_step(configuration(), rt, model)
    assert isinstance(step, CompiledStep)
    step = ready(step, resident())
    scale = next(variable for variable in step._body.state if "dynamic_scale" in variable.name)
    step.dispatch(2)
    assert step.finish().skipped == 0
    before = values(model)
    scale.assign(3e38)
    step.dispatch(1)
    outcome = step.finish()
    assert (outcome.skipped, outcome.iterations) == (1, 2)
    after = values(model)
    assert all(np.array_equal(before[name], after[name]) for name in before if "moving" not in name)
    assert float(scale) == pytest.approx(1.5e38)


def test_what_the_input_can_explain_is_raised_as_its_error() -> None:
    def broken(index: Any) -> Any:
        images = tf.zeros((BATCH, SIZE, SIZE, 3), tf.uint8)
        with tf.control_dependencies([tf.debugging.assert_less(index, np.int64(2))]):
            return images, tf.zeros((BATCH,), tf.int32)

    known = DataError("shard 3 record 7 is truncated.", "Use --on-bad-record skip.")
    inp = pipeline(batches(1), explain=lambda problem: known if isinstance(problem, tf.errors.OpError) else None)
    inp.dataset = tf.data.Dataset.counter().map(broken)
    step = ready(make_step(configuration(source="photos"), runtime(), network()), inp)
    step.dispatch(2)
    with pytest.raises(DataError, match="shard 3 record 7"):
        step.dispatch(1)
    inp.explain = nothing_known
    step.attach(inp)
    with pytest.raises(tf.errors.InvalidArgumentError):
        step.dispatch(3)


def test_running_out_of_memory_names_the_batch_size() -> None:
    step = ready(make_step(configuration(), runtime(), network()), resident())

    def exhausted(*_: Any) -> Any:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    step._call = exhausted
    with pytest.raises(OutOfMemoryError, match=r"--batch-size 4 at 8x8 .*Try --batch-size 2"):
        step.dispatch(1)


@pytest.mark.parametrize("mode", ["train", "infer", "eval"])
def test_the_steps_that_ran_are_counted(mode: str) -> None:
    step = ready(make_step(configuration(mode=mode, steps_per_call=2), runtime(), network()), resident())
    assert step.steps_run == 0
    step.dispatch(3)
    step.wait()
    assert step.steps_run == 6


@pytest.mark.parametrize("steps_per_call", [1, 2])
def test_input_that_ends_early_is_an_error(steps_per_call: int) -> None:
    inp = pipeline(batches(3))
    inp.dataset = inp.dataset.take(3)
    config = configuration(source="photos", steps_per_call=steps_per_call)
    step = ready(make_step(config, runtime(), network()), inp)
    with pytest.raises(DataError, match="The input ended"):
        step.dispatch(4)
