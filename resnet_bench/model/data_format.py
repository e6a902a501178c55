"""Can this device run the data format that was requested? Found out by trying, before a network is built.

TensorFlow has kernels for channels_first on a CPU for some operations, settings and dtypes only, and
which ones depends on oneDNN and XLA. A probe of one layer under the settings of the run answers for all
of them. `resnet.py` trusts the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from resnet_bench.config import Config
from resnet_bench.errors import DeviceError

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime

_SHAPE = (2, 4, 16, 16)


def check_data_format(config: Config, rt: Runtime) -> None:
    """Run convolution, batch norm, ReLU and max-pool once in the requested format; blocks on the device.

    Only channels_first is tried, for every device runs channels_last. When the mode is train the
    gradients of input and weights are computed too. Uses the dtype policy in force, the runtime's device
    and its XLA setting. Raises `DeviceError` with the device's own complaint as its cause.
    """
    if config.model.data_format == "channels_last" or config.step.mode == "input":
        return
    training = config.step.mode == "train"
    try:
        with tf.device(rt.device):
            _probe(training=training, jit=rt.jit)
    except tf.errors.OpError as problem:
        does = "train" if training else "run"
        settings = f"{rt.policy} {'with' if rt.jit else 'without'} XLA"
        raise DeviceError(
            f"--data-format channels_first does not {does} on {rt.device} in {settings}: {_complaint(problem)}",
            "Use --data-format channels_last (and --batch-norm fused, which is faster there).",
        ) from problem


def _complaint(problem: tf.errors.OpError) -> str:
    """The device's sentence: TensorFlow puts it last, after a traceback whose lines are indented."""
    lines = [line for line in str(problem).splitlines() if line.strip() and not line[0].isspace()]
    return lines[-1] if lines else type(problem).__name__


def _probe(*, training: bool, jit: bool) -> None:
    """One strided 3x3 convolution and what follows it in the network, [2, 4, 16, 16], results discarded."""
    network = keras.Sequential(
        [
            keras.Input(_SHAPE[1:]),
            keras.layers.Conv2D(8, 3, strides=2, padding="same", data_format="channels_first", use_bias=False),
            keras.layers.BatchNormalization(1),
            keras.layers.ReLU(),
            keras.layers.MaxPooling2D(3, strides=2, data_format="channels_first"),
        ]
    )

    @tf.function(jit_compile=jit)  # type: ignore[untyped-decorator]
    def step(images: Any) -> Any:
        if not training:
            return network(images, training=False)
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(tf.cast(network(images, training=True), tf.float32))
        return tape.gradient(total, [images, *network.trainable_weights])

    for result in tf.nest.flatten(step(tf.zeros(_SHAPE))):
        result.numpy()
