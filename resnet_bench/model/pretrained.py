"""Start a network from weights that exist: Keras Applications' files, `.keras` files, ImageNet's download.

`start_from` is what `build`, `train` and the worker call; `freeze_stages` goes with it for fine-tuning.
Neighbours: `weights.py` copies by layer name, `model_card.py` knows how pixels are normalised. Reads layouts, and
never changes a file.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import keras
import numpy as np

from resnet_bench.config.dataset import PixelsName
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.model import weights
from resnet_bench.model.keras_layouts import keras_applications, layer_holding, nested_network, other_network, texts
from resnet_bench.model.model_card import CAFFE, pixels_named, read_card
from resnet_bench.model.model_file import kind_of
from resnet_bench.records.model_card import Pixels, WeightsFacts

IMAGENET: Final = "imagenet"
HEAD = "predictions"
STALL_S = 20.0
"""Seconds without a byte after which the download gives up."""

_FIRST = "conv1_conv"
_STAGE_LAYER = re.compile(r"conv\d+_")
_DOWNLOADS = {(3, 4, 6, 3): "ResNet50", (3, 4, 23, 3): "ResNet101", (3, 8, 36, 3): "ResNet152"}


@dataclass(frozen=True)
class FoundWeights:
    """Weights read from a file, before adaptation. `variant` is None if the file does not tell; `pixels` is the
    normalisation that they expect."""

    source: str
    layers: dict[str, list[Any]]
    variant: Literal["v1", "v1.5"] | None
    pixels: Pixels

    @property
    def has_biases(self) -> bool:
        """Whether convolutions have biases, as Keras Applications' do."""
        return len(self.layers.get(_FIRST, ())) == 2


def start_from(
    model: Any,
    source: str,
    *,
    new_head: bool = False,
    fold_biases: bool = False,
    pixels: PixelsName | None = None,
) -> WeightsFacts:
    """Give `model` (built by `resnet.build` or `resnet50`) the weights of `source`; blocks.

    source: a path (`.keras`; Keras Applications' `.h5` of weights; a whole model in `.h5`; `.weights.h5` of a
    Keras Applications ResNet) or "imagenet", which downloads what Keras Applications does unless it lies in
    Keras' cache. new_head: keep the classifier of `model`, whatever the source has. fold_biases: put the
    convolutions' biases into the batch norms that follow (mean - bias in place of mean; the outputs stay), for
    a `model` without them. pixels: the normalisation that the source was trained with; None takes its card's,
    else Keras Applications' where convolutions have biases and this package's where they have none.

    The network always reads this package's normalisation afterwards: where the source's was another, the
    first convolution is rescaled to match (exact but for the zeros of its padding, at the image's border).
    Raises `DataError` for a file that is missing, damaged or of another network, `ConfigError` where an
    option would make it fit. Nothing is copied unless everything fits.
    """
    given = _find(source, model, new_head)
    _check_variant(given, model)
    target = pixels_named(IMAGENET, _channels(model))
    read = given.pixels if pixels is None else pixels_named(pixels, _channels(model))
    layers, folded = _fitted(given, model, fold_biases)
    adapted = not _same(read, target)
    if adapted:
        _adapt(layers, read, target)
    if new_head:
        layers = _without_head(layers, model)
    try:
        weights.assign(layers, model, skip=HEAD if new_head else None)
    except DataError as problem:
        head = f"Layer {HEAD} " in problem.message or not weights.differing_stages(layers, model)
        remedy = "Use --new-head to keep the other layers." if head and not new_head else problem.remedy
        raise DataError(f"The weights {source} do not fit: {problem.message}", remedy) from problem
    return WeightsFacts(
        source=source, layers=len(layers), new_head=new_head, folded_biases=folded, adapted_pixels=adapted
    )


def _without_head(layers: dict[str, list[Any]], model: Any) -> dict[str, list[Any]]:
    """The layers that belong to the network's stages: a head of any form is left out."""
    own = {layer.name for layer in model.layers}
    kept = {name: arrays for name, arrays in layers.items() if name != HEAD}
    return {name: arrays for name, arrays in kept.items() if name in own or _STAGE_LAYER.match(name)}


