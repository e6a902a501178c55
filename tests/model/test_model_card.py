"""A saved network says how it reads pixels, and plain Keras reads the file as before."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from resnet_bench import resnet50
from resnet_bench.config import Config, ModelConfig
from resnet_bench.errors import DataError
from resnet_bench.model import weights
from resnet_bench.model.model_card import card_of, outputs_of, pixels_named, read_card
from resnet_bench.records.run import DataFacts

pytestmark = [
    pytest.mark.usefixtures("keras_state"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

CONFIG = Config(model=ModelConfig(image_size=(32, 32), classes=3, stage_sizes=(1,), width=4))


def tiny(**changes: Any) -> Any:
    return resnet50((32, 32, 3), 3, stage_sizes=(1,), width=4, **changes)


def test_a_card_travels_in_the_file_and_keras_loads_it_all_the_same(tmp_path: Path) -> None:
    model, path = tiny(classifier_activation=None), tmp_path / "model.keras"
    card = card_of(model, CONFIG, class_names=("a", "b", "c"), crop="whole", trained_on=DataFacts(source="digits"))
    weights.save_portable(model, path, card)
    assert read_card(path) == card
    assert (card.outputs, card.model.input_shape) == ("logits", (32, 32, 3))
    images = np.ones((1, 32, 32, 3), "float32")
    np.testing.assert_allclose(keras.saving.load_model(path)(images), model(images), rtol=1e-5, atol=1e-6)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 3, "more would make Keras unpack the whole file"
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


def test_a_file_without_a_card_has_none(tmp_path: Path) -> None:
    weights.save(tiny(), tmp_path / "model.keras")
    assert read_card(tmp_path / "model.keras") is None
    assert read_card(tmp_path / "absent.keras") is None


def test_a_card_that_makes_no_sense_names_the_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "odd.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"resnet_bench": {"pixels": 3}}))
    with pytest.raises(DataError, match=r"odd.keras holds a card that cannot be read.*\$\.pixels"):
        read_card(tmp_path / "odd.keras")


def test_outputs_are_told_from_the_last_layer() -> None:
    assert outputs_of(tiny()) == "probabilities"
    with pytest.raises(DataError, match="ends in sigmoid"):
        outputs_of(tiny(classifier_activation="sigmoid"))


def test_pixels_by_name() -> None:
    unit, grey = pixels_named("unit", 3), pixels_named("imagenet", 1)
    assert (unit.order, unit.mean, unit.std) == ("rgb", (0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
    assert (grey.order, len(grey.mean)) == ("grey", 1)


def test_the_network_is_an_ordinary_keras_model() -> None:
    """compile, fit, evaluate and predict, as the shortest user would."""
    model = tiny()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels = np.random.default_rng(0).normal(size=(12, 32, 32, 3)).astype("float32"), np.arange(12) % 3
    history = model.fit(images, labels, batch_size=4, epochs=2, verbose=0)
    loss, accuracy = model.evaluate(images, labels, verbose=0)
    assert len(history.history["loss"]) == 2
    assert np.isfinite(loss)
    assert 0 <= accuracy <= 1
    np.testing.assert_allclose(model.predict(images, verbose=0).sum(axis=1), 1, rtol=1e-5)
