"""NVML's answers become facts; what a driver does not support is None."""

from __future__ import annotations

import os
from dataclasses import fields, replace

import pytest

from resnet_bench.runtime.nvml import GpuFacts, GpuSample, Monitor, read_driver, throttle_names, visible_index
from tests.support.fake_nvml import FakeNvml


def test_driver_and_gpus_are_read_in_si_units_and_nvml_is_closed_again() -> None:
    nvml = FakeNvml(gpus=2)
    driver = read_driver(nvml)
    assert driver is not None
    assert (driver.driver_version, driver.cuda_version, len(driver.gpus)) == ("550.54.15", (12, 4), 2)
    gpu = driver.gpus[1]
    assert gpu.name == "NVIDIA A100"
    assert gpu.memory_bytes == 40 * 2**30
    assert gpu.power_limit_w == pytest.approx(250)
    assert gpu.default_power_limit_w == pytest.approx(400)
    assert gpu.max_clock_hz == 1_410_000_000
    assert gpu.persistence_mode is False
    assert gpu.mig_mode is False
    assert gpu.pcie_generation is None  # the fake, like an old binding, has no such function
    assert nvml.opened == 0


def test_no_driver_is_no_answer() -> None:
    assert read_driver(FakeNvml(driver=False)) is None
    assert Monitor.open(0, {}, FakeNvml(driver=False)) is None


def test_what_a_driver_does_not_support_is_none() -> None:
    driver = read_driver(FakeNvml(broken=("nvmlDeviceGetMigMode", "nvmlDeviceGetMemoryInfo")))
    assert driver is not None
    assert driver.gpus[0].mig_mode is None
    assert driver.gpus[0].memory_bytes is None
    assert driver.gpus[0].name == "NVIDIA A100"


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0x0, ()),
        (0x1, ()),
        (0x4, ("sw_power_cap",)),
        (0x1 | 0x20 | 0x40, ("sw_thermal_slowdown", "hw_thermal_slowdown")),
        (0x8000 | 0x8, ("hw_slowdown", "reason_0x8000")),
    ],
)
def test_throttle_reasons_have_names_and_idling_is_none_of_them(bits: int, names: tuple[str, ...]) -> None:
    assert throttle_names(bits) == names


GPUS = (GpuFacts(index=0, uuid="GPU-aa11"), GpuFacts(index=1, uuid="GPU-aa22"))
PCI = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


@pytest.mark.parametrize(
    ("ordinal", "gpus", "environ", "index"),
    [
        (1, GPUS, PCI, 1),
        (1, GPUS, {}, None),
        (0, GPUS[:1], {}, 0),
        (0, GPUS, PCI | {"CUDA_VISIBLE_DEVICES": "1,0"}, 1),
        (2, GPUS, PCI | {"CUDA_VISIBLE_DEVICES": "1,0"}, None),
        (0, GPUS, {"CUDA_VISIBLE_DEVICES": "GPU-aa2"}, 1),
        (0, GPUS, {"CUDA_VISIBLE_DEVICES": "GPU-aa"}, None),
        (0, GPUS, {"CUDA_VISIBLE_DEVICES": "MIG-GPU-aa11/1/0"}, None),
        (0, GPUS, PCI | {"CUDA_VISIBLE_DEVICES": ""}, None),
        (5, GPUS, PCI, None),
    ],
)
def test_cudas_number_is_translated_to_nvmls_only_where_the_order_is_known(
    ordinal: int, gpus: tuple[GpuFacts, ...], environ: dict[str, str], index: int | None
) -> None:
    assert visible_index(ordinal, gpus, environ) == index


def open_monitor(nvml: FakeNvml) -> Monitor:
    monitor = Monitor.open(0, {}, nvml)
    assert monitor is not None
    return monitor


def test_a_sample_holds_clocks_heat_power_and_the_other_processes() -> None:
    nvml = FakeNvml()
    nvml.throttle, nvml.pids = 0x4, [os.getpid(), 1, 2]
    sample = open_monitor(nvml).sample()
    assert sample.power_w == pytest.approx(245.5)
    assert replace(sample, power_w=None) == GpuSample(
        clock_hz=1_200_000_000,
        memory_clock_hz=1_215_000_000,
        temperature_c=61.0,
        throttle_reasons=("sw_power_cap",),
        other_processes=2,
    )
    assert open_monitor(nvml).own_memory_bytes() == 1 << 30


@pytest.mark.parametrize("pids", [[], [1, 2]])
def test_a_container_that_hides_our_own_process_leaves_the_others_unknown(pids: list[int]) -> None:
    nvml = FakeNvml()
    nvml.pids = pids
    assert open_monitor(nvml).sample().other_processes is None
    assert open_monitor(nvml).own_memory_bytes() is None


def test_a_driver_that_supports_nothing_gives_a_sample_of_nones() -> None:
    names = tuple(name for name in dir(FakeNvml) if name.startswith("nvmlDeviceGetC") or "Power" in name)
    nvml = FakeNvml(broken=tuple(name for name in (*names, "nvmlDeviceGetTemperature") if "Count" not in name))
    sample = open_monitor(nvml).sample()
    assert [getattr(sample, field.name) for field in fields(sample)] == [None] * 6
