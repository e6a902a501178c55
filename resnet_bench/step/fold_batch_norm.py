"""Batch norm folded into the convolution before it, in a GraphDef whose variables are constants.

y = gamma * (conv(x, w) - mean) / sqrt(variance + epsilon) + beta is the convolution with each output
channel of w scaled by s = gamma / sqrt(variance + epsilon), plus the bias beta - mean * s. TensorFlow's own
optimiser leaves FusedBatchNormV3 as it is, or has its kernels scale the weights again in every step.
"""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import tensorflow as tf


def fold_batch_norm(graph: Any) -> Any:
    """A copy of `graph` with every constant FusedBatchNormV3 behind a constant Conv2D folded (NHWC, float32).

    A batch norm of another kind, layout or dtype, or behind a convolution that others read too, stays.
    """
    folded = tf.compat.v1.GraphDef()
    folded.CopyFrom(graph)
    nodes = {node.name: node for node in folded.node}
    readers = collections.Counter(name for node in folded.node for name in node.input)
    for node in list(folded.node):
        if node.op == "FusedBatchNormV3":
            _fold(folded, nodes, readers, node)
    return folded


def _fold(graph: Any, nodes: dict[str, Any], readers: collections.Counter[str], norm: Any) -> None:
    conv, bias = _convolution(nodes, norm.input[0])
    if conv is None or norm.attr["is_training"].b or norm.attr["data_format"].s not in (b"", b"NHWC"):
        return
    between = {norm.input[0], conv.name}
    if any(readers[name] != 1 for name in between) or any(readers[f"{norm.name}:{output}"] for output in range(1, 6)):
        return
    values = [_constant(nodes, name) for name in (conv.input[1], *norm.input[1:5])]
    if any(value is None or value.dtype != np.float32 for value in values):
        return
    kernel, gamma, beta, mean, variance = (np.asarray(value, np.float64) for value in values)
    scale = gamma / np.sqrt(variance + norm.attr["epsilon"].f)
    offset = beta + (bias - mean) * scale
    name, data_type = norm.name, norm.attr["T"].type
    conv.input[1] = _add_constant(graph, nodes, f"{conv.name}/folded_kernel", kernel * scale)
    norm.Clear()
    norm.name, norm.op = name, "BiasAdd"
    norm.input.extend([conv.name, _add_constant(graph, nodes, f"{name}/folded_bias", offset)])
    norm.attr["T"].type = data_type


def _convolution(nodes: dict[str, Any], name: str) -> tuple[Any | None, Any]:
    """The Conv2D that produces `name`, through a constant BiasAdd if there is one, and that bias (or 0)."""
    node, bias = nodes[producer(name)], None
    if node.op == "BiasAdd":
        bias = _constant(nodes, node.input[1])
        if bias is None:
            return None, 0
        node = nodes[producer(node.input[0])]
    return (node if node.op == "Conv2D" else None), (0 if bias is None else bias)


def producer(name: str) -> str:
    """The node that an input of a node comes from."""
    return name.lstrip("^").split(":")[0]


def _constant(nodes: dict[str, Any], name: str) -> Any | None:
    """The value of a constant, also seen through Identity; else None."""
    node = nodes[producer(name)]
    while node.op == "Identity":
        node = nodes[producer(node.input[0])]
    return tf.make_ndarray(node.attr["value"].tensor) if node.op == "Const" else None


def _add_constant(graph: Any, nodes: dict[str, Any], name: str, value: Any) -> str:
    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.astype(np.float32)))
    nodes[name] = node
    return name
