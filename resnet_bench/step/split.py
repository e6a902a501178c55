"""The training step taken apart: forward, forward and backward, the whole step, and the update alone.

Owns `split_functions`. Each is compiled apart, on one resident batch, to be timed interleaved with the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from resnet_bench.config import Config
from resnet_bench.step.base import batch_specs, dummy_batch, translated
from resnet_bench.step.loss import cross_entropy
from resnet_bench.step.optimizer import make_optimizer
from resnet_bench.step.step_functions import loss_and_gradients, network_input

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime

STILL = 1e-12
"""A learning rate that leaves the weights where they are, however often the same gradients are applied."""


def split_functions(config: Config, rt: Runtime, model: Any) -> dict[str, Callable[[], None]]:
    """Functions that each run one part of the training step once, without waiting for the device.

    `forward` ends with the loss, `forward_backward` with all gradients in memory, `whole` with the weights
    updated; `apply` updates them from stored gradients. With f, fb, w and a their times: forward f, backward
    fb - f, optimizer a, residual w - (fb + a). All have been run once on return, so compiled. Trainable
    variables stay (to 1e-10); batch norm's moving statistics see the batch.
    """
    with translated(config), tf.device(rt.device):
        optimizer = make_optimizer(config, rt, model, learning_rate=STILL)
        weights = model.trainable_variables

        def forward(images: Any, labels: Any) -> Any:
            logits = model(network_input(config, model, images), training=True)
            return tf.reduce_mean(cross_entropy(labels, logits, config.step.label_smoothing))

        def forward_backward(images: Any, labels: Any) -> tuple[Any, Any]:
            return loss_and_gradients(config, model, optimizer, images, labels)

        def whole(images: Any, labels: Any) -> Any:
            loss, gradients = loss_and_gradients(config, model, optimizer, images, labels)
            optimizer.apply(gradients, weights)
            return loss

        def apply(*gradients: Any) -> None:
            optimizer.apply(list(gradients), weights)

        def compiled(function: Callable[..., Any], specs: Any) -> Any:
            return tf.function(function, jit_compile=rt.jit, autograph=False).get_concrete_function(*specs)

        batch = dummy_batch(config, rt.device)
        parts = {
            name: compiled(function, batch_specs(config, rt.device))
            for name, function in (("forward", forward), ("forward_backward", forward_backward), ("whole", whole))
        }
        _, gradients = parts["forward_backward"](*batch)
        update = compiled(apply, [tf.TensorSpec(value.shape, value.dtype) for value in gradients])
        functions = {name: _bound(config, rt, part, batch) for name, part in parts.items()}
        functions["apply"] = _bound(config, rt, update, tuple(gradients))
        for function in functions.values():
            function()
        rt.wait()
    return functions


def _bound(config: Config, rt: Runtime, function: Any, arguments: tuple[Any, ...]) -> Callable[[], None]:
    def run() -> None:
        with translated(config), tf.device(rt.device):
            function(*arguments)

    return run
