"""The way to another device, tried on a second logical CPU in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

SECOND_DEVICE = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from resnet_bench.step import base
from resnet_bench.step.make import make_step
from tests.support import tiny_steps
base.is_gpu = lambda device: device == "/CPU:1"
rt = tiny_steps.runtime()
rt.device = "/CPU:1"
images, labels = next(iter(base.on_device(tiny_steps.pipeline(tiny_steps.batches(2)).dataset, rt.device)))
assert images.device.endswith("CPU:1") and labels.device.endswith("CPU:1"), images.device
assert (images.dtype, labels.dtype) == (tf.uint8, tf.int64)
modes = ({}, {"steps_per_call": 2}, {"loop": "fit"}, {"mode": "eval"}, {"mode": "infer"}, {"mode": "input"})
for options in modes:
    for inp in (tiny_steps.pipeline(tiny_steps.batches(4)), tiny_steps.resident()):
        if options.get("mode") == "input" and inp.dataset is None:
            continue
        with tf.device(rt.device):
            model = tiny_steps.network()
        source = "synthetic" if inp.dataset is None else "photos"
        step = make_step(tiny_steps.configuration(source=source, **options), rt, model)
        step = tiny_steps.ready(step, inp)
        step.dispatch(2)
        outcome = step.finish()
        assert outcome.iterations in (None, 2 * step.steps_per_call), (options, outcome)
        assert outcome.finite is not False
        assert step.traces == 1, options
        step.close()
print("moved")
"""


def test_batches_are_copied_ahead_and_every_mode_takes_them(child: Callable[..., str]) -> None:
    assert "moved" in child(SECOND_DEVICE)
