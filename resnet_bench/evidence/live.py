"""Asks TensorFlow, inside a worker, what it runs: executed graphs, the running pipeline, rounding, variables.

`graph.py` counts what the graphs hold. Everything here runs outside timed windows; what perturbs (collecting
graphs) only in a process that times nothing. TensorFlow is imported inside the functions.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resnet_bench.evidence import graph
from resnet_bench.records.evidence import Arithmetic, Changes, Operations, PipelineNode

NAMED = 5
"""At most this many unchanged variables are named in a record."""


@contextmanager
def collected_graphs() -> Iterator[list[Any]]:
    """A list that holds, after the block, the partition graphs (GraphDefs) of the biggest function first called in
    it: what its executors were given, after all of TensorFlow's rewriting. Empty where none was called, as under
    XLA. A function called before the block is not seen."""
    from tensorflow.python.eager import context  # type: ignore[import-not-found,unused-ignore]

    found: list[Any] = []
    running = context.context()
    running.enable_run_metadata()
    try:
        yield found
        functions = running.export_run_metadata().function_graphs
    finally:
        running.disable_run_metadata()
    if functions:
        biggest = max(functions, key=lambda each: sum(len(part.node) for part in each.partition_graphs))
        found.extend(biggest.partition_graphs)


def executed(partitions: list[Any], source: str, device: str, sizes: dict[str, float]) -> Operations:
    """Count the operations of the partition graphs and of the functions that they call."""

    return graph.count(_nodes(partitions), source, device, sizes)


def xla_clusters(partitions: list[Any]) -> int:
    """How many parts of the partition graphs XLA runs."""
    return graph.xla_clusters(_nodes(partitions))


def _nodes(partitions: list[Any]) -> Iterator[graph.Node]:
    for partition in partitions:
        yield from graph.nodes_of_definition(partition.node)
        for function in partition.library.function:
            yield from graph.nodes_of_definition(function.node_def)


def keep_graphs(partitions: list[Any], path: Path) -> None:
    """Write the partitions' nodes as compressed text, a line each: device, kind, name, type and inputs."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("device\tkind\tname\ttype\tinputs\n")
        for partition in partitions:
            for node in partition.node:
                dtype = graph.DTYPES.get(node.attr["T"].type, "") if "T" in node.attr else ""
                file.write(f"{node.device}\t{node.op}\t{node.name}\t{dtype}\t{' '.join(node.input)}\n")


def pipeline(iterator: Any) -> tuple[PipelineNode, ...] | None:
    """The stages of a running iterator, last stage first; None if tf.data keeps no model of it (autotuning is off, or
    the iterator is not tf.data's own)."""
    import tensorflow as tf

    try:
        model = tf.data.experimental.get_model_proto(iterator)
    except (ValueError, tf.errors.OpError):
        return None
    ordered = sorted(model.nodes.values(), key=lambda node: node.id)
    return tuple(_pipeline_node(node) for node in ordered)


def _pipeline_node(node: Any) -> PipelineNode:
    values = {each.name: each for each in node.parameters}
    parallelism, buffer = values.get("parallelism"), values.get("buffer_size")
    return PipelineNode(
        name=node.name,
        parallelism=None if parallelism is None else int(parallelism.state_value),
        buffer_size=None if buffer is None else int(buffer.state_value),
        tuned=any(each.tunable for each in node.parameters),
    )


def arithmetic(device: str) -> Arithmetic:
    """The rounding of float32 operands in a matrix product and a 3x3 convolution on `device`. Blocks on it.

    Values 1 + 2^-k are multiplied by an identity; the smallest 2^-k that is preserved is reported. TF32 keeps 10 bits
    of the mantissa, bfloat16 7, float32 23 (NVIDIA A100 architecture whitepaper).
    """
    import numpy as np
    import tensorflow as tf

    steps = 2.0 ** -np.arange(1, 24)
    size, channels = 512, 64
    rows = np.ones((size, size), np.float32)
    rows[: len(steps)] += steps[:, np.newaxis].astype(np.float32)
    pixels = np.ones((8, 16, 16, channels), np.float32)
    pixels[..., : len(steps)] += steps.astype(np.float32)
    kernel = np.zeros((3, 3, channels, channels), np.float32)
    kernel[1, 1] = np.eye(channels)
    with tf.device(device):
        product = tf.linalg.matmul(tf.constant(rows), tf.eye(size)).numpy()
        image = tf.nn.conv2d(tf.constant(pixels), tf.constant(kernel), 1, "SAME").numpy()
    return Arithmetic(
        product_epsilon=_kept(product[: len(steps)] - rows[: len(steps)], steps),
        convolution_epsilon=_kept(np.moveaxis(image - pixels, -1, 0)[: len(steps)], steps),
    )


def _kept(errors: Any, steps: Any) -> float:
    """The smallest of `steps` up to which all were preserved to within half of their size."""
    exact = 1.0
    for error, step in zip(errors, steps, strict=True):
        if abs(error).max() >= step / 2:
            break
        exact = float(step)
    return exact


def changes(model: Any, steps: int, run: Callable[[], tuple[int | None, bool | None]]) -> Changes:
    """Which of the model's variables `run` changed. It runs `steps` training steps and returns how many of them
    loss scaling skipped and whether the loss is finite. Copies all variables to the host."""
    import numpy as np

    before = [variable.numpy() for variable in model.variables]
    skipped, finite = run()
    changed = [not np.array_equal(old, variable.numpy()) for old, variable in zip(before, model.variables, strict=True)]
    trainable = [variable.trainable for variable in model.variables]
    still = [
        getattr(variable, "path", variable.name)
        for variable, moved in zip(model.variables, changed, strict=True)
        if not moved
    ]
    return Changes(
        steps=steps,
        skipped=skipped,
        trainable=sum(trainable),
        trainable_changed=sum(moved for moved, trains in zip(changed, trainable, strict=True) if trains),
        statistics=len(trainable) - sum(trainable),
        statistics_changed=sum(moved for moved, trains in zip(changed, trainable, strict=True) if not trains),
        unchanged=tuple(still[:NAMED]),
        finite=finite,
    )
