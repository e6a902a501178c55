"""How many replicas a machine gives, found without a device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.config import Config, StepConfig, TrainingConfig
from resnet_bench.errors import BenchError, ConfigError, DeviceError
from resnet_bench.records.machine import Machine
from resnet_bench.runtime.replicas import count

CPU = Machine(device_kind="cpu", device="cpu", cpus=8)
GPU = Machine(device_kind="gpu", device="gpu:0", cpus=8)


def counted(machine: Machine, *, batch: int = 32, gpus: int = 0, logical: int = 1) -> int:
    training = TrainingConfig(strategy="mirrored", logical_devices=logical)
    return count(Config(step=StepConfig(batch_size=batch)), training, machine, lambda: gpus)


def test_mirrored_takes_every_gpu_or_as_many_logical_cpus_as_asked_for() -> None:
    assert counted(GPU, gpus=4) == 4
    assert counted(CPU, gpus=4, logical=2) == 2


def test_gpus_are_counted_only_where_they_are_shared() -> None:
    def opened() -> int:
        raise AssertionError("GPUs were looked at")

    config = Config(step=StepConfig(batch_size=32))
    assert count(config, None, GPU, opened) == 1
    assert count(config, TrainingConfig(), GPU, opened) == 1
    assert count(config, TrainingConfig(strategy="mirrored", logical_devices=2), CPU, opened) == 2


@pytest.mark.parametrize(
    ("machine", "gpus", "logical", "error", "says"),
    [
        (CPU, 0, 1, DeviceError, "uses the CPU, which is one.*--logical-devices 2"),
        (GPU, 1, 1, DeviceError, "two GPUs or more, and TensorFlow lists 1"),
        (GPU, 2, 2, ConfigError, "--logical-devices 2 divides a CPU"),
    ],
)
def test_what_cannot_be_had_is_refused_with_a_way_out(
    machine: Machine, gpus: int, logical: int, error: type[BenchError], says: str
) -> None:
    with pytest.raises(error) as refused:
        counted(machine, gpus=gpus, logical=logical)
    assert refused.match(says.partition(".*")[0])
    assert says.rpartition(".*")[2] in f"{refused.value} {refused.value.remedy}"


@given(batch=st.integers(1, 512), gpus=st.integers(2, 16))
def test_every_replica_gets_the_same_number_of_images_or_none_does(batch: int, gpus: int) -> None:
    if batch % gpus == 0:
        assert counted(GPU, batch=batch, gpus=gpus) == gpus
        return
    with pytest.raises(ConfigError, match=f"--batch-size {batch} cannot be divided evenly") as refused:
        counted(GPU, batch=batch, gpus=gpus)
    offered = [int(word) for word in refused.value.remedy.rstrip(".").split() if word.isdigit()]
    assert offered
    assert all(counted(GPU, batch=size, gpus=gpus) == gpus for size in offered)
