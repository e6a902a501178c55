"""Counts the operations of a TensorFlow graph: a traced function's, or the partitions given to the executor.

Pure: both kinds are converted to one form. `live.py` gets the graphs; imports no TensorFlow.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from resnet_bench.records.evidence import Operations

DTYPES = {1: "float32", 2: "float64", 14: "bfloat16", 19: "float16"}
"""TensorFlow's numbers for the dtypes of convolutions (types.proto)."""

_FORWARD = re.compile(r"(?:Conv2D|Conv2DWithBias\w*)$")
_GRADIENT = re.compile(r"Conv2DBackprop(?:Filter|Input)(?:WithBias)?$")
_NORM = re.compile(r"FusedBatchNorm(?:V\d|Ex)?$")
_TRANSPOSE = re.compile(r"^(?:_Mkl\w*|Conjugate)?Transpose$")
_HOST_CALLS = re.compile(r"^(?:Eager)?PyFunc(?:Stateless)?$|^Print(?:V2)?$|^HostCompute$|^_XlaHostComputeMlir$")
_CLUSTERS = ("_XlaRun", "XlaLaunch", "XlaLaunchV2")
NAMED = 8
"""At most this many operations are named in a record."""

_COMPUTES = re.compile(r"Conv2D|BatchNorm|MatMul|Relu|MaxPool|AvgPool|BiasAdd|ResourceApply")
"""Operations that must run on the device. Counters and shapes stay on the host even in a run on a GPU."""


@dataclass(frozen=True)
class Node:
    """An operation: name, kind, dtype (where it has a `T`), device ("" where not placed), and what
    convolutions have besides. `key` names the producer of a convolution's filter, which survives fusing."""

    name: str
    kind: str
    dtype: str | None = None
    device: str = ""
    data_format: str = ""
    fused: tuple[str, ...] = ()
    flops: float | None = None
    key: str = ""


def count(nodes: Iterable[Node], source: str, device: str, sizes: Mapping[str, float] | None = None) -> Operations:
    """Count the nodes. `device` is the requested one ("/GPU:0").

    `sizes` are FLOPs of convolutions by name or `key`, from a graph of the same step that knows its shapes.
    """
    every = list(nodes)
    kinds = Counter(node.kind for node in every)
    forward = [node for node in every if _FORWARD.search(node.kind)]
    gradients = [node for node in every if _GRADIENT.search(node.kind)]
    norms = [node for node in every if _NORM.search(node.kind)]
    placed = [node for node in every if node.device and _COMPUTES.search(node.kind)]
    flops, unsized = _flops([*forward, *gradients], sizes or {})
    activated = sum(_activated(node) for node in norms)
    away = [node.name for node in placed if short_device(node.device) != short_device(device)]
    return Operations(
        source=source,
        devices=dict(Counter(short_device(node.device) for node in placed)),
        operations=len(every),
        convolutions=dict(Counter(node.dtype or "unknown" for node in forward)),
        gradients=dict(Counter(node.dtype or "unknown" for node in gradients)),
        flops=flops,
        unsized=unsized,
        data_formats=dict(Counter(node.data_format or "NHWC" for node in (*forward, *gradients))),
        fused_norms=len(norms) - activated,
        activated_norms=activated,
        folded_norms=sum(_folded(node) for node in every),
        separate_norms=kinds["Rsqrt"],
        transposes=sum(number for kind, number in kinds.items() if _TRANSPOSE.search(kind)),
        onednn=sum(number for kind, number in kinds.items() if kind.startswith("_Mkl")),
        variable_reads=kinds["ReadVariableOp"] + kinds["_ReadVariablesOp"],
        host_calls=tuple(node.name for node in every if _HOST_CALLS.search(node.kind))[:NAMED],
        elsewhere=tuple(away[:NAMED]),
    )


def _flops(convolutions: list[Node], sizes: Mapping[str, float]) -> tuple[dict[str, float], int]:
    """FLOPs by dtype, and the number of convolutions of unknown size."""
    flops: dict[str, float] = {}
    unsized = 0
    for node in convolutions:
        size = node.flops if node.flops is not None else sizes.get(node.name, sizes.get(node.key))
        unsized += size is None
        dtype = node.dtype or "unknown"
        flops[dtype] = flops.get(dtype, 0.0) + (size or 0.0)
    return flops, unsized


