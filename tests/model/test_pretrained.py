"""A network starts from weights of other layouts, and computes what the network that they came from computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from resnet_bench.errors import ConfigError, DataError
from resnet_bench.model import pretrained, weights
from resnet_bench.model.model_card import CAFFE, pixels_named
from resnet_bench.model.pretrained import freeze_stages, start_from
from resnet_bench.model.resnet import resnet50

pytestmark = [
    pytest.mark.usefixtures("keras_state"),
    # Keras 3.15 hands NumPy 2 an array type without `copy` when it saves and loads.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3)).astype("float32")


def tiny(**changes: Any) -> Any:
    arguments = {"classes": 5, "stage_sizes": (1, 2), "width": 8, "classifier_activation": None, **changes}
    return resnet50(arguments.pop("input_shape", (48, 48, 3)), **arguments)


def trained(**changes: Any) -> Any:
    """A network whose weights and statistics all differ from where they start."""
    return differing(tiny(**{"variant": "v1", "conv_bias": True, "batch_norm": "keras", **changes}))


def differing(model: Any) -> Any:
    generator = np.random.default_rng(1)
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name in ("gamma", "moving_variance"):
                weight.assign(generator.uniform(0.5, 1.5, weight.shape))
            elif weight.name in ("beta", "moving_mean", "bias"):
                weight.assign(generator.normal(0.0, 0.3, weight.shape))
    return model


def caffe(pixels: Any) -> Any:
    """What `keras.applications.resnet.preprocess_input` makes of pixels."""
    return keras.applications.resnet.preprocess_input(pixels.copy())


def imagenet(pixels: Any) -> Any:
    own = pixels_named("imagenet", 3)
    return (pixels - np.array(own.mean)) / np.array(own.std)


def outputs(model: Any, inputs: Any) -> Any:
    return np.asarray(model(inputs.astype("float32"), training=False))


def assert_close(found: Any, expected: Any, tolerance: float = 1e-4) -> None:
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def write_h5(model: Any, path: Path, *, chunked: bool = False) -> None:
    """The layout of Keras Applications' weight files: a group per layer, names in attributes, arrays in order."""
    with h5py.File(path, "w") as file:
        names = [layer.name.encode() for layer in model.layers]
        if chunked:
            file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:10], names[10:]
        else:
            file.attrs["layer_names"] = names
        for layer in model.layers:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [f"{layer.name}/{weight.name}:0".encode() for weight in layer.weights]
            for weight in layer.weights:
                group.create_dataset(f"{layer.name}/{weight.name}:0", data=np.asarray(weight))


@pytest.mark.parametrize("chunked", [False, True])
def test_biases_fold_into_batch_norm_and_the_outputs_stay(chunked: bool, tmp_path: Path) -> None:
    source, target = trained(), tiny(variant="v1")
    write_h5(source, tmp_path / "weights.h5", chunked=chunked)
    facts = start_from(target, str(tmp_path / "weights.h5"), fold_biases=True, pixels="imagenet")
    assert (facts.folded_biases, facts.adapted_pixels) == (12, False)
    expected = outputs(source, imagenet(PIXELS))
    assert np.abs(expected[0] - expected[1]).max() > 0.01, "outputs that ignore the image would hide a difference"
    assert_close(outputs(target, imagenet(PIXELS)), expected)


def test_keras_applications_weights_come_to_read_this_packages_pixels(tmp_path: Path) -> None:
    source, biased, plain = trained(), tiny(variant="v1", conv_bias=True), tiny(variant="v1")
    source.save(tmp_path / "model.keras")
    for target, folds in ((biased, False), (plain, True)):
        facts = start_from(target, str(tmp_path / "model.keras"), fold_biases=folds)
        assert facts.adapted_pixels
        # Zeros around the image stand for another grey, by at most half a level of 255.
        assert_close(outputs(target, imagenet(PIXELS)), outputs(source, caffe(PIXELS)), 2e-3)


def test_a_whole_model_in_h5_is_read_too(tmp_path: Path) -> None:
    source, target = trained(), tiny(variant="v1", conv_bias=True)
    source.save(tmp_path / "model.h5")
    start_from(target, str(tmp_path / "model.h5"), pixels="imagenet")
    assert_close(outputs(target, imagenet(PIXELS)), outputs(source, imagenet(PIXELS)))