def freeze_stages(model: Any, stages: int) -> int:
    """Keep the stem and the first `stages` stages as they are; 0 freezes nothing. Returns the layers frozen.

    Frozen batch norm uses and keeps its moving statistics. Call it before an optimizer is built. Raises
    `ConfigError` where the network has fewer stages.
    """
    depth = len({layer.name.partition("_")[0] for layer in model.layers if "_block" in layer.name})
    if not 0 <= stages <= depth:
        raise ConfigError(f"--freeze-stages {stages} is not allowed: the network has {depth} stages.")
    frozen = [f"conv{number}_" for number in range(1, stages + 2)] if stages else []
    chosen = [layer for layer in model.layers if layer.weights and layer.name.startswith(tuple(frozen))]
    for layer in chosen:
        layer.trainable = False
    return len(chosen)


def _channels(model: Any) -> int:
    return int(model.get_layer(_FIRST).kernel.shape[2])


def _find(source: str, model: Any, new_head: bool) -> FoundWeights:
    if source == IMAGENET:
        return _of_model(_imagenet(model, new_head), source, CAFFE)
    path = Path(source).expanduser()
    if kind_of(path, f"--weights {source}") == "h5":
        return _of_h5(path, source)
    card = read_card(path)
    return _of_model(weights.load(path), source, card.pixels if card is not None else None)


def _of_model(source: Any, name: str, pixels: Pixels | None) -> FoundWeights:
    layers = {layer: [np.asarray(array) for array in arrays] for layer, arrays in weights.layers_of(source).items()}
    inner = next((layer.name for layer in source.layers if hasattr(layer, "layers") and layer.weights), None)
    if inner is not None and _FIRST not in layers:
        raise nested_network(name, inner)
    return _given(name, layers, _variant(source), pixels)


def _given(name: str, layers: dict[str, list[Any]], variant: Any, pixels: Pixels | None) -> FoundWeights:
    first = layers.get(_FIRST)
    if not first or np.ndim(first[0]) != 4:
        raise other_network(name, layers)
    if f"{_FIRST.removesuffix('_conv')}_bn" not in layers:
        raise DataError(
            f"--weights {name} are of a ResNet V2, and the network is V1.",
            "Give weights of ResNet-50, 101 or 152 V1.",
        )
    channels = first[0].shape[2]
    assumed = CAFFE if len(first) == 2 and channels == 3 else pixels_named(IMAGENET, channels)
    return FoundWeights(name, layers, variant, pixels or assumed)


def _variant(model: Any) -> Literal["v1", "v1.5"] | None:
    """Where the second stage's stride sits; None for a network of one stage, where both are the same."""
    names = {layer.name: layer for layer in model.layers}
    for block, variant in (("conv3_block1_1_conv", "v1"), ("conv3_block1_2_conv", "v1.5")):
        if block in names and names[block].strides[0] == 2:
            return "v1" if variant == "v1" else "v1.5"
    return None


def _check_variant(given: FoundWeights, model: Any) -> None:
    wanted = _variant(model)
    if given.variant is not None and wanted is not None and given.variant != wanted:
        raise ConfigError(
            f"--weights {given.source} belong to ResNet {given.variant}, but the network is {wanted}.",
            f"Use --variant {given.variant}.",
        )


def _of_h5(path: Path, source: str) -> FoundWeights:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            group = file.get("model_weights", file)
            if "layers" in group and not texts(group, "layer_names"):
                return _of_model(keras_applications(path, source, group["layers"]), source, CAFFE)
            names = texts(group, "layer_names")
            if _FIRST not in names and (inner := layer_holding(group, names, _FIRST)) is not None:
                raise nested_network(source, inner)
            layers = {name: _arrays(group[name]) for name in names}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as problem:
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0].rstrip(".")
        cut = "It is cut off; fetch it again." if "truncated" in reason else "Fetch or save it again."
        raise DataError(f"--weights {source} cannot be read: {reason}.", cut) from problem
    layers = {name: arrays for name, arrays in layers.items() if arrays}
    biases = len(layers.get(_FIRST, ())) == 2
    return _given(source, layers, "v1" if biases else None, None)


