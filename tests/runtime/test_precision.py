"""What each precision means for policy, TF32 and loss scaling."""

from __future__ import annotations

from typing import get_args

import pytest

from resnet_bench.config import Precision
from resnet_bench.runtime import precision


@pytest.mark.parametrize(
    ("name", "policy", "tf32", "scaled"),
    [
        ("float32", "float32", False, False),
        ("tf32", "float32", True, False),
        ("mixed_bfloat16", "mixed_bfloat16", True, False),
        ("mixed_float16", "mixed_float16", True, True),
    ],
)
def test_a_precision_is_a_policy_a_tf32_switch_and_loss_scaling(
    name: Precision, policy: str, tf32: bool, scaled: bool
) -> None:
    assert precision.policy_name(name) == policy
    assert precision.allows_tf32(name) is tf32
    assert precision.needs_loss_scaling(name) is scaled


def test_every_precision_of_the_options_has_a_policy() -> None:
    assert set(precision.POLICIES) == set(get_args(Precision))


@pytest.mark.usefixtures("keras_state")
@pytest.mark.parametrize("name", ["mixed_bfloat16", "tf32", "float32"])
def test_applying_one_sets_keras_and_tensorflow(name: Precision) -> None:
    import keras
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    try:
        assert precision.apply(name) == keras.config.dtype_policy().name == precision.policy_name(name)
        assert tf.config.experimental.tensor_float_32_execution_enabled() is precision.allows_tf32(name)
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
