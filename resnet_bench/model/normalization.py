"""Batch normalisation as one TensorFlow operation (FusedBatchNormV3) for channels-last images.

Keras 3 composes batch norm on TensorFlow from moments and arithmetic, in float32. The fused operation
reads 16-bit or float32 activations, keeps its statistics in float32, and is what graph rewrites fold
into convolutions. A following ReLU is fused by TensorFlow's own graph optimiser, not here. `blocks.py`
uses the layer; `weights.py` swaps it for Keras' own in files that plain Keras must read.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from resnet_bench.errors import ConfigError

MOMENTUM = 0.99
# Keras Applications' value, and the smallest one that every cuDNN release takes.
EPSILON = 1.001e-5

_COMPUTE_DTYPES = ("float32", "bfloat16", "float16")


@keras.saving.register_keras_serializable(package="resnet_bench")
class FusedBatchNormalization(keras.layers.Layer):  # type: ignore[misc]
    """Batch norm over [B, H, W, C]: gamma (x - mean) / sqrt(variance + epsilon) + beta, channel by channel.

    Input and output have the layer's compute dtype (float32, bfloat16 or float16). `gamma`, `beta`,
    `moving_mean` and `moving_variance`, each [C], are float32 under every policy, and so are the batch
    statistics.

    Training uses the batch's mean and its biased variance (sum of squares / n, n = B H W), and moves the
    statistics as Keras does: new = momentum old + (1 - momentum) batch. FusedBatchNormV3 returns the
    variance with Bessel's correction, n / (n - 1); that is taken back with (n - 1) / n, so the moving
    variance holds what Keras' holds and weights can be exchanged. With n = 1 the batch variance is 0.

    Called with `training=False`, or with `trainable = False`, it normalises with the moving statistics
    and leaves them alone. Under `tf.distribute` each replica uses its own part of the batch, as with Keras'
    default; `step/training/step.py` averages the moving statistics over the replicas.

    Raises `ConfigError` for an input that is not [B, H, W, C] with C known, or another compute dtype.
    """

    def __init__(self, momentum: float = MOMENTUM, epsilon: float = EPSILON, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= momentum <= 1:
            raise ConfigError(f"Batch norm momentum {momentum} is outside 0 to 1.", f"Keras uses {MOMENTUM}.")
        if not epsilon > 0:
            raise ConfigError(f"Batch norm epsilon {epsilon} is not above 0.", f"Keras Applications uses {EPSILON}.")
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the four [C] variables."""
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise ConfigError(
                f"Fused batch norm takes images [batch, height, width, channels], not shape {tuple(input_shape)}.",
                "Use keras.layers.BatchNormalization (--batch-norm keras) for other shapes.",
            )
        if self.compute_dtype not in _COMPUTE_DTYPES:
            raise ConfigError(
                f"Fused batch norm cannot compute in {self.compute_dtype}; it takes {', '.join(_COMPUTE_DTYPES)}.",
                "Use --batch-norm keras, or another precision.",
            )
        channels = input_shape[-1]
        self.gamma = self._channel_weight("gamma", channels, "ones", trainable=True)
        self.beta = self._channel_weight("beta", channels, "zeros", trainable=True)
        self.moving_mean = self._channel_weight("moving_mean", channels, "zeros", trainable=False)
        self.moving_variance = self._channel_weight("moving_variance", channels, "ones", trainable=False)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})

    def _channel_weight(self, name: str, channels: int, initializer: str, *, trainable: bool) -> Any:
        # Without autocast=False a mixed policy hands the operation 16-bit statistics, which it refuses.
        return self.add_weight(
            shape=(channels,), dtype="float32", name=name, initializer=initializer, trainable=trainable, autocast=False
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """[B, H, W, C] in the compute dtype to the same. Does not wait for the device."""
        if training and self.trainable:
            return self._normalise_by_batch(inputs)
        outputs, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=self.moving_mean,
            variance=self.moving_variance,
            epsilon=self.epsilon,
            is_training=False,
        )
        return outputs

    def _normalise_by_batch(self, inputs: Any) -> Any:
        unused = tf.zeros([0], tf.float32)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=unused,
            variance=unused,
            epsilon=self.epsilon,
            is_training=True,
        )
        share = 1.0 - self.momentum
        # `.value` is the TensorFlow variable: Keras' own operators would promote dtypes and trace slower.
        self.moving_mean.assign(self.moving_mean.value * self.momentum + mean * share)
        biased = variance * (share * _biased_share(inputs))
        self.moving_variance.assign(self.moving_variance.value * self.momentum + biased)
        return outputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's shape; given here so that Keras need not trace the layer to learn it."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, for saving."""
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


def _biased_share(inputs: Any) -> Any:
    """(n - 1) / n with n = B H W: a Python constant where the shape is known, else a float32 scalar."""
    count = inputs.shape[:3].num_elements()
    if count is not None:
        return (count - 1) / count if count else 0.0
    dynamic = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
    return tf.math.divide_no_nan(dynamic - 1.0, dynamic)
