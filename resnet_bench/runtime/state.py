"""TensorFlow's process-global state: set once, checked, and handed on as one `Runtime`.

Runs after `environ.py` and the import of TensorFlow, before any tensor exists. Neighbours: `precision.py`,
`replicas.py` and `sync.py`; model, step and data take the `Runtime`. TensorFlow is imported inside the functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from resnet_bench.config import Config, Precision, TrainingConfig, resolved_value
from resnet_bench.errors import BenchError
from resnet_bench.records.machine import Machine
from resnet_bench.runtime import precision, replicas, sync
from resnet_bench.runtime.cpu import Threads, threads
from resnet_bench.runtime.gpu import onednn_in_force


@dataclass(frozen=True)
class Runtime:
    """What every later part must know of TensorFlow's state.

    `device` is TensorFlow's name for the one device this process uses, or for the first of several replicas';
    `jit`: compile with XLA; `policy`: Keras dtype policy; `wait()` blocks until every device is idle. `strategy`
    is a tf.distribute.Strategy.
    """

    machine: Machine
    device: str
    threads: Threads
    jit: bool
    policy: str
    loss_scaling: bool
    strategy: Any
    wait: Callable[[], None] = sync.wait


def start(config: Config, machine: Machine, training: TrainingConfig | None = None) -> Runtime:
    """Set threads, devices, precision, determinism and seeds as the resolved `config` says, and replicas as
    `training` does.

    Raises `BenchError` where a setting did not take, for instance because something used TensorFlow
    before, and `ConfigError` or `DeviceError` for replicas that cannot be had. Opens the devices.
    """
    import tensorflow as tf

    counts = threads(config, machine)
    parts = replicas.count(config, training, machine)
    arithmetic: Precision = resolved_value(config.step.precision)
    try:
        tf.config.threading.set_intra_op_parallelism_threads(counts.intra_op)
        tf.config.threading.set_inter_op_parallelism_threads(counts.inter_op)
        _claim(tf, config, machine, parts)
    except RuntimeError as error:
        raise BenchError(
            f"--threads {counts.intra_op} and --device {machine.device} came too late: {error}",
            "Call runtime.start before anything else uses TensorFlow.",
        ) from error
    _reset_keras(config.runtime.seed)
    policy = precision.apply(arithmetic)
    if config.runtime.deterministic:
        tf.config.experimental.enable_op_determinism()
    _verify(tf, config, machine, counts, parts)
    return Runtime(
        machine=machine,
        device="/CPU:0" if machine.device_kind == "cpu" else "/GPU:0",
        threads=counts,
        jit=config.step.xla,
        policy=policy,
        loss_scaling=precision.needs_loss_scaling(arithmetic),
        strategy=replicas.strategy(machine, parts),
    )


def _claim(tf: Any, config: Config, machine: Machine, parts: int) -> None:
    """Let this process see the chosen device alone, so that the others' memory is left in peace; with several
    replicas, all GPUs, or the processors as that many logical devices.

    TensorFlow then calls the one GPU /GPU:0, whatever its number in the machine.
    """
    if machine.device_kind == "cpu":
        tf.config.set_visible_devices([], "GPU")
        if parts > 1:
            (processors,) = tf.config.list_physical_devices("CPU")
            logical = [tf.config.LogicalDeviceConfiguration() for _ in range(parts)]
            tf.config.set_logical_device_configuration(processors, logical)
        return
    gpus = tf.config.list_physical_devices("GPU")
    chosen = [gpus[gpu_ordinal(machine)]] if parts == 1 else gpus
    tf.config.set_visible_devices(chosen, "GPU")
    for gpu in chosen:
        tf.config.experimental.set_memory_growth(gpu, config.runtime.memory_growth)


def gpu_ordinal(machine: Machine) -> int:
    """N of the machine's device "gpu:N"."""
    return int(machine.device.partition(":")[2])


def _reset_keras(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and undo what a keras.json of the user's may have changed: it may also limit
    the steps of `fit`."""
    import keras

    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(seed)


def _verify(tf: Any, config: Config, machine: Machine, counts: Threads, parts: int) -> None:
    """Open the devices and compare what is in force with what was requested."""
    import keras
    from tensorflow.python.framework import config as internal  # type: ignore[import-not-found,unused-ignore]

    logical = [device.device_type for device in tf.config.list_logical_devices()]
    checks = [
        ("--threads", counts.intra_op, tf.config.threading.get_intra_op_parallelism_threads()),
        ("--inter-op-threads", counts.inter_op, tf.config.threading.get_inter_op_parallelism_threads()),
        ("--device", parts if machine.device_kind == "gpu" else 0, logical.count("GPU")),
        ("--logical-devices", parts if machine.device_kind == "cpu" else 1, logical.count("CPU")),
        ("--deterministic", config.runtime.deterministic, internal.is_op_determinism_enabled()),
        ("--onednn", machine.onednn, onednn_in_force()),
        ("the Keras backend", "tensorflow", keras.backend.backend()),
    ]
    for option, wanted, got in checks:
        if wanted != got:
            raise BenchError(
                f"{option} did not take effect: wanted {wanted}, TensorFlow has {got}.",
                "Something used TensorFlow before; start from a fresh process.",
            )
