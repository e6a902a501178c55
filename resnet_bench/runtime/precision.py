"""The arithmetic of the network: Keras dtype policy, TF32, and whether the loss needs scaling.

Changes process-global state of Keras and TensorFlow; `state.py` calls it once. TensorFlow is imported
inside the functions.
"""

from __future__ import annotations

from resnet_bench.config import Precision
from resnet_bench.errors import BenchError

POLICIES: dict[Precision, str] = {
    "float32": "float32",
    "tf32": "float32",
    "mixed_bfloat16": "mixed_bfloat16",
    "mixed_float16": "mixed_float16",
}


def policy_name(precision: Precision) -> str:
    """Name of the Keras dtype policy that computes in `precision`."""
    return POLICIES[precision]


def allows_tf32(precision: Precision) -> bool:
    """Whether float32 matrix products may be rounded to TF32 inputs on a GPU.

    Never in "float32", which would not be float32 then. The mixed policies keep TensorFlow's default
    (allowed) for the few operations they leave in float32.
    """
    return precision != "float32"


def needs_loss_scaling(precision: Precision) -> bool:
    """float16 gradients underflow without a scaled loss; bfloat16 has float32's range."""
    return precision == "mixed_float16"


def apply(precision: Precision) -> str:
    """Set policy and TF32 for this process and return the policy's name; raises if they did not take."""
    import keras
    import tensorflow as tf

    wanted, tf32 = policy_name(precision), allows_tf32(precision)
    keras.config.set_dtype_policy(wanted)
    tf.config.experimental.enable_tensor_float_32_execution(tf32)
    got = (keras.config.dtype_policy().name, tf.config.experimental.tensor_float_32_execution_enabled())
    if got != (wanted, tf32):
        raise BenchError(
            f"--precision {precision} did not take effect: the dtype policy is {got[0]}, TF32 is {got[1]}.",
            "Report this with the versions that bench-cli doctor prints.",
        )
    return wanted