def test_the_published_network_moves_over_from_keras_own_weights_file(tmp_path: Path) -> None:
    theirs = differing(keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=4))
    theirs.save_weights(tmp_path / "it.weights.h5")
    ours = resnet50((32, 32, 3), 4, variant="v1")
    facts = start_from(ours, str(tmp_path / "it.weights.h5"), fold_biases=True, pixels="imagenet")
    assert (facts.layers, facts.folded_biases) == (107, 53)
    images = imagenet(PIXELS[:, :32, :32])
    np.testing.assert_allclose(outputs(ours, images), outputs(theirs, images), atol=1e-4)


def test_a_new_head_keeps_its_own_classifier(tmp_path: Path) -> None:
    source, target = differing(tiny()), tiny(classes=3, seed=4)
    weights.save(source, tmp_path / "five.keras")
    head = target.get_layer("predictions").kernel.numpy()
    facts = start_from(target, str(tmp_path / "five.keras"), new_head=True)
    assert facts.new_head
    np.testing.assert_array_equal(target.get_layer("predictions").kernel, head)
    np.testing.assert_array_equal(
        target.get_layer("conv3_block2_3_bn").gamma, source.get_layer("conv3_block2_3_bn").gamma
    )
    with pytest.raises(DataError, match=r"predictions has weights.*Use --new-head"):
        start_from(target, str(tmp_path / "five.keras"))


