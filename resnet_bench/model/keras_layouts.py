"""Files of weights that are not laid out as a ResNet of ours: Keras 3's numbered layers, other networks, nested ones.

Neighbours: `pretrained.py` reads the layouts that hold layers by name.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras

from resnet_bench.errors import DataError

_BY_LAYERS = {(53, 53): "ResNet50", (104, 104): "ResNet101", (155, 155): "ResNet152"}
"""Keras Applications' constructor by the number of convolutions and of batch norms."""

_V2_BY_LAYERS = {(53, 49): "ResNet50V2", (104, 100): "ResNet101V2", (155, 151): "ResNet152V2"}
_BEFORE_2_2_3 = ("conv1", "bn_conv1", "res2a_branch2a")
_SUPPORTED = "Give weights of ResNet-50, 101 or 152 (V1) of Keras Applications, or of this package."


def keras_applications(path: Path, source: str, layers: Any) -> Any:
    """The Keras Applications ResNet whose weights a `.weights.h5` file of Keras 3 holds, without layers' names.

    layers: the file's group of layers, which tells the network by how many of each kind there are.
    """
    names = list(layers)
    counts = _count(names, "conv2d"), _count(names, "batch_normalization")
    constructor = _BY_LAYERS.get(counts)
    if constructor is None:
        raise _other_counts(source, layers, counts)
    channels = layers["conv2d"]["vars"]["0"].shape[2]
    top = {"classes": layers["dense"]["vars"]["0"].shape[1]} if "dense" in layers else {"include_top": False}
    network = getattr(keras.applications, constructor)(weights=None, input_shape=(224, 224, channels), **top)
    try:
        network.load_weights(path)
    except (ValueError, KeyError) as problem:
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0].rstrip(".")
        raise DataError(f"--weights {source} do not fit {constructor}: {reason}.", _SUPPORTED) from problem
    return network


def layer_holding(group: Any, names: list[str], first: str) -> str | None:
    """The layer that holds a whole ResNet; None where no layer does."""
    return next(
        (name for name in names if any(f"{first}/" in each for each in texts(group[name], "weight_names"))), None
    )


def texts(group: Any, key: str) -> list[str]:
    """A list of names from a group's attributes, which Keras splits into `key0`, `key1`, ... where it is long."""
    chunks = (f"{key}{number}" for number in itertools.count())
    keys = [key] if key in group.attrs else list(itertools.takewhile(lambda each: each in group.attrs, chunks))
    parts = [group.attrs[each] for each in keys]
    return [text.decode() if isinstance(text, bytes) else str(text) for part in parts for text in part]


def nested_network(source: str, layer: str) -> DataError:
    """The error for a file that holds its network as one layer of a larger one."""
    return DataError(
        f"--weights {source} hold a network as one layer ({layer}) of a larger one.",
        f"Save that layer by itself, model.get_layer('{layer}').save('base.keras'), and pass it with --new-head.",
    )


def other_network(source: str, layers: Iterable[str]) -> DataError:
    """The error for weights of layers that are no ResNet's."""
    names = list(layers)
    if any(name in names for name in _BEFORE_2_2_3):
        return DataError(
            f"--weights {source} has no layer conv1_conv: its names are from before Keras 2.2.3.",
            "Load and save the file with Keras Applications.",
        )
    few = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "") if names else "none"
    return DataError(
        f"--weights {source} has no layer conv1_conv: it is no ResNet of Keras Applications or of this package "
        f"(layers: {few}).",
        _SUPPORTED,
    )


def _other_counts(source: str, layers: Any, counts: tuple[int, int]) -> DataError:
    inner = next((name for name in layers if "layers" in layers[name]), None)
    if inner is not None:
        return nested_network(source, inner)
    if counts in _V2_BY_LAYERS:
        return DataError(
            f"--weights {source} are of a {_V2_BY_LAYERS[counts]}, and the network is V1.",
            _SUPPORTED,
        )
    return DataError(
        f"--weights {source} are of another network: {counts[0]} convolutions and {counts[1]} batch norms.", _SUPPORTED
    )


def _count(names: Iterable[str], kind: str) -> int:
    return sum(name == kind or name.removeprefix(f"{kind}_").isdigit() for name in names)
