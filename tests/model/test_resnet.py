"""The network is the published one: counted, compared with Keras Applications, and the same in every setting."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal

import keras
import numpy as np
import pytest
import tensorflow as tf

from resnet_bench.config import Config, ModelConfig, RuntimeConfig, StepConfig
from resnet_bench.errors import ConfigError
from resnet_bench.model import build, facts, stages
from resnet_bench.model.layer_counts import layer_groups
from resnet_bench.model.resnet import NORMS, imitate_training, resnet50
from resnet_bench.model.weights import copy_weights
from resnet_bench.records.environment import CpuEnvironment, Environment
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import ModelFacts
from resnet_bench.worker.handlers.peaks import measure_peaks
from resnet_bench.worker.phases import Phases
from resnet_bench.worker.protocol import MeasurePeaks

pytestmark = pytest.mark.usefixtures("keras_state")

RNG = np.random.default_rng


def tiny(**changes: Any) -> Any:
    arguments = {"classes": 10, "stage_sizes": (1, 1, 1, 1), "width": 8, "classifier_activation": None, **changes}
    return resnet50(arguments.pop("input_shape", (32, 32, 3)), **arguments)


def images(*shape: int) -> Any:
    return RNG(2).normal(size=shape or (4, 32, 32, 3)).astype("float32")


def counted(model: Any, **model_options: Any) -> ModelFacts:
    return facts(model, Config(model=ModelConfig(**model_options)))


@pytest.mark.parametrize(("variant", "macs"), [("v1.5", 4_089_184_256), ("v1", 3_857_973_248)])
def test_resnet50_has_the_published_size_and_work(variant: Any, macs: int) -> None:
    assert counted(resnet50((224, 224, 3), 1000, variant=variant), variant=variant) == ModelFacts(
        name="resnet50",
        variant=variant,
        convolutions=53,
        batch_norms=53,
        trainable_parameters=25_557_032,
        parameters=25_557_032 + 2 * 26_560,  # a moving mean and variance per normalised channel
        macs=macs,
        input_shape=(224, 224, 3),
        classes=1000,
    )


@pytest.mark.parametrize(
    ("stage_sizes", "name", "convolutions", "trainable"),
    [((3, 4, 23, 3), "resnet101", 104, 44_549_160), ((3, 8, 36, 3), "resnet152", 155, 60_192_808)],
)
def test_deeper_ones_come_from_stage_sizes_alone(
    stage_sizes: tuple[int, ...], name: str, convolutions: int, trainable: int
) -> None:
    found = counted(resnet50((64, 64, 3), 1000, stage_sizes=stage_sizes), stage_sizes=stage_sizes)
    assert (found.name, found.convolutions, found.trainable_parameters) == (name, convolutions, trainable)


def test_work_of_a_small_network_adds_up_by_hand() -> None:
    model = tiny(stage_sizes=(1,), width=2, classes=3, input_shape=(16, 16, 1))
    stem = 8 * 8 * 7 * 7 * 1 * 2
    block = 4 * 4 * (2 * 2 + 3 * 3 * 2 * 2 + 2 * 8 + 2 * 8)
    found = counted(model, stage_sizes=(1,), width=2)
    assert (found.name, found.convolutions, found.macs) == ("custom", 5, stem + block + 8 * 3)


def test_counts_do_not_depend_on_layout_or_batch_norm() -> None:
    first = tiny(input_shape=(48, 32, 3), data_format="channels_first", batch_norm="keras")
    expected = counted(tiny(input_shape=(48, 32, 3)))
    assert counted(first, data_format="channels_first") == expected
    assert expected.input_shape == (48, 32, 3)


def randomise(model: Any) -> None:
    """Weights that leave nothing at its start, moving statistics included, and outputs of ordinary size."""
    generator = RNG(1)
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name in ("gamma", "moving_variance"):
                weight.assign(generator.uniform(0.5, 1.5, weight.shape))
            elif weight.name in ("beta", "moving_mean", "bias"):
                weight.assign(generator.normal(0.0, 0.2, weight.shape))
        if layer.name.endswith("_3_bn"):
            layer.gamma.assign(layer.gamma * 0.3)
    model.get_layer("predictions").kernel.assign(model.get_layer("predictions").kernel * 3)


@pytest.mark.parametrize(("batch_norm", "size"), [("fused", (64, 64)), ("keras", (45, 70))])
def test_v1_with_biases_is_keras_applications_resnet50(batch_norm: Any, size: tuple[int, int]) -> None:
    theirs = keras.applications.ResNet50(weights=None, input_shape=(*size, 3), classes=10)
    randomise(theirs)
    ours = resnet50((*size, 3), 10, variant="v1", conv_bias=True, batch_norm=batch_norm)
    copy_weights(theirs, ours)
    x = images(2, *size, 3) * np.array([1, 20], "float32").reshape(2, 1, 1, 1)
    expected = theirs(x, training=False).numpy()
    assert expected.max() < 0.9, "saturated outputs would hide a difference"
    assert np.abs(expected[0] - expected[1]).max() > 0.01, "outputs that ignore the image would hide a difference"
    np.testing.assert_allclose(ours(x, training=False), expected, atol=1e-4)


@pytest.mark.parametrize("jit", [False, True])
def test_fused_and_keras_batch_norm_give_the_same_network_in_training(jit: bool) -> None:
    one, other = tiny(stage_sizes=(1, 2)), tiny(stage_sizes=(1, 2), batch_norm="keras")
    copy_weights(one, other)
    (ours, our_slopes), (theirs, their_slopes) = (outputs_and_gradients(model, jit=jit) for model in (one, other))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(our_slopes, their_slopes, strict=True):
        assert np.linalg.norm(ours - theirs) <= 1e-4 * np.linalg.norm(theirs) + 1e-6
    for ours, theirs in zip(one.non_trainable_weights, other.non_trainable_weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def outputs_and_gradients(model: Any, *, jit: bool) -> tuple[Any, list[Any]]:
    @tf.function(jit_compile=jit)  # type: ignore[untyped-decorator]
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits([1, 2, 3, 4], logits))
        return logits, tape.gradient(loss, model.trainable_weights)

    logits, slopes = step(images())
    return logits.numpy(), [slope.numpy() for slope in slopes]


# Root mean square error over the spread of the float32 logits. A product keeps 8 bits (bfloat16) or 11.
MIXED_BOUND = {"mixed_bfloat16": 0.02, "mixed_float16": 0.0025}


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("policy", MIXED_BOUND)
def test_mixed_precision_stays_near_float32_and_its_outputs_are_float32(policy: str, jit: bool) -> None:
    full = tiny(seed=1)
    keras.config.set_dtype_policy(policy)
    mixed = tiny(seed=1)
    assert mixed.get_layer("conv2_block1_1_conv").compute_dtype == policy.removeprefix("mixed_")
    x, expected = images(), full(images(), training=False).numpy()
    logits = tf.function(lambda x: mixed(x, training=False), jit_compile=jit)(x)
    assert logits.dtype == tf.float32
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    error = np.sqrt(np.mean((logits.numpy() - expected) ** 2)) / expected.std()
    assert 0 < error < MIXED_BOUND[policy]


def test_probabilities_are_float32_under_a_mixed_policy_too() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    probabilities = tiny(classifier_activation="softmax")(images(), training=False)
    assert probabilities.dtype == tf.float32
    np.testing.assert_allclose(tf.reduce_sum(probabilities, axis=1), 1.0, rtol=1e-5)


def test_channels_first_is_the_same_network() -> None:
    last, first = tiny(seed=1), tiny(seed=1, data_format="channels_first", batch_norm="keras")
    assert first.input_shape == (None, 3, 32, 32)
    run = tf.function(lambda x: first(x, training=False), jit_compile=True)
    expected = last(images(), training=False).numpy()
    np.testing.assert_allclose(run(images().transpose(0, 3, 1, 2)), expected, rtol=1e-3, atol=1e-4)


def test_fused_batch_norm_is_refused_in_channels_first() -> None:
    with pytest.raises(ConfigError, match="--batch-norm keras"):
        tiny(data_format="channels_first")


@pytest.mark.parametrize("shape", [(32, 32, 1), (17, 41, 3), (1, 1, 3)])
def test_any_image_size_and_greyscale_give_logits(shape: tuple[int, int, int]) -> None:
    logits = tiny(input_shape=shape, classes=7)(images(2, *shape), training=False)
    assert logits.shape == (2, 7)
    assert np.isfinite(logits).all()


def test_defaults_are_a_small_picture_and_probabilities_of_two_classes() -> None:
    model = resnet50(stage_sizes=(1,), width=4)
    assert (model.input_shape, model.output_shape) == ((None, 64, 64, 3), (None, 2))
    np.testing.assert_allclose(tf.reduce_sum(model(images(3, 64, 64, 3)), axis=1), 1.0, rtol=1e-5)


def test_a_seed_fixes_all_weights_and_none_follows_keras_global_seed() -> None:
    def values(seed: int | None) -> list[Any]:
        weights: list[Any] = tiny(seed=seed).get_weights()
        return weights

    for one, other in zip(values(5), values(5), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(values(5)[0], values(6)[0])
    keras.utils.set_random_seed(3)
    one = values(None)
    keras.utils.set_random_seed(3)
    for again, before in zip(values(None), one, strict=True):
        np.testing.assert_array_equal(again, before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variant": "v2"}, "--variant 'v2'"),
        ({"stage_sizes": ()}, "--stage-sizes"),
        ({"stage_sizes": (1, 0)}, "--stage-sizes"),
        ({"width": 0}, "--width 0"),
        ({"classes": 0}, "--classes 0"),
        ({"input_shape": (32, 32)}, "height, width, channels"),
        ({"input_shape": (32, 0, 3)}, "height, width, channels"),
        ({"input_shape": (32, 32, None)}, "height, width, channels"),
    ],
)
def test_impossible_sizes_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny(**changes)


def runtime(**changes: Any) -> Any:
    return SimpleNamespace(
        **{"device": "/CPU:0", "jit": False, "policy": "float32", "strategy": tf.distribute.get_strategy(), **changes}
    )


SMALL = ModelConfig(stage_sizes=(1, 1), width=8, image_size=(24, 32), channels=1, classes=6, conv_bias=True)


def test_a_configuration_is_built_as_it_says_and_gives_logits() -> None:
    model = build(Config(model=SMALL, runtime=RuntimeConfig(seed=4)), runtime())
    same = resnet50((24, 32, 1), 6, stage_sizes=(1, 1), width=8, conv_bias=True, classifier_activation=None, seed=4)
    x = images(2, 24, 32, 1)
    np.testing.assert_array_equal(model(x, training=False), same(x, training=False))
    assert "CPU:0" in model.weights[0].value.device


def test_a_worker_counts_its_layers_and_measures_its_peaks() -> None:
    config = Config(model=SMALL, step=StepConfig(precision="float32"))
    machine = Machine(device_kind="cpu", device="cpu", cpus=1)
    cpu = CpuEnvironment(cpus=1, memory_bytes=2**20)
    started: list[Config] = []
    session: Any = SimpleNamespace(
        start_tensorflow=started.append,
        config=config,
        runtime=runtime(machine=machine),
        environment=Environment(python="", package_version="", device="cpu", cpu=cpu),
        phases=Phases(lambda _message: None),
    )
    reply = measure_peaks(session, MeasurePeaks(config=config, budget_s=0.1))
    assert started == [config]
    assert sum(group.macs for group in reply.layers) == facts(build(config, runtime()), config).macs
    assert {peak.dtype for peak in reply.peaks.matmul} == {"float32", "bfloat16"}


def test_a_configuration_is_built_in_the_runtimes_policy_and_strategy() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    strategy = tf.distribute.OneDeviceStrategy("/CPU:0")
    model = build(Config(model=SMALL), runtime(policy="mixed_bfloat16", strategy=strategy))
    assert model.get_layer("conv1_conv").compute_dtype == "bfloat16"
    with strategy.scope():
        assert all(strategy.extended.variable_created_in_scope(weight.value) for weight in model.weights)


def test_the_stages_add_up_to_the_network() -> None:
    model = resnet50((32, 32, 3), 10, stage_sizes=(1, 2), width=8)
    found = stages(model)
    assert [(stage.name, stage.blocks, stage.output_shape) for stage in found] == [
        ("stem", 0, (8, 8, 8)),
        ("conv2", 1, (8, 8, 32)),
        ("conv3", 2, (4, 4, 64)),
        ("classifier", 0, (10,)),
    ]
    assert sum(stage.parameters for stage in found) == model.count_params()


@pytest.mark.parametrize("batch_norm", ["fused", "keras"])
def test_layers_by_stage_and_kind_are_all_of_the_networks_work(batch_norm: Literal["fused", "keras"]) -> None:
    model = resnet50((32, 32, 3), 10, stage_sizes=(1, 2), width=8, batch_norm=batch_norm)
    found = layer_groups(model)
    assert sum(group.macs for group in found) == sum(stage.macs for stage in stages(model))
    assert sum(group.weights for group in found) == model.count_params()
    groups = {(group.stage, group.kind): group for group in found}
    assert groups["stem", "convolution 7x7"].inputs == 38 * 38 * 3  # padded by 3 on each side
    assert groups["conv2", "convolution 1x1"].layers == 3
    assert groups["conv3", "convolution 3x3"].layers == groups["conv3", "add"].layers == 2
    assert groups["conv3", "norm"].inputs == groups["conv3", "norm"].outputs
    assert groups["conv3", "add"].inputs == 2 * groups["conv3", "add"].outputs == 2 * 2 * 4 * 4 * 64
    assert groups["classifier", "dense"].outputs == 10


@pytest.mark.parametrize("batch_norm", ["fused", "keras"])
def test_an_imitated_training_leaves_no_neutral_statistics(batch_norm: str) -> None:
    network, again = tiny(batch_norm=batch_norm, seed=1), tiny(batch_norm=batch_norm, seed=1)
    imitate_training(network, 1)
    imitate_training(again, 1)
    norms = [layer for layer in network.layers if isinstance(layer, NORMS)]
    assert norms
    for layer in norms:
        for weight, neutral in zip(layer.weights, (1, 0, 0, 1), strict=True):
            assert np.all(weight.numpy() != neutral)
    inputs = images(2, 32, 32, 3)
    assert np.all(np.isfinite(network(inputs)))
    np.testing.assert_array_equal(network(inputs), again(inputs))
