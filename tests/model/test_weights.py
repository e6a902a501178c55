"""Weights move between both kinds of batch norm and through files without changing an output."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from resnet_bench.errors import ConfigError, DataError
from resnet_bench.model.normalization import FusedBatchNormalization
from resnet_bench.model.resnet import resnet50
from resnet_bench.model.weights import copy_weights, load, load_weights, portable, save, save_portable

pytestmark = [
    pytest.mark.usefixtures("keras_state"),
    # Keras 3.15 hands NumPy 2 an array type without `copy` when it saves and loads.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

IMAGES = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")


def tiny(**changes: Any) -> Any:
    """A small network whose weights and moving statistics all differ from where they start."""
    arguments = {"classes": 5, "stage_sizes": (1, 2), "width": 8, "classifier_activation": None, **changes}
    model = resnet50((32, 32, 3), **arguments)
    generator = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + generator.uniform(0.0, 0.3, weight.shape))
    return model


def outputs(model: Any, *, training: bool = False) -> Any:
    return np.asarray(model(IMAGES, training=training).numpy(), "float32")


def assert_same_outputs(one: Any, other: Any) -> None:
    expected = outputs(other)
    np.testing.assert_allclose(outputs(one), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("source", "target"), [("fused", "keras"), ("keras", "fused"), ("fused", "fused")])
def test_a_copy_gives_the_same_outputs_whichever_batch_norm_either_has(source: Any, target: Any) -> None:
    given, wanted = (
        tiny(batch_norm=source),
        resnet50((32, 32, 3), 5, stage_sizes=(1, 2), width=8, classifier_activation=None, batch_norm=target),
    )
    assert not np.allclose(outputs(given), outputs(wanted))
    copy_weights(given, wanted)
    assert_same_outputs(wanted, given)


def test_weights_of_another_shape_are_refused_and_nothing_is_copied() -> None:
    target = tiny(seed=1)
    before = outputs(target)
    with pytest.raises(DataError, match=r"predictions has weights of shapes \[\(64, 5\), \(5,\)\], but \[\(64, 7\)"):
        copy_weights(tiny(classes=7), target)
    np.testing.assert_array_equal(outputs(target), before)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ((1, 1), "lacking conv3_block2_1_conv, conv3_block2_1_bn, conv3_block2_2_conv and 3 more"),
        ((2, 2), "not in the network: conv2_block2_1_conv"),
    ],
)
def test_weights_of_another_network_are_refused_by_the_layers_that_differ(other: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        copy_weights(tiny(stage_sizes=other), tiny())


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_saved_and_loaded_it_gives_the_same_outputs(policy: str, tmp_path: Path) -> None:
    keras.config.set_dtype_policy(policy)
    model = tiny()
    save(model, tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    again = load(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(again), outputs(model))
    np.testing.assert_array_equal(outputs(again, training=True), outputs(model, training=True))
    assert sum(isinstance(layer, FusedBatchNormalization) for layer in again.layers) == 12


def test_a_portable_network_trains_as_the_fused_one_does() -> None:
    model = tiny()
    model.get_layer("conv1_bn").trainable = False
    plain = portable(model)
    assert not any(isinstance(layer, FusedBatchNormalization) for layer in plain.layers)
    assert [layer.name for layer in plain.layers if not layer.trainable] == ["conv1_bn"]
    np.testing.assert_allclose(outputs(plain, training=True), outputs(model, training=True), rtol=1e-3, atol=1e-4)
    for ours, theirs in zip(model.weights, plain.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


LOADED_PLAINLY = """
import json, sys
import keras, numpy as np
images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
outputs = keras.saving.load_model(PATH)(images, training=False).numpy()
assert not any(name.split(".")[0] == "resnet_bench" for name in sys.modules)
print(json.dumps(outputs.tolist()))
"""


@pytest.mark.parametrize("batch_norm", ["fused", "keras"])
def test_a_portable_file_names_nothing_of_this_package(batch_norm: Any, tmp_path: Path) -> None:
    save_portable(tiny(batch_norm=batch_norm), tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert b"resnet_bench" not in archive.read("config.json")


def test_plain_keras_loads_a_portable_file_and_gives_the_same_outputs(
    tmp_path: Path, child: Callable[..., str]
) -> None:
    model, path = tiny(), tmp_path / "model.keras"
    save_portable(model, path)
    code = LOADED_PLAINLY.replace("PATH", repr(str(path)))
    expected = outputs(model)
    loaded = json.loads(child(code, "-I"))
    np.testing.assert_allclose(loaded, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_a_network_takes_the_weights_of_any_file_of_its_shape(tmp_path: Path) -> None:
    model, path = tiny(), tmp_path / "model.keras"
    save_portable(model, path)
    target = tiny(seed=3)
    load_weights(target, path)
    assert_same_outputs(target, model)
    with pytest.raises(DataError, match=r"model.keras does not fit: Layer predictions"):
        load_weights(tiny(classes=7), path)


def test_a_file_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.keras does not exist"):
        load(tmp_path / "absent.keras")
    (tmp_path / "text.keras").write_text("not a model")
    save(tiny(), tmp_path / "half.keras")
    whole = (tmp_path / "half.keras").read_bytes()
    (tmp_path / "half.keras").write_bytes(whole[: len(whole) // 2])
    for name, words in (
        ("text.keras", "cannot be read"),
        ("half.keras", "is a ZIP archive that is cut off or damaged"),
    ):
        with pytest.raises(DataError, match=f"{name} {words}"):
            load(tmp_path / name)


def test_another_suffix_is_refused_before_any_work(tmp_path: Path) -> None:
    for act in (lambda path: save(None, path), lambda path: save_portable(None, path), load):
        with pytest.raises(ConfigError, match=r"model.h5 does not end in .keras. Call it model.keras"):
            act(tmp_path / "model.h5")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent/model.keras cannot be written: No such file"):
        save(tiny(), tmp_path / "absent" / "model.keras")


def test_a_saved_model_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    save(tiny(), tmp_path / "model.keras")
    assert flushed[0].startswith(".model-")
    assert flushed[1] == tmp_path.name


def test_a_save_that_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    class FullDisk:
        def save(self, path: Path) -> None:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    path = tmp_path / "model.keras"
    path.write_bytes(b"old")
    with pytest.raises(ConfigError, match="No space left on device"):
        save(FullDisk(), path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]