def _activated(norm: Node) -> bool:
    """Whether a fused batch norm includes an activation (`...Ex` can also run without one)."""
    return norm.kind.endswith("Ex") and norm.fused != ("Identity",)


def _folded(node: Node) -> bool:
    """Whether this is a batch norm folded into a convolution: a fused operation, or a kernel that
    `step/fold_batch_norm.py` scaled when freezing."""
    if _FORWARD.search(node.kind):
        return any("BatchNorm" in name for name in node.fused)
    return node.kind == "Const" and node.name.endswith("/folded_kernel")


def xla_clusters(nodes: Iterable[Node]) -> int:
    """How many parts of a graph XLA runs: clusters that TensorFlow made by itself, and functions given to XLA."""
    return sum(node.kind in _CLUSTERS for node in nodes)


def short_device(name: str) -> str:
    """ "GPU:0" for "/job:localhost/replica:0/task:0/device:GPU:0" as for "/GPU:0"."""
    kind, _, number = name.upper().rpartition("/")[2].removeprefix("DEVICE:").partition(":")
    return f"{kind}:{number or 0}"


def nodes_of_function(graph: Any) -> Iterator[Node]:
    """The operations of a traced function's graph (a FuncGraph) with the FLOPs of its convolutions, and the operations
    of the functions that it calls, without FLOPs."""
    for operation in graph.get_operations():
        yield _from_operation(operation)
    # Serialising the graph copies its constants (all weights when frozen), so do it only if functions are called.
    if graph._functions:
        for function in graph.as_graph_def().library.function:
            yield from nodes_of_definition(function.node_def)


def _from_operation(operation: Any) -> Node:
    kind = operation.type
    if not (_FORWARD.search(kind) or _GRADIENT.search(kind) or _NORM.search(kind)):
        return Node(operation.name, kind, device=operation.device)
    key = operation.inputs[1].op.name if len(operation.inputs) > 1 else ""
    return Node(
        name=operation.name,
        kind=kind,
        dtype=operation.get_attr("T").name,
        device=operation.device,
        data_format=_text(operation.get_attr("data_format")),
        flops=convolution_flops(operation) if "Conv" in kind else None,
        key=key,
    )


def convolution_flops(operation: Any) -> float | None:
    """2 x (elements of the output's side) x (kernel height x width x input channels); None without shapes.

    Each gradient of a convolution needs as many as the convolution itself: it pairs every element of the output's
    gradient with one window.
    """
    kind = operation.type
    if kind.endswith("Conv2D"):
        kernel, output = operation.inputs[1].shape, operation.outputs[0].shape
    elif "Filter" in kind:
        kernel, output = operation.outputs[0].shape, operation.inputs[2].shape
    else:
        kernel, output = operation.inputs[1].shape, operation.inputs[2].shape
    if not (kernel.is_fully_defined() and output.is_fully_defined()):
        return None
    flops: float = 2.0 * math.prod(output) * math.prod(kernel[:3])
    return flops


def nodes_of_definition(definitions: Iterable[Any]) -> Iterator[Node]:
    """The nodes of a GraphDef or of a function in its library (NodeDef messages)."""
    for node in definitions:
        attributes = node.attr
        yield Node(
            name=node.name,
            kind=node.op,
            dtype=DTYPES.get(attributes["T"].type) if "T" in attributes else None,
            device=node.device,
            data_format=_text(attributes["data_format"].s) if "data_format" in attributes else "",
            fused=_fused(attributes),
            key=node.input[1].lstrip("^").partition(":")[0] if len(node.input) > 1 else "",
        )


def _fused(attributes: Any) -> tuple[str, ...]:
    """The operations fused into this one: a convolution's `fused_ops`, or a batch norm's activation."""
    if "fused_ops" in attributes:
        return tuple(_text(name) for name in attributes["fused_ops"].list.s)
    if "activation_mode" in attributes:
        return (_text(attributes["activation_mode"].s),)
    return ()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def sizes(graph: Any) -> dict[str, float]:
    """FLOPs of a traced graph's convolutions, by their name and by the name of the producer of their filter.

    A filter shared by several forward convolutions identifies none of them, so it is left out.
    """
    found: dict[str, float] = {}
    shared: Counter[str] = Counter()
    for node in nodes_of_function(graph):
        if node.flops is not None:
            found[node.name] = node.flops
            if _FORWARD.search(node.kind):
                shared[node.key] += 1
                found.setdefault(node.key, node.flops)
    return {name: size for name, size in found.items() if shared[name] < 2}
