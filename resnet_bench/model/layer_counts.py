"""Layers of a built network by stage and kind: what a roofline counts.

Worker side. Neighbours: `resnet.py` names the layers, `analysis/roofline.py` turns counts into flops and bytes.
"""

from __future__ import annotations

from math import prod
from typing import Any

import keras

from resnet_bench.model.resnet import NORMS, layer_macs, stage_of
from resnet_bench.records.roofline import LayerGroup

KINDS = {(1, 1): "convolution 1x1", (3, 3): "convolution 3x3", (7, 7): "convolution 7x7"}


def layer_groups(model: Any) -> tuple[LayerGroup, ...]:
    """The layers of the built `model` that compute, summed by stage and kind, in order of the network."""
    found: dict[tuple[str, str], list[Any]] = {}
    for layer in model.layers:
        kind = _kind(layer)
        if kind is not None:
            found.setdefault((stage_of(layer.name), kind), []).append(layer)
    return tuple(
        LayerGroup(
            stage=stage,
            kind=kind,  # type: ignore[arg-type]
            layers=len(layers),
            macs=sum(layer_macs(layer) for layer in layers),
            inputs=sum(_elements(layer.input) for layer in layers),
            outputs=sum(_elements(layer.output) for layer in layers),
            weights=sum(prod(weight.shape) for layer in layers for weight in layer.weights),
        )
        for (stage, kind), layers in found.items()
    )


def _kind(layer: Any) -> str | None:
    if isinstance(layer, keras.layers.Conv2D):
        return KINDS.get(tuple(layer.kernel_size), "convolution")
    if isinstance(layer, NORMS):
        return "norm"
    if isinstance(layer, keras.layers.Add):
        return "add"
    if isinstance(layer, keras.layers.MaxPooling2D | keras.layers.GlobalAveragePooling2D):
        return "pool"
    return "dense" if isinstance(layer, keras.layers.Dense) else None


def _elements(tensors: Any) -> int:
    """Elements of one image's tensor, or of several together."""
    listed = tensors if isinstance(tensors, list | tuple) else [tensors]
    return sum(prod(int(size) for size in tensor.shape[1:]) for tensor in listed)
