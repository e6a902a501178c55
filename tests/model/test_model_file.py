"""What a file of weights or of a model is, without Keras: each thing that cannot be loaded has its own error."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from resnet_bench.errors import BenchError, ConfigError, DataError
from resnet_bench.model.model_file import kind_of


def archive(*layers: dict[str, Any], keras_version: str = "3.0.0", members: dict[str, bytes] | None = None) -> bytes:
    """A .keras archive with these layers in its configuration."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        if not members:
            inner = {"module": "keras", "class_name": "Functional", "config": {"layers": list(layers)}}
            target.writestr("config.json", json.dumps({"class_name": "Functional", "config": {"layers": [inner]}}))
            target.writestr("metadata.json", json.dumps({"keras_version": keras_version}))
        for name, content in (members or {}).items():
            target.writestr(name, content)
    return buffer.getvalue()


CONVOLUTION: dict[str, Any] = {"module": "keras.layers", "class_name": "Conv2D", "registered_name": None, "config": {}}
LAMBDA: dict[str, Any] = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None, "config": {}}
CUSTOM: dict[str, Any] = {"module": None, "class_name": "Mine", "registered_name": "Mine", "config": {}}
OURS: dict[str, Any] = {
    "module": None,
    "class_name": "FusedBatchNormalization",
    "registered_name": "resnet_bench>Fused",
    "config": {},
}


def problem(path: Path) -> BenchError:
    with pytest.raises(BenchError) as caught:
        kind_of(path, "--weights it")
    assert caught.value.message.startswith("--weights it ")
    assert caught.value.remedy
    return caught.value


def test_archives_and_hdf5_are_told_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "any.name").write_bytes(archive(CONVOLUTION, OURS))
    (tmp_path / "other.keras").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert kind_of(tmp_path / "any.name", "it") == "keras"
    assert kind_of(tmp_path / "other.keras", "it") == "h5"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x80\x04\x95", "Python pickle"),
        (b"", "it is empty"),
        (b"something else", "neither a .keras archive nor HDF5"),
        (archive(CONVOLUTION)[:-60], "cut off or damaged"),
        (archive(LAMBDA), "has a Lambda layer: Python code, which is not executed"),
        (archive(CUSTOM), "has a layer of its own, Mine"),
        (archive(CONVOLUTION, keras_version="99.1.0"), "was saved by Keras 99.1.0, newer than"),
        (archive(members={"model/data.pkl": b""}), "PyTorch's"),
        (archive(members={"a.txt": b""}), "no model of Keras"),
        (archive(members={"config.json": b"{"}), "is damaged"),
    ],
)
def test_each_file_that_cannot_be_loaded_is_named_for_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "it.keras").write_bytes(content)
    error = problem(tmp_path / "it.keras")
    assert words in error.message
    assert isinstance(error, DataError)


def test_folders_missing_and_unreadable_files_and_unknown_ones_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "does not exist" in problem(tmp_path / "gone.keras").message
    (tmp_path / "weights.bin").write_bytes(b"")
    assert isinstance(problem(tmp_path / "weights.bin"), ConfigError)
    for name, files, words in (
        ("saved", ("saved_model.pb",), "SavedModel"),
        ("it.keras", ("config.json", "model.weights.h5"), "unpacked .keras archive"),
        ("plain", (), "is a folder"),
    ):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
        assert words in problem(tmp_path / name).message

    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    assert "cannot be read: Permission denied" in problem(tmp_path / "weights.bin").message
