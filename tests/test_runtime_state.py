"""TensorFlow's process-global state, set in processes of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
        "rt = runtime.start(config, machine)\n"
        "rt.wait()\n"
        "from resnet_bench.runtime.sync import wait_by_reading\n"
        "wait_by_reading()\n"
        "print(machine.onednn, rt.device, rt.threads.intra_op, rt.threads.inter_op, rt.jit, rt.policy, rt.loss_scaling)\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads(), internal.is_op_determinism_enabled())\n"
        "print(keras.config.dtype_policy().name, rt.strategy.num_replicas_in_sync)\n"
        "print(float(tf.random.uniform(())))\n"
    )
    first = child(code, TF_ENABLE_ONEDNN_OPTS="1").splitlines()
    assert first[:3] == ["False /CPU:0 3 2 True mixed_float16 True", "3 True", "mixed_float16 1"]
    assert child(code).splitlines()[3] == first[3], "the same seed draws the same numbers"


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


@pytest.mark.parametrize(("variable", "on"), [("0", "False"), ("1", "True")])
def test_onednn_is_reported_as_tensorflow_has_it_not_as_it_was_wished(
    child: Callable[..., str], variable: str, on: str
) -> None:
    code = "from resnet_bench.runtime.gpu import onednn_in_force; print(onednn_in_force())"
    assert child(code, TF_ENABLE_ONEDNN_OPTS=variable).split() == [on]


def test_the_chosen_gpu_is_the_only_one_in_sight() -> None:
    import tensorflow as tf

    from resnet_bench.config import Config, RuntimeConfig, StepConfig
    from resnet_bench.runtime import find_machine, inspect_host, start
    from resnet_bench.runtime.telemetry import device_memory

    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("TensorFlow sees no GPU here")
    config = Config(runtime=RuntimeConfig(device="gpu:0"), step=StepConfig(precision="float32"))
    rt = start(config, find_machine(config, inspect_host()))
    assert rt.device == "/GPU:0"
    assert len(tf.config.list_logical_devices("GPU")) == 1
    tf.random.uniform((1024, 1024))
    rt.wait()
    peak, _ = device_memory(rt)
    assert peak is not None
    assert peak >= 1024 * 1024 * 4