def test_weights_without_a_classifier_need_a_new_head(tmp_path: Path) -> None:
    headless = trained()
    headless = keras.Model(headless.inputs, headless.get_layer("conv3_block2_out").output)
    write_h5(headless, tmp_path / "notop.h5")
    target = tiny(variant="v1", conv_bias=True)
    start_from(target, str(tmp_path / "notop.h5"), new_head=True)
    with pytest.raises(DataError, match="lacking predictions"):
        start_from(target, str(tmp_path / "notop.h5"))


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ({"variant": "v1"}, {}, "have convolution biases, but the network has none. Add --fold-biases"),
        ({"variant": "v1.5"}, {"fold_biases": True}, "belong to ResNet v1, but the network is v1.5. Use --variant v1"),
        ({"variant": "v1", "stage_sizes": (1, 1)}, {"fold_biases": True}, "not in the network: conv3_block2"),
    ],
)
def test_what_does_not_fit_says_which_option_would(
    target: dict[str, Any], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_h5(trained(), tmp_path / "weights.h5")
    model = tiny(**target, seed=1)
    before = [np.asarray(weight) for weight in model.weights]
    with pytest.raises((ConfigError, DataError)) as raised:
        start_from(model, str(tmp_path / "weights.h5"), **options)
    assert message in str(raised.value)
    assert all(np.array_equal(now, then) for now, then in zip(model.weights, before, strict=True))


def test_files_that_are_no_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no file of weights")
    (tmp_path / "weights.bin").write_text("")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
        file.create_group("conv1").attrs["weight_names"] = [b"kernel"]
        file["conv1/kernel"] = np.zeros((7, 7, 3, 64))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        file.create_group("dense").attrs["weight_names"] = []
    for name, message in (
        ("text.h5", "cannot be read"),
        ("other.h5", "has no layer conv1_conv: it is no ResNet"),
        ("old.h5", "from before Keras 2.2.3"),
        ("absent.h5", "does not exist"),
        ("weights.bin", "neither .keras nor .h5"),
    ):
        with pytest.raises((ConfigError, DataError), match=message):
            start_from(tiny(), str(tmp_path / name))


def inside(base: Any) -> Any:
    """A transfer-learning network with `base` as one layer."""
    pooled = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential(
        [keras.Input(base.input_shape[1:]), base, pooled, keras.layers.Dense(4, name="predictions")]
    )


@pytest.mark.parametrize("form", ["net.keras", "net.h5", "net.weights.h5"])
def test_a_network_inside_a_larger_one_is_named(tmp_path: Path, form: str) -> None:
    model = inside(headless())
    save = model.save_weights if form.endswith("weights.h5") else model.save
    save(tmp_path / form)
    with pytest.raises(DataError, match=r"hold a network as one layer .* of a larger one"):
        start_from(tiny(), str(tmp_path / form))


def headless() -> Any:
    source = trained()
    return keras.Model(source.inputs, source.layers[-3].output, name="resnet")


def test_a_head_of_another_form_is_left_out_with_a_new_head(tmp_path: Path) -> None:
    base, fold = headless(), {"fold_biases": True}
    x = keras.layers.Dense(7, name="dense")(keras.layers.GlobalAveragePooling2D()(base.output))
    keras.Model(base.inputs, keras.layers.Dense(5, name="dense_1")(x)).save(tmp_path / "head.keras")
    model = tiny(variant="v1")
    with pytest.raises(DataError, match=r"not in the network: dense, dense_1.*Use --new-head"):
        start_from(model, str(tmp_path / "head.keras"), pixels="imagenet", **fold)
    assert start_from(model, str(tmp_path / "head.keras"), new_head=True, pixels="imagenet", **fold).new_head
    assert_close(model.get_layer("conv1_conv").kernel, base.get_layer("conv1_conv").kernel)


@pytest.mark.parametrize("form", ["v2.keras", "v2.weights.h5"])
def test_weights_of_a_v2_network_are_named(tmp_path: Path, form: str) -> None:
    theirs = keras.applications.ResNet50V2(weights=None, include_top=False, input_shape=(32, 32, 3))
    save = theirs.save_weights if form.endswith("weights.h5") else theirs.save
    save(tmp_path / form)
    with pytest.raises(DataError, match=r"are of a ResNet(50V2| V2), and the network is V1"):
        start_from(tiny(variant="v1"), str(tmp_path / form), fold_biases=True)


def test_the_imagenet_download_is_asked_for_the_right_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def download(**options: Any) -> Any:
        asked.update(options)
        return trained(stage_sizes=(3, 4, 6, 3), width=64, classes=1000, input_shape=(32, 32, 3))

    monkeypatch.setattr(keras.applications, "ResNet50", download)
    model = resnet50((32, 32, 3), 2, variant="v1", conv_bias=True)
    facts = start_from(model, "imagenet", new_head=True)
    assert asked == {"weights": "imagenet", "include_top": False}
    assert (facts.source, facts.adapted_pixels) == ("imagenet", True)


def test_without_a_network_the_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(**_options: Any) -> Any:
        raise Exception("URL fetch failure: no route to host")

    monkeypatch.setattr(keras.applications, "ResNet50", download)
    with pytest.raises(DataError, match=r"no route to host\. Download Keras Applications' weights .* --weights"):
        start_from(tiny(stage_sizes=(3, 4, 6, 3), width=64), "imagenet")
    with pytest.raises(ConfigError, match="ResNet-50, 101 and 152 with --width 64"):
        start_from(tiny(), "imagenet")


def test_caffe_pixels_are_those_of_keras_applications() -> None:
    swapped = PIXELS[..., ::-1]
    np.testing.assert_allclose((swapped - np.array(CAFFE.mean)) / np.array(CAFFE.std), caffe(PIXELS), atol=1e-4)
    with pytest.raises(ConfigError, match="3 channels"):
        pixels_named("caffe", 1)


def test_frozen_stages_keep_their_weights_and_statistics() -> None:
    model = tiny()
    frozen = freeze_stages(model, 1)
    assert frozen == 2 + 8
    trains = {layer.name for layer in model.layers if layer.weights and layer.trainable}
    assert {name.partition("_")[0] for name in trains} == {"conv3", "predictions"}
    before = [np.asarray(weight) for weight in model.get_layer("conv1_bn").weights]
    model(imagenet(PIXELS), training=True)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_layer("conv1_bn").weights, before, strict=True))
    assert freeze_stages(tiny(), 0) == 0
    with pytest.raises(ConfigError, match="--freeze-stages 3 is not allowed: the network has 2 stages"):
        freeze_stages(model, 3)


def test_the_download_gives_up_where_nothing_comes() -> None:
    import socket

    with pretrained._stall_limit():
        assert socket.getdefaulttimeout() == pretrained.STALL_S
    assert socket.getdefaulttimeout() is None
