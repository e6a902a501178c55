"""Inference with its variables folded to constants, so that the graph optimiser may compute with them.

Owns `freeze`. Batch norm whose statistics are constants is folded into the convolution before it; what is
left of it is a bias, which oneDNN and XLA add inside the convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from resnet_bench.errors import ConfigError
from resnet_bench.step.fold_batch_norm import fold_batch_norm, producer


def freeze(function: Callable[[Any], Any], spec: Any) -> Callable[[Any], Any]:
    """`function` of one tensor with every variable it reads turned into a constant.

    The variables are read when the result is first traced. Raises `ConfigError` where the graph cannot do
    without its variables.
    """
    frozen: list[tuple[Any, str, str]] = []

    def run(inputs: Any) -> Any:
        if not frozen:
            with tf.init_scope():
                frozen.append(_frozen_graph(function, spec))
        graph, feed, fetch = frozen[0]
        (output,) = tf.graph_util.import_graph_def(graph, input_map={feed: inputs}, return_elements=[fetch], name="")
        return tf.ensure_shape(output, output.shape)

    return run


def _frozen_graph(function: Callable[[Any], Any], spec: Any) -> tuple[Any, str, str]:
    """GraphDef without variables, and the names of its one input and one output."""
    traced = tf.function(function, autograph=False).get_concrete_function(spec)
    try:
        constant = convert_variables_to_constants_v2(traced)
    except (ValueError, TypeError, KeyError, NotImplementedError, tf.errors.OpError) as problem:
        raise _impossible(f"{type(problem).__name__}: {problem}") from problem
    left = sorted({tensor.dtype.name for tensor in constant.captured_inputs})
    if left or len(constant.inputs) != 1:
        raise _impossible(f"its graph still refers to state ({', '.join(left)})")
    feed, fetch = constant.inputs[0], constant.outputs[0]
    folded = fold_batch_norm(constant.graph.as_graph_def())
    graph = _needed(folded, fetch.op.name, without=feed.op.name)
    return graph, feed.name, fetch.name


def _needed(graph: Any, fetch: str, without: str) -> Any:
    """The part of `graph` that `fetch` is computed from, the fed node `without` left out.

    XLA compiles all that is in a graph, whether it is read or not, and has no kernel for a placeholder.
    """
    nodes = {node.name: node for node in graph.node}
    kept: dict[str, Any] = {}
    waiting = [fetch]
    while waiting:
        name = waiting.pop()
        if name not in kept and name != without:
            kept[name] = nodes[name]
            waiting.extend(producer(source) for source in nodes[name].input)
    return tf.compat.v1.GraphDef(node=kept.values(), library=graph.library, versions=graph.versions)


def _impossible(reason: str) -> ConfigError:
    return ConfigError(
        f"--freeze cannot fold this network's variables to constants: {reason.splitlines()[0]}.",
        "Use --no-freeze.",
    )
