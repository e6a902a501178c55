"""The optimizers: Keras' own rules on TensorFlow's fused update operations, and loss scaling that agrees.

Keras updates a variable with six to ten small operations, each a pass over all of the weights; the fused
operations do the same arithmetic in one. Everything else (learning rate, slots, tf.distribute, iterations)
stays Keras'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from resnet_bench.config import Config, resolved_value

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime


def is_decayed(variable: Any) -> bool:
    """Whether weight decay applies: to kernels, not to biases or batch norm's scale and offset."""
    return bool(variable.name == "kernel")


class KernelDecay:
    """Decoupled weight decay on kernels: w -= learning_rate * decay * w, before the update, as Keras does."""

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._decayed: list[bool] = []

    def build(self, variables: list[Any]) -> None:
        """Note which of the variables are decayed."""
        self._decayed = [self._decay > 0 and is_decayed(variable) for variable in variables]

    def apply(self, index: int, variable: Any, learning_rate: Any) -> None:
        """Decay the variable at `index` if it is a kernel."""
        if self._decayed[index]:
            # The two scalars first: Keras multiplies the weights twice. (Rounding 1 - rate * decay in one
            # product with the weights would lose a tenth of a decay as small as ours.)
            variable.assign_sub(variable * (tf.cast(learning_rate, variable.dtype) * self._decay))


class FusedSGD(keras.optimizers.SGD):  # type: ignore[misc]
    """Keras' SGD, with momentum updated by ResourceApplyKerasMomentum: m = momentum * m - rate * g; w += m."""

    def __init__(self, learning_rate: float, momentum: float, kernel_decay: float) -> None:
        super().__init__(learning_rate=learning_rate, momentum=momentum, name="sgd")
        self._kernel_decay = KernelDecay(kernel_decay)

    def build(self, variables: list[Any]) -> None:
        """Create the slots for these variables."""
        self._kernel_decay.build(variables)
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable in place."""
        index = self._get_variable_index(variable)
        self._kernel_decay.apply(index, variable, learning_rate)
        if self.momentum == 0:
            super().update_step(gradient, variable, learning_rate)
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=self.momentums[index].value.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
            momentum=tf.cast(self.momentum, variable.dtype),
            use_locking=False,
            use_nesterov=False,
        )


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Keras' Adam on ResourceApplyAdam, whose formula is the same, with epsilon outside the root."""

    def __init__(self, learning_rate: float, kernel_decay: float) -> None:
        super().__init__(learning_rate=learning_rate, name="adam")
        self._kernel_decay = KernelDecay(kernel_decay)

    def build(self, variables: list[Any]) -> None:
        """Create the slots for these variables."""
        self._kernel_decay.build(variables)
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable in place."""
        index, dtype = self._get_variable_index(variable), variable.dtype
        self._kernel_decay.apply(index, variable, learning_rate)
        step = tf.cast(self.iterations.value + 1, dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
            use_locking=False,
            use_nesterov=False,
        )


class AgreedLossScaleOptimizer(keras.optimizers.LossScaleOptimizer):  # type: ignore[misc]
    """Loss scaling in which an overflow on any replica skips the step on all of them.

    Keras asks replica 0 only; an overflow elsewhere would be summed into everyone's weights.
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Apply the scaled gradients, or skip the step and halve the scale."""
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            grads = agree_on_finiteness(list(grads), context)
        super().apply(grads, trainable_variables)


def agree_on_finiteness(gradients: list[Any], context: Any) -> list[Any]:
    """The gradients; where any replica's are not finite, one of them is turned into NaN on every replica."""
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
    overflows = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.cast(~finite, tf.float32))
    smallest = min(range(len(gradients)), key=lambda index: gradients[index].shape.num_elements())
    marked = tf.where(overflows > 0, tf.constant(float("nan"), gradients[smallest].dtype), gradients[smallest])
    return [*gradients[:smallest], marked, *gradients[smallest + 1 :]]


def make_optimizer(config: Config, rt: Runtime, model: Any, learning_rate: float | None = None) -> Any:
    """The optimizer of the training step, with its slots built for `model`'s trainable variables.

    `learning_rate` replaces the configured one. Loss scaling is added where `rt.loss_scaling` says so.
    """
    step = config.step
    rate = resolved_value(step.learning_rate) if learning_rate is None else learning_rate
    with rt.strategy.scope(), tf.device(rt.device):
        optimizer: Any
        if step.optimizer == "sgd":
            optimizer = FusedSGD(rate, step.momentum, step.weight_decay)
        else:
            optimizer = FusedAdam(rate, step.weight_decay)
        if rt.loss_scaling:
            optimizer = AgreedLossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
    return optimizer
