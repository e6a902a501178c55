"""Replicas of a training: how many this machine gives, and the tf.distribute strategy over them.

Used by `state.py`, which opens the devices. TensorFlow is imported inside the functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resnet_bench.config import Config, TrainingConfig, resolved_value
from resnet_bench.errors import ConfigError, DeviceError
from resnet_bench.records.machine import Machine


def list_gpus() -> int:
    """How many GPUs TensorFlow lists. Imports TensorFlow."""
    import tensorflow as tf

    return len(tf.config.list_physical_devices("GPU"))


def count(
    config: Config, training: TrainingConfig | None, machine: Machine, gpus: Callable[[], int] = list_gpus
) -> int:
    """How many replicas take part: 1, or under --strategy mirrored two or more.

    `config` is resolved. Raises `DeviceError` where there are not two devices, and `ConfigError` where options
    belong to another kind of device, or where the batch cannot be divided evenly.
    """
    if training is None or training.strategy == "one":
        return 1
    found = _of_cpu(training) if machine.device_kind == "cpu" else _of_gpus(training, gpus())
    batch = resolved_value(config.step.batch_size)
    if batch % found:
        below = batch // found * found
        raise ConfigError(
            f"--batch-size {batch} cannot be divided evenly among the {found} replicas of --strategy mirrored.",
            f"Use --batch-size {below or found}{f' or {below + found}' if below else ''}.",
        )
    return found


def _of_cpu(training: TrainingConfig) -> int:
    if training.logical_devices < 2:
        raise DeviceError(
            "--strategy mirrored needs two devices or more, and this run uses the CPU, which is one.",
            "Use --strategy one; to try mirrored out on a CPU, add --logical-devices 2.",
        )
    return training.logical_devices


def _of_gpus(training: TrainingConfig, gpus: int) -> int:
    if training.logical_devices > 1:
        raise ConfigError(
            f"--logical-devices {training.logical_devices} divides a CPU, and this run uses GPUs.",
            "Leave it out, or add --device cpu.",
        )
    if gpus < 2:
        raise DeviceError(
            f"--strategy mirrored needs two GPUs or more, and TensorFlow lists {gpus}.",
            "Use --strategy one; to try mirrored out, use --device cpu --logical-devices 2.",
        )
    return gpus


def strategy(machine: Machine, replicas: int) -> Any:
    """The tf.distribute.Strategy over that many devices of the machine's kind; the default one for a single one."""
    import tensorflow as tf

    if replicas == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([f"{machine.device_kind.upper()}:{index}" for index in range(replicas)])
