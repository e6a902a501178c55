"""A tiny network, a runtime and inputs for the tests of the steps."""

from __future__ import annotations

import types
from typing import Any

import keras
import msgspec
import numpy as np
import tensorflow as tf

from resnet_bench.config import Config

BATCH, SIZE, CLASSES = 4, 8, 7


def configuration(**options: Any) -> Config:
    """A resolved configuration; options are named as in `config/`."""
    settled = {
        "batch_size": BATCH,
        "image_size": (SIZE, SIZE),
        "classes": CLASSES,
        "precision": "float32",
        "learning_rate": 0.1,
        "source": "synthetic",
        **options,
    }
    sections = {}
    for section in ("model", "data", "step", "runtime"):
        struct = getattr(Config(), section)
        known = {name: settled.pop(name) for name in struct.__struct_fields__ if name in settled}
        sections[section] = msgspec.structs.replace(struct, **known)
    assert not settled, settled
    return Config(**sections)


def runtime(*, jit: bool = False, loss_scaling: bool = False) -> Any:
    """What the steps use of a `Runtime`, on the CPU."""
    return types.SimpleNamespace(
        device="/CPU:0",
        jit=jit,
        loss_scaling=loss_scaling,
        strategy=tf.distribute.get_strategy(),
        wait=tf.test.experimental.sync_devices,
    )


def network(policy: str = "float32", *, fused: bool = False, seed: int = 0, channels: int = 3) -> Any:
    """Convolution, batch norm, dense: every kind of variable that the whole network has."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((SIZE, SIZE, channels))
    x = keras.layers.Conv2D(6, 3, padding="same", use_bias=False, dtype=policy)(inputs)
    if fused:
        from resnet_bench.model.normalization import FusedBatchNormalization

        x = FusedBatchNormalization(dtype=policy)(x)
    else:
        x = keras.layers.BatchNormalization(dtype=policy)(x)
    x = keras.layers.ReLU(dtype=policy)(x)
    x = keras.layers.GlobalAveragePooling2D(dtype=policy)(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, dtype="float32")(x))


def batches(count: int, seed: int = 0, channels: int = 3) -> list[tuple[Any, Any]]:
    """That many different batches of uint8 images and int32 labels."""
    random = np.random.default_rng(seed)
    return [
        (
            random.integers(0, 256, (BATCH, SIZE, SIZE, channels), np.uint8),
            random.integers(0, CLASSES, (BATCH,), np.int32),
        )
        for _ in range(count)
    ]


def nothing_known(problem: BaseException) -> None:
    """An input that explains no failure."""
    del problem


def resident(batch: tuple[Any, Any] | None = None) -> Any:
    """Synthetic input: one batch on the device."""
    images, labels = batch or batches(1)[0]
    return types.SimpleNamespace(
        dataset=None, resident=(tf.constant(images), tf.constant(labels)), explain=nothing_known
    )


def pipeline(elements: list[tuple[Any, Any]], explain: Any = nothing_known) -> Any:
    """An endless tf.data input over those batches."""
    images, labels = (np.stack(part) for part in zip(*elements, strict=True))
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).repeat().prefetch(1)
    return types.SimpleNamespace(dataset=dataset, resident=None, explain=explain)


def ready(step: Any, inp: Any) -> Any:
    """The step, traced, called once and attached, as the worker does it."""
    step.trace()
    step.first_call()
    step.attach(inp)
    return step
