"""Files that are given as weights or models: archives of Keras made by hand, and everything that is no such file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.gauntlet.folders import put

Make = Callable[[Path], None]
_LAYER = {"module": "keras.layers", "class_name": "Rescaling", "registered_name": None, "config": {"scale": 1.0}}


def _archive(config: object, version: str = "3.0.0", **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", config if isinstance(config, bytes) else json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _of_layers(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"layers": list(layers)}}


def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def _file(content: bytes) -> Make:
    return lambda path: (put(path, content), None)[1]


def _folder(*names: str) -> Make:
    def make(path: Path) -> None:
        path.mkdir()
        for name in names:
            (path / name).write_bytes(b"{}")

    return make


_LAMBDA = {**_LAYER, "class_name": "Lambda"}
_OWN = {**_LAYER, "module": None, "class_name": "Mine", "registered_name": "mine>Mine"}
_NESTED = {**_LAYER, "class_name": "Functional", "config": {"layers": [_LAMBDA]}}
_ESCAPES = {**_OWN, "class_name": "\x1b]0;x\x07[/red]"}

REFUSED: dict[str, tuple[Make, str]] = {
    "lfs.keras": (_file(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64), "Git LFS pointer"),
    "lfs.h5": (_file(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64), "Git LFS pointer"),
    "web_page.keras": (_file(b"<!DOCTYPE html><html></html>"), "a web page"),
    "web_page.h5": (_file(b"\n <html><body>Sign in"), "a web page"),
    "empty.keras": (_file(b""), "is empty"),
    "empty.h5": (_file(b""), "is empty"),
    "words.h5": (_file(b"some words"), "neither a .keras archive nor HDF5"),
    "zeros.keras": (_file(bytes(5000)), "neither a .keras archive nor HDF5"),
    "pickle.h5": (_file(b"\x80\x04K\x01."), "Python pickle"),
    "resnet50.pth": (_file(_zip(**{"archive/data__pkl": b"x"})), "PyTorch"),
    "weights.bin": (_file(b"\1\2\3"), "neither .keras nor .h5"),
    "saved_model": (_folder("saved_model.pb"), "TensorFlow SavedModel"),
    "unpacked.keras": (_folder("config.json", "model.weights.h5", "metadata.json"), "unpacked .keras archive"),
    "folder.h5": (_folder(), "is a folder"),
    "cut.keras": (_file(_archive(_of_layers(_LAYER))[:-30]), "cut off or damaged"),
    "other.zip": (_file(_zip(a__txt=b"x")), "no model of Keras"),
    "no_json.keras": (_file(_archive(b"{")), "damaged"),
    "deep_json.keras": (_file(_archive(b"[" * 100_000)), "damaged"),
    "latin1_json.keras": (_file(_archive(b'{"a": "\xe9"}')), "damaged"),
    "lambda.keras": (_file(_archive(_of_layers(_LAMBDA))), "Lambda layer"),
    "nested_lambda.keras": (_file(_archive(_of_layers(_NESTED))), "Lambda layer"),
    "own_layer.keras": (_file(_archive(_of_layers(_OWN))), "a layer of its own, Mine"),
    "escapes.keras": (_file(_archive(_of_layers(_ESCAPES))), "a layer of its own"),
    "newer.keras": (_file(_archive(_of_layers(_LAYER), "99.1.0")), "saved by Keras 99.1.0, newer than"),
}
"""What is told by the content alone, without Keras; each with words of the reason."""

FILES: dict[str, Make] = {name: make for name, (make, _) in REFUSED.items()}
