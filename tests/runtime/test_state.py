"""TensorFlow's process-global state, set in processes of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resnet_bench.runtime.gpu import look_for_gpus

START = """
import sys
from resnet_bench import runtime
from resnet_bench.config import Config, RuntimeConfig, StepConfig
assert "tensorflow" not in sys.modules, "the runtime imports TensorFlow too early"
config = Config(
    runtime=RuntimeConfig(device="cpu", threads=3, inter_op_threads=2, onednn="off", deterministic=True, seed=7),
    step=StepConfig(precision="mixed_float16", xla=True),
)
host = runtime.inspect_host()
runtime.set_environment(config, host)
import tensorflow as tf
machine = runtime.find_machine(config, host)
"""


def test_start_puts_every_setting_in_force_and_says_so(child: Callable[..., str]) -> None:
    code = START + (
        "import keras\n"
        "from tensorflow.python.framework import config as internal\n"
        "from resnet_bench.runtime.sync import wait_by_reading\n"
        "rt = runtime.start(config, machine)\n"
        "rt.wait(), wait_by_reading()\n"
        "print(machine.onednn, rt.device, rt.threads.intra_op, rt.threads.inter_op, rt.jit, rt.policy)\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads(), internal.is_op_determinism_enabled())\n"
        "print(keras.config.dtype_policy().name, rt.loss_scaling, rt.strategy.num_replicas_in_sync)\n"
        "drawn = float(tf.random.uniform(()))\n"
        "keras.utils.set_random_seed(7)\n"
        "print(drawn == float(tf.random.uniform(())))\n"
    )
    assert child(code, TF_ENABLE_ONEDNN_OPTS="1").splitlines() == [
        "False /CPU:0 3 2 True mixed_float16",
        "3 True",
        "mixed_float16 True 1",
        "True",
    ]


def test_settings_that_come_too_late_are_an_error_not_a_wish(child: Callable[..., str]) -> None:
    code = START + (
        "from resnet_bench.errors import BenchError\n"
        "tf.constant(1.0) + 1.0\n"
        "try:\n"
        "    runtime.start(config, machine)\n"
        "except BenchError as error:\n"
        "    print(error)\n"
    )
    told = child(code)
    assert "--threads 3" in told
    assert "too late" in told


def test_onednn_is_reported_as_tensorflow_has_it(child: Callable[..., str]) -> None:
    code = "from resnet_bench.runtime.gpu import onednn_in_force; print(onednn_in_force())"
    assert child(code, TF_ENABLE_ONEDNN_OPTS="1").split() == ["True"]


@pytest.mark.skipif(not look_for_gpus().present, reason="this machine has no NVIDIA GPU")
def test_the_chosen_gpu_is_the_only_one_in_sight(child: Callable[..., str]) -> None:
    code = (
        "import tensorflow as tf\n"
        "from resnet_bench import runtime\n"
        "from resnet_bench.config import Config, RuntimeConfig, StepConfig\n"
        "from resnet_bench.runtime.telemetry import device_memory\n"
        "config = Config(runtime=RuntimeConfig(device='gpu:0'), step=StepConfig(precision='float32'))\n"
        "rt = runtime.start(config, runtime.find_machine(config, runtime.inspect_host()))\n"
        "with tf.device(rt.device):\n"
        "    tf.random.uniform((1024, 1024))\n"
        "rt.wait()\n"
        "print(rt.device, len(tf.config.list_logical_devices('GPU')), device_memory(rt)[0] >= 2**22)\n"
    )
    assert child(code).splitlines()[-1] == "/GPU:0 1 True"
