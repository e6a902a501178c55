"""Trained networks are judged and asked in one process, whatever their size and however they read pixels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from resnet_bench import resnet50
from resnet_bench.config import Config, ModelConfig, StepConfig
from resnet_bench.data.sources import open_dataset
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.model import weights
from resnet_bench.model.model_card import card_of
from resnet_bench.records.run import DataFacts
from resnet_bench.worker import protocol as p
from resnet_bench.worker.handlers import evaluate as judge
from resnet_bench.worker.phases import Phases
from tests.support.fake_worker import ENVIRONMENT, MACHINE

pytestmark = [
    pytest.mark.usefixtures("keras_state"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

CONFIG = Config(step=StepConfig(batch_size=50, mode="eval"))
NAMES = tuple("012345")


def session() -> Any:
    """What a handler needs of a `TensorFlowSession`, without starting TensorFlow anew."""
    return SimpleNamespace(
        start_tensorflow=lambda config: None,  # noqa: ARG005
        phases=Phases(lambda _message: None),
        config=CONFIG,
        runtime=SimpleNamespace(device="/CPU:0", jit=False, machine=MACHINE),
        environment=ENVIRONMENT,
    )


def saved(path: Path, shape: tuple[int, int, int] = (16, 16, 3), *, card: Any = (), **changes: Any) -> str:
    """A tiny network in a file, with random weights; `card` None leaves it without one."""
    model = resnet50(shape, 6, stage_sizes=(1,), width=4, **{"classifier_activation": None, "seed": 1, **changes})
    config = Config(model=ModelConfig(image_size=shape[:2], channels=shape[2], classes=6, stage_sizes=(1,), width=4))  # type: ignore[arg-type]
    own = None if card is None else replace(card_of(model, config, class_names=NAMES, crop="whole"), **dict(card))
    weights.save(model, path, own)
    return str(path)


def evaluate(*models: str, **images: Any) -> Any:
    return judge.evaluate(
        session(), p.Evaluate(config=CONFIG, models=models, images=p.ImageSet(**images), turns=3)
    ).evaluation


def test_scores_are_those_of_keras_own_evaluation(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.keras")
    found = evaluate(path)
    (score,) = found.models
    test = open_dataset(image_size=(16, 16)).test
    assert test is not None
    ((images, labels),) = test.in_order(test.count)
    model = weights.load(Path(path))
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(5)],
    )
    normalised = (images - np.array((123.675, 116.28, 103.53))) / np.array((58.395, 57.12, 57.375))
    loss, accuracy, top5 = model.evaluate(normalised.astype("float32"), labels, verbose=0)
    assert score.images == test.count
    assert score.loss == pytest.approx(loss, rel=1e-4)
    assert score.accuracy.value == pytest.approx(accuracy)
    assert score.top5.value == pytest.approx(top5)
    assert sum(map(sum, score.confusion)) == test.count
    assert score.images_per_s > 0
    assert found.difference is None
    assert evaluate(path, part="all").models[0].images == 1083


def test_two_networks_of_other_sizes_answer_the_same_images(tmp_path: Path) -> None:
    grey = saved(tmp_path / "grey.keras", (24, 24, 1), classifier_activation="softmax", seed=2)
    found = evaluate(saved(tmp_path / "a.keras"), grey)
    assert [score.images for score in found.models] == [216, 216]
    apart = found.difference.only_second - found.difference.only_first
    first, second = (score.accuracy.value for score in found.models)
    assert second - first == pytest.approx(apart / 216)
    assert found.difference.speed.value > 0
    same = evaluate(grey, grey).difference
    assert (same.only_first, same.only_second, same.p_value) == (0, 0, 1.0)


def test_what_was_assumed_or_seen_in_training_is_told(tmp_path: Path) -> None:
    bare = saved(tmp_path / "bare.keras", card=None)
    biased = saved(tmp_path / "biased.keras", card=None, variant="v1", conv_bias=True)
    kinds = [(notice.kind, notice.facts["pixels"]) for notice in evaluate(bare, biased).notices]
    assert kinds == [("pixels_assumed", "imagenet"), ("pixels_assumed", "caffe")]
    other = DataFacts(source="digits", manifest_hash="of another split")
    seen = saved(tmp_path / "seen.keras", card={"trained_on": other})
    assert [notice.kind for notice in evaluate(seen).notices] == ["trained_on_other_data"]


def test_networks_of_different_numbers_of_classes_are_not_compared(tmp_path: Path) -> None:
    weights.save(resnet50((16, 16, 3), 4, stage_sizes=(1,), width=4), tmp_path / "four.keras")
    with pytest.raises(ConfigError, match=r"different numbers of classes \(6 and 4\)"):
        evaluate(saved(tmp_path / "six.keras"), str(tmp_path / "four.keras"))


def test_other_classes_than_it_was_trained_on_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "signs.keras", card={"class_names": ("a", "b", "c", "d", "e", "f")})
    with pytest.raises(
        DataError, match=r"signs.keras was trained on classes a, b, c, d, e, ..., but these images have 0"
    ):
        evaluate(path)


def test_a_file_that_is_no_classifier_of_images_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((7,))
    keras.Model(inputs, keras.layers.Dense(3)(inputs)).save(tmp_path / "flat.keras")
    with pytest.raises(DataError, match=r"flat.keras is no classifier of images"):
        evaluate(str(tmp_path / "flat.keras"))
    weights.save(resnet50((None, None, 3), 6, stage_sizes=(1,), width=4), tmp_path / "any.keras")
    with pytest.raises(ConfigError, match="reads images of any size"):
        evaluate(str(tmp_path / "any.keras"))


def test_images_of_any_kind_are_predicted_and_a_broken_one_is_named(tmp_path: Path) -> None:
    test = open_dataset(image_size=(16, 16)).test
    assert test is not None
    images, _ = next(iter(test.in_order(1)))
    colour = Image.fromarray(images[0])
    files = {"plain.png": colour, "grey.png": colour.convert("L"), "odd.jpg": colour.resize((37, 91))}
    for name, picture in files.items():
        picture.save(tmp_path / name)
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    colour.save(tmp_path / "still.tiff")
    colour.save(tmp_path / "moving.webp", save_all=True, append_images=[colour.rotate(90)], duration=50)
    names = [*files, "torn.jpg", "absent.png", "still.tiff", "moving.webp"]
    command = p.Predict(
        config=CONFIG,
        model=saved(tmp_path / "a.keras"),
        images=tuple(str(tmp_path / name) for name in names),
        top=9,
    )
    found = judge.predict(session(), command).predictions
    by_name = dict(zip(names, found, strict=True))
    for name in files:
        probabilities = [likely.probability for likely in by_name[name].likely]
        assert len(probabilities) == 6, "no more than there are classes"
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
    assert by_name["grey.png"].likely == by_name["plain.png"].likely, "the digits are grey"
    assert by_name["plain.png"].likely[0].name in NAMES
    for name, words in (
        ("torn.jpg", "damaged"),
        ("still.tiff", "its format is TIFF"),
        ("moving.webp", "animated WebP"),
    ):
        assert words in (by_name[name].problem or "")
    assert by_name["absent.png"].problem == "No such file or directory"