def _arrays(layer: Any) -> list[Any]:
    return [np.asarray(layer[name]) for name in texts(layer, "weight_names")]


def _imagenet(model: Any, new_head: bool) -> Any:
    """Keras Applications' ResNet of the stages of `model`, with its ImageNet weights."""
    names = [layer.name for layer in model.layers if layer.name.endswith("_add")]
    stages = sorted({name.partition("_")[0] for name in names})
    sizes = tuple(sum(name.startswith(f"{stage}_") for name in names) for stage in stages)
    constructor = _DOWNLOADS.get(sizes)
    if constructor is None or model.get_layer(_FIRST).filters != 64 or _channels(model) != 3:
        raise ConfigError(
            "--weights imagenet exists for ResNet-50, 101 and 152 with --width 64 and 3 channels alone.",
            "Drop --stage-sizes, --width and --channels.",
        )
    with _stall_limit():
        try:
            # Keras raises a bare Exception where the download fails.
            return getattr(keras.applications, constructor)(weights="imagenet", include_top=not new_head)
        except Exception as problem:
            reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
            raise DataError(
                f"--weights imagenet could not be downloaded: {reason.rstrip('.')}.",
                "Download Keras Applications' weights where a network exists, and pass the file to --weights.",
            ) from problem


@contextmanager
def _stall_limit() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _fitted(given: FoundWeights, model: Any, fold: bool) -> tuple[dict[str, list[Any]], int]:
    """Copies of the given arrays with as many biases as `model` has, and how many were folded."""
    layers = {name: list(arrays) for name, arrays in given.layers.items()}
    wanted = bool(model.get_layer(_FIRST).use_bias)
    if given.has_biases == wanted:
        return layers, 0
    if wanted:
        raise ConfigError(f"--weights {given.source} have no convolution biases.", "Drop --conv-bias.")
    if not fold:
        raise ConfigError(
            f"--weights {given.source} have convolution biases, but the network has none.",
            "Add --fold-biases (the outputs stay the same), or --conv-bias.",
        )
    return layers, fold_into_batch_norm(layers)


def fold_into_batch_norm(layers: dict[str, list[Any]]) -> int:
    """Move every bias [C] of a `<name>_conv` into the moving mean of `<name>_bn`; returns how many there were.

    Batch norm subtracts the mean from what the convolution gives: (x + bias) - mean = x - (mean - bias).
    """
    found = [name for name, arrays in layers.items() if name.endswith("_conv") and len(arrays) == 2]
    for name in found:
        kernel, bias = layers[name]
        norm = f"{name.removesuffix('_conv')}_bn"
        gamma, beta, mean, variance = layers[norm]
        layers[name], layers[norm] = [kernel], [gamma, beta, mean - bias, variance]
    return len(found)


def _same(one: Pixels, other: Pixels) -> bool:
    return one.order == other.order and np.allclose(one.mean, other.mean) and np.allclose(one.std, other.std)


def _adapt(layers: dict[str, list[Any]], read: Pixels, target: Pixels) -> None:
    """Let the first convolution, which reads `read`, read `target` in its place.

    With n = (pixel - mean) / std on both sides: n_read = n_target std_t / std_r + (mean_t - mean_r) / std_r. The
    factor goes into the kernel; the constant, summed over the kernel, into the bias or the batch norm's mean.
    """
    kernel = layers[_FIRST][0]
    mean, std = np.array(read.mean), np.array(read.std)
    if read.order == "bgr":
        kernel, mean, std = kernel[:, :, ::-1], mean[::-1], std[::-1]
    constant = np.einsum("hwio,i->o", kernel, (np.array(target.mean) - mean) / std).astype(np.float32)
    scale = (np.array(target.std) / std).astype(np.float32)
    layers[_FIRST][0] = kernel * scale[:, np.newaxis]
    if len(layers[_FIRST]) == 2:
        layers[_FIRST][1] = layers[_FIRST][1] + constant
    else:
        gamma, beta, moving_mean, variance = layers["conv1_bn"]
        layers["conv1_bn"] = [gamma, beta, moving_mean - constant, variance]
