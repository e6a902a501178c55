"""The output error: logits of a configuration against float32, with the same weights and images.

Defines the reference. Runs inside a worker; the parent asks for it in `experiments/output_error.py`. TensorFlow is
imported inside the functions.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from resnet_bench.config import Config, Precision, resolved_value
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.records.evidence import OutputError

if TYPE_CHECKING:
    from resnet_bench.data import Input
    from resnet_bench.runtime import Runtime

REFERENCE = "float32, Keras batch norm, channels_last, no XLA"


def parity(config: Config, rt: Runtime, inp: Input) -> OutputError:
    """Compare the logits of one batch of `inp` in inference. Builds both networks with the same random weights
    and with moving statistics as after training. Restores the runtime's precision. Blocks.

    Raises `ConfigError` for --mode input and `BenchError` if an output is not finite.
    """
    import numpy as np

    if config.step.mode == "input":
        raise ConfigError("--mode input builds no network, so there are no outputs to compare.", "Use --mode infer.")
    images = _one_batch(inp)
    model, expected = _reference(config, rt, images)
    got = _configured(config, rt, model, images)
    if not (np.isfinite(expected).all() and np.isfinite(got).all()):
        where = "the float32 reference" if not np.isfinite(expected).all() else f"--precision {config.step.precision}"
        raise BenchError(f"The outputs of {where} are not finite, so they cannot be compared.", "Try another --seed.")
    return compare(expected, got)


def compare(expected: Any, got: Any) -> OutputError:
    """The error of float32 logits [B, classes] against the reference's."""
    import numpy as np

    difference = got.astype(np.float64) - expected.astype(np.float64)
    scale = float(np.sqrt(np.mean(np.square(expected.astype(np.float64)))))
    rms = float(np.sqrt(np.mean(np.square(difference))))
    return OutputError(
        reference=REFERENCE,
        images=len(expected),
        max_abs=float(np.abs(difference).max()),
        relative_rms=rms / scale if scale else rms,
        same_class_share=float(np.mean(expected.argmax(-1) == got.argmax(-1))),
    )


def _one_batch(inp: Input) -> Any:
    """uint8 images [B, H, W, C]."""
    if inp.resident is not None:
        return inp.resident[0]
    assert inp.dataset is not None, "an input has a data set or a resident batch"
    return next(iter(inp.dataset))[0]


def _inference(config: Config) -> Config:
    return replace(config, step=replace(config.step, mode="infer", loop="custom", split=False, steps_per_call=1))


def _reference(config: Config, rt: Runtime, images: Any) -> tuple[Any, Any]:
    """The reference network and its logits."""
    plain = _inference(config)
    plain = replace(
        plain,
        model=replace(plain.model, batch_norm="keras", data_format="channels_last"),
        step=replace(plain.step, precision="float32", mixed_precision=False, xla=False, freeze=False),
    )
    from resnet_bench.runtime import precision

    try:
        policy = precision.apply("float32")
        return _logits(plain, dataclasses.replace(rt, jit=False, policy=policy, loss_scaling=False), None, images)
    finally:
        arithmetic: Precision = resolved_value(config.step.precision)
        precision.apply(arithmetic)


def _configured(config: Config, rt: Runtime, reference: Any, images: Any) -> Any:
    return _logits(_inference(config), rt, reference, images)[1]


def _logits(config: Config, rt: Runtime, weights_of: Any | None, images: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    from resnet_bench import model as models
    from resnet_bench.model import weights
    from resnet_bench.step.step_functions import make_logits

    model = models.build(config, rt)
    if weights_of is not None:
        weights.copy_weights(weights_of, model)
    with tf.device(rt.device):
        logits = tf.function(make_logits(config, rt, model), jit_compile=rt.jit, autograph=False)
        return model, logits(images).numpy()
