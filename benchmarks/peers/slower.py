"""Our backend with `PRODUCTS` matrix products inside its compiled step: extra work of a known amount.

The products come after the network in the same compiled function, each on the result of the one before, and
start from the step's own result, so that none of them can be left out or run beside it.
"""

from __future__ import annotations

import os
from typing import Any

from resnet_bench.worker import child
from resnet_bench.worker.backends.tensorflow import TensorFlowBackend
from resnet_bench.worker.timing import Bench

SIZE = 128
TINY = 1e-30
"""Keeps the products dependent on the step without changing them."""


class Slower(TensorFlowBackend):
    """The product's backend; its step calls the network, then multiplies matrices."""

    def attach(self) -> Bench:
        """Put the products into the compiled step, and run it once."""
        bench = super().attach()
        self.step._call = _with_products(self.step._call, int(os.environ["PRODUCTS"]))
        self.step.dispatch(1)
        self.step.wait()
        return bench


def _with_products(call: Any, products: int) -> Any:
    import tensorflow as tf

    weights = tf.random.stateless_normal((SIZE, SIZE), (1, 2)) / SIZE**0.5

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(*batch: Any) -> Any:
        result = call(*batch)
        first = tf.cast(tf.reshape(result, (-1,))[0], tf.float32)
        _, product = tf.while_loop(
            lambda index, _: index < products,
            lambda index, value: (index + 1, tf.matmul(value, weights)),
            (tf.constant(0), weights + TINY * first),
            parallel_iterations=1,
        )
        with tf.control_dependencies([product]):
            return tf.identity(result)

    return step


if __name__ == "__main__":
    child.main(Slower)
