"""What one step computes on one batch: train, infer and eval, as functions that `compiled.py` compiles.

A body takes uint8 images [B, H, W, C] and int32 labels [B] as its arguments, also for synthetic input, so
that nothing can be folded away, and returns a value that keeps all of its work alive.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from resnet_bench.config import Config, resolved_value
from resnet_bench.step.base import StepOutcome, batch_specs
from resnet_bench.step.freeze import freeze
from resnet_bench.step.loss import cross_entropy, hits
from resnet_bench.step.normalize import normalize
from resnet_bench.step.optimizer import make_optimizer

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime


@dataclasses.dataclass(frozen=True)
class Body:
    """One step as a plain function, and the state it changes.

    `run` returns float32 of `output_shape`: the loss [], or the logits [B, classes]. `state` are the
    tf.Variables that a step writes. `report(output, steps)` gives the result of `steps` steps. `count` reads how
    many steps ran since `state` was restored, from what they left on the device; None where they leave no such thing.
    """

    run: Callable[[Any, Any], Any]
    output_shape: tuple[int, ...]
    state: list[Any]
    report: Callable[[Any, int], StepOutcome]
    count: Callable[[], int] | None = None


def make_body(config: Config, rt: Runtime, model: Any) -> Body:
    """The body of `config.step.mode`: train, infer or eval."""
    makers = {"train": train_body, "infer": infer_body, "eval": eval_body}
    return makers[config.step.mode](config, rt, model)


def network_input(config: Config, model: Any, images: Any) -> Any:
    """Normalised images in the dtype and layout that the network takes."""
    return normalize(images, model.inputs[0].dtype, config.model.data_format)


def loss_and_gradients(config: Config, model: Any, optimizer: Any, images: Any, labels: Any) -> tuple[Any, Any]:
    """Mean loss of the batch, float32 [], and the (scaled) gradients of the trainable variables."""
    loss, gradients, _ = with_logits(config, model, optimizer, images, labels)
    return loss, gradients


def with_logits(config: Config, model: Any, optimizer: Any, images: Any, labels: Any) -> tuple[Any, Any, Any]:
    """As `loss_and_gradients`, and the logits [B, classes] that the loss comes from."""
    pixels = network_input(config, model, images)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    with tf.GradientTape() as tape:
        logits = model(pixels, training=True)
        loss = tf.reduce_mean(cross_entropy(labels, logits, config.step.label_smoothing))
        # Gradients are summed over replicas.
        objective = optimizer.scale_loss(loss if replicas == 1 else loss / replicas)
    return loss, tape.gradient(objective, [variable.value for variable in model.trainable_variables]), logits


def train_body(config: Config, rt: Runtime, model: Any) -> Body:
    """Forward, loss, gradients and update; returns the loss before the update."""
    optimizer = make_optimizer(config, rt, model)

    def run(images: Any, labels: Any) -> Any:
        loss, gradients = loss_and_gradients(config, model, optimizer, images, labels)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    def report(output: Any, steps: int) -> StepOutcome:
        return train_outcome(float(output), optimizer, steps, rt.loss_scaling)

    state = [variable.value for variable in (*model.variables, *optimizer.variables)]
    return Body(run=run, output_shape=(), state=state, report=report, count=counter_of(optimizer, rt.loss_scaling))


def counter_of(optimizer: Any, loss_scaling: bool) -> Callable[[], int] | None:
    """Reads how many updates the optimizer made; None under loss scaling, which leaves updates out."""
    return None if loss_scaling else lambda: int(optimizer.iterations.numpy())


def train_outcome(loss: float, optimizer: Any, steps: int, loss_scaling: bool) -> StepOutcome:
    """The outcome of `steps` training steps, whose optimizer counts only the updates it made."""
    iterations = int(optimizer.iterations.numpy())
    finite = bool(tf.math.is_finite(loss))
    skipped = steps - iterations if loss_scaling else None
    return StepOutcome(loss=loss, finite=finite, iterations=iterations, skipped=skipped)


def make_logits(config: Config, rt: Runtime, model: Any) -> Callable[[Any], Any]:
    """uint8 images to float32 logits [B, classes] in inference; folded to constants under --freeze.

    Freezing happens when the returned function is first traced, with the weights of that moment.
    """

    def logits(images: Any) -> Any:
        return tf.cast(model(network_input(config, model, images), training=False), tf.float32)

    return freeze(logits, batch_specs(config, rt.device)[0]) if config.step.freeze else logits


def infer_body(config: Config, rt: Runtime, model: Any) -> Body:
    """Forward alone; returns the logits. Labels arrive, as in every mode, and are not read."""
    logits = make_logits(config, rt, model)

    def run(images: Any, labels: Any) -> Any:
        del labels
        return logits(images)

    def report(output: Any, steps: int) -> StepOutcome:
        del steps
        return StepOutcome(finite=bool(tf.reduce_all(tf.math.is_finite(output))))

    return Body(
        run=run, output_shape=(resolved_value(config.step.batch_size), config.model.classes), state=[], report=report
    )


def eval_body(config: Config, rt: Runtime, model: Any) -> Body:
    """Forward, loss and hits, summed up on the device; returns the batch's mean loss."""
    logits_of = make_logits(config, rt, model)
    classes = config.model.classes
    with rt.strategy.scope(), tf.device(rt.device):
        total = tf.Variable(0.0, dtype=tf.float64, trainable=False, name="loss_sum")
        images_seen, top1, top5 = (
            tf.Variable(0, dtype=tf.int64, trainable=False, name=name) for name in ("images", "top1", "top5")
        )

    def run(images: Any, labels: Any) -> Any:
        logits = logits_of(images)
        losses = cross_entropy(labels, logits, config.step.label_smoothing)
        total.assign_add(tf.cast(tf.reduce_sum(losses), tf.float64))
        images_seen.assign_add(labels.shape[0])
        top1.assign_add(hits(labels, logits, 1))
        if classes > 5:
            top5.assign_add(hits(labels, logits, 5))
        return tf.reduce_mean(losses)

    def report(output: Any, steps: int) -> StepOutcome:
        del output, steps
        seen, loss = int(images_seen.numpy()), float(total.numpy())
        return StepOutcome(
            loss=loss / seen,
            finite=bool(tf.math.is_finite(loss)),
            images=seen,
            top1=int(top1.numpy()),
            top5=int(top5.numpy()) if classes > 5 else None,
        )

    def count() -> int:
        return int(images_seen.numpy()) // resolved_value(config.step.batch_size)

    return Body(run=run, output_shape=(), state=[total, images_seen, top1, top5], report=report, count=count)
