"""What a file of weights or of a model is, by its content: one error for each thing that cannot be loaded.

Neighbours: `weights.py` loads models, `pretrained.py` reads weights of other layouts. Imports neither Keras nor
TensorFlow, and executes nothing that a file holds.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from resnet_bench.config.printable import printable
from resnet_bench.errors import ConfigError, DataError

FileKind = Literal["keras", "h5"]
"""keras: an archive that Keras 3 saved. h5: HDF5, of weights or of a whole model."""

_HEAD_BYTES = 256
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_OWN_PACKAGE = "resnet_bench>"
_SAVE = "Save it again: model.save('model.keras')."


def kind_of(path: Path, name: str) -> FileKind:
    """What the file is; name: how errors call it. Raises `DataError` for anything that Keras does not load, and
    `ConfigError` where neither name nor content is known."""
    try:
        if path.is_dir():
            raise _folder(path, name)
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError as error:
        raise DataError(f"{name} does not exist.", "Check the path: a .keras or .h5 file.") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}.", "Allow reading it.") from error
    if head.startswith(b"\x89HDF"):
        return "h5"
    if head.startswith(b"PK\x03\x04"):
        _check_archive(path, name)
        return "keras"
    raise _other_file(path, head, name)


def _folder(path: Path, name: str) -> DataError:
    if (path / "saved_model.pb").exists():
        return DataError(f"{name} is a TensorFlow SavedModel, which has no layers to read.", _SAVE)
    if (path / "config.json").exists() and (path / "model.weights.h5").exists():
        return DataError(f"{name} is an unpacked .keras archive.", "Pack its files into a ZIP archive of that name.")
    return DataError(f"{name} is a folder.", "Name a .keras or .h5 file.")


def _other_file(path: Path, head: bytes, name: str) -> DataError | ConfigError:
    if head.startswith(_PICKLES):
        return DataError(f"{name} is a Python pickle, as PyTorch saves.", "Convert the weights to Keras first.")
    if head.startswith(b"version https://git-lfs"):
        return DataError(f"{name} is a Git LFS pointer, not the file itself.", "Fetch it: git lfs pull.")
    if head[:64].lstrip().lower().startswith((b"<!doctype", b"<html")):
        return DataError(f"{name} is a web page, not the file itself.", "Download it again.")
    if path.suffix.lower() not in (".keras", ".h5", ".hdf5"):
        return ConfigError(f"{name} is neither .keras nor .h5.", "Save the model in one of them.")
    what = "is empty" if not head else "is neither a .keras archive nor HDF5"
    return DataError(f"{name} cannot be read: it {what}.", "Fetch or save it again.")


def _check_archive(path: Path, name: str) -> None:
    """Refuse a ZIP archive that is no model of Keras, or one that this Keras could not load."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            if "config.json" not in members:
                what = "PyTorch's" if any(each.endswith("data.pkl") for each in members) else "no model of Keras"
                raise DataError(f"{name} is a ZIP archive, {what}.", "Give a .keras file.")
            config = json.loads(archive.read("config.json"))
            metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in members else {}
    except zipfile.BadZipFile as error:
        raise DataError(f"{name} is a ZIP archive that is cut off or damaged.", "Fetch or save it again.") from error
    except (KeyError, ValueError, OSError, RecursionError) as error:
        raise DataError(f"{name} is damaged ({error}).", "Fetch or save it again.") from error
    _check_layers(config, name)
    saved_by = str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else ""
    if _number(saved_by) > _number(version("keras")):
        raise DataError(
            f"{name} was saved by Keras {printable(saved_by)}, newer than {version('keras')} here.",
            "Update Keras, or save it with this version.",
        )


def _check_layers(config: Any, name: str) -> None:
    for module, kind, registered in _classes(config):
        if kind == "Lambda":
            raise DataError(
                f"{name} has a Lambda layer: Python code, which is not executed.",
                "Replace it by a layer of Keras, such as Rescaling, and save again.",
            )
        if module is None and registered and not registered.startswith(_OWN_PACKAGE):
            raise DataError(f"{name} has a layer of its own, {printable(kind)}.", "Save it without custom layers.")


def _classes(config: Any) -> Iterator[tuple[str | None, str, str | None]]:
    """(module, class, registered name) of each layer in a configuration, nested ones too."""
    if isinstance(config, dict):
        for layer in config.get("layers") or ():
            if isinstance(layer, dict) and "class_name" in layer:
                yield layer.get("module"), str(layer["class_name"]), layer.get("registered_name")
        inner = config.get("config")
        yield from _classes(inner)
        for layer in config.get("layers") or ():
            yield from _classes(layer.get("config") if isinstance(layer, dict) else None)


def _number(text: str) -> tuple[int, ...]:
    """The version as numbers, major and minor; a patch release reads the same files."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])
