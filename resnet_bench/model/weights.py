"""Weights between networks and files: copy by layer name, save, save for plain Keras, load.

Layer names are the same with fused and with Keras' batch norm, and the same as Keras Applications', so
one copy serves all three. Files are Keras' `.keras` archives, each written under a temporary name and
then renamed: a reader never meets half a file. `pretrained.py` starts a network from weights of other
layouts, `model_card.py` has what a file says about itself.
"""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from resnet_bench.errors import ConfigError, DataError
from resnet_bench.model.model_card import add_card
from resnet_bench.model.model_file import kind_of
from resnet_bench.model.normalization import FusedBatchNormalization
from resnet_bench.records.files import replace_durably
from resnet_bench.records.model_card import ModelCard

SUFFIX = ".keras"


Layers = Mapping[str, Sequence[Any]]
"""Arrays by layer name, in Keras' order: kernel, bias; or gamma, beta, moving mean, moving variance."""


def copy_weights(source: Any, target: Any) -> None:
    """Give every layer of `target` the weights of the layer of that name in `source`; may block.

    Batch norm layers of either kind exchange gamma, beta, moving mean and moving variance, whose meaning
    is the same in both; so do channels_last and channels_first networks. `source` may be a
    `keras.applications.ResNet50` and `target` a v1 network with convolution biases. Nothing is copied
    unless everything fits: `DataError` names the layers that one side lacks, or the shapes that differ.
    """
    assign(layers_of(source), target)


def layers_of(model: Any) -> dict[str, list[Any]]:
    """The weights of `model` by layer name."""
    return {layer.name: list(layer.weights) for layer in model.layers if layer.weights}


def assign(given: Layers, target: Any, skip: str | None = None) -> None:
    """As `copy_weights`, from arrays by layer name; the layer `skip` of `target` keeps what it has."""
    wanted = {layer.name: layer for layer in target.layers if layer.weights and layer.name != skip}
    _check_same_layers(given, wanted)
    for name, layer in wanted.items():
        have = [tuple(weight.shape) for weight in given[name]]
        need = [tuple(weight.shape) for weight in layer.weights]
        if have != need:
            raise DataError(
                f"Layer {name} has weights of shapes {need}, but {have} were given.",
                "Both networks need the same --variant, --width, --classes, channels and --conv-bias.",
            )
    for name, layer in wanted.items():
        for weight, value in zip(layer.weights, given[name], strict=True):
            weight.assign(value)


def differing_stages(given: Mapping[str, Any], target: Any) -> list[str]:
    """Layers of the stem and the stages that one side lacks; empty where the networks differ in their heads alone."""
    wanted = {layer.name for layer in target.layers if layer.weights}
    return sorted(name for name in wanted ^ set(given) if name.startswith("conv") and name[4:5].isdigit())


def _check_same_layers(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    if missing or unknown:
        differences = [
            f"{what} {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
            for what, names in (("lacking", missing), ("not in the network:", unknown))
            if names
        ]
        raise DataError(
            f"The weights given belong to another network: {'; '.join(differences)}.",
            "Check --stage-sizes.",
        )


def portable(model: Any) -> Any:
    """The same network and weights with Keras' own batch norm, so that plain Keras can load it."""

    def plain(layer: Any) -> Any:
        if not isinstance(layer, FusedBatchNormalization):
            return layer.__class__.from_config(layer.get_config())
        config = {key: layer.get_config()[key] for key in ("name", "dtype", "trainable", "momentum", "epsilon")}
        return keras.layers.BatchNormalization.from_config(config)

    clone = keras.models.clone_model(model, clone_function=plain)
    copy_weights(model, clone)
    return clone


def save(model: Any, path: Path, card: ModelCard | None = None) -> None:
    """Write `model` with its weights to `path` (.keras), atomically; blocks.

    A network with fused batch norm can be loaded only where this package has been imported. The file holds
    the network alone, which reads normalised pixels: `card`, kept in its metadata, says how they are made,
    what the outputs mean and the names of the classes. Raises `ConfigError` for another suffix or a folder
    that cannot be written to.
    """
    _check_suffix(path)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{SUFFIX}")
    carded = temporary.with_suffix(".card")
    try:
        model.save(temporary)
        if card is not None:
            add_card(temporary, carded, card)
            carded.replace(temporary)
        replace_durably(temporary, path)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise ConfigError(f"The model file {path} cannot be written: {reason}.", "Name a writable folder.") from problem
    finally:
        for left in (temporary, carded):
            left.unlink(missing_ok=True)


def save_portable(model: Any, path: Path, card: ModelCard | None = None) -> None:
    """`save`, with Keras' own batch norm in place of ours: plain Keras loads the file.

    Plain Keras must normalise as the card says: (pixel - mean) / std of pixels from 0 to 255, here with
    ImageNet's usual mean (123.675, 116.28, 103.53) and deviation (58.395, 57.12, 57.375), channels in RGB.
    """
    _check_suffix(path)
    save(portable(model), path, card)


def load(path: Path) -> Any:
    """The model in the file `path` (.keras, saved by `save`, `save_portable` or Keras); blocks.

    Raises `ConfigError` for another suffix and `DataError` for a file that is missing or damaged.
    """
    if not path.exists():
        _check_suffix(path)
    if kind_of(path, f"The model file {path}") == "h5":
        archive = path.with_name(f"{path.stem}-archive{SUFFIX}")
        raise ConfigError(
            f"The model file {path} is HDF5, and only .keras archives are read here.",
            f"Convert it: bench-cli build --weights {path} --save {archive}.",
        )
    _check_suffix(path)
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as problem:
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0].rstrip(".")
        raise DataError(f"The model file {path} cannot be read: {reason}.", "Save it again.") from problem


def load_weights(model: Any, path: Path) -> None:
    """Give `model` the weights in the file `path` (.keras), whichever batch norm either has; blocks.

    Raises what `load` and `copy_weights` raise.
    """
    source = load(path)
    try:
        copy_weights(source, model)
    except DataError as problem:
        raise DataError(f"The model file {path} does not fit: {problem.message}", problem.remedy) from problem


def _check_suffix(path: Path) -> None:
    if path.suffix != SUFFIX:
        raise ConfigError(
            f"The model file {path} does not end in {SUFFIX}.", f"Call it {path.stem or 'model'}{SUFFIX}."
        )
