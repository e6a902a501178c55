"""Choosing a device: nothing falls back in silence, and a GPU that cannot be used is named with its cause."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from resnet_bench.config import Config, RuntimeConfig
from resnet_bench.errors import DeviceError
from resnet_bench.records.machine import Machine
from resnet_bench.runtime.cpu import HostFacts
from resnet_bench.runtime.gpu import GpuEvidence, GpuProbe, TfGpu, find_machine, hidden, look_for_gpus
from resnet_bench.runtime.nvml import DriverFacts, GpuFacts
from tests.support.fake_host import write

HOST = HostFacts(cpus=4, cpu_quota=2.0, cpu_flags=frozenset({"avx2"}))
NO_GPU = GpuEvidence()
A100 = TfGpu("NVIDIA A100", (8, 0))
T4 = TfGpu("Tesla T4", (7, 5))
SEEN = GpuEvidence(pci=1, nodes=1, driver_version="550.54.15")
DRIVER = DriverFacts(
    driver_version="550.54.15",
    cuda_version=(12, 4),
    gpus=(GpuFacts(index=0, name="NVIDIA A100", compute_capability=(8, 0)),),
)
BUILD = {"is_cuda_build": True, "cuda_version": "12.5.1", "cudnn_version": "9", "cuda_compute_capabilities": ["sm_60"]}


def probe(
    *tensorflow_gpus: TfGpu,
    evidence: GpuEvidence = NO_GPU,
    driver: DriverFacts | None = None,
    build: Mapping[str, Any] = BUILD,
    missing: tuple[str, ...] = (),
    environ: Mapping[str, str] | None = None,
) -> GpuProbe:
    return GpuProbe(
        evidence=lambda: evidence,
        driver=lambda: driver,
        tensorflow_gpus=lambda: tensorflow_gpus,
        build=lambda: build,
        missing_libraries=lambda _: missing,
        onednn=lambda: True,
        environ=environ or {},
    )


def find(device: str, faked: GpuProbe) -> Machine:
    return find_machine(Config(runtime=RuntimeConfig(device=device)), HOST, faked)


def failure(device: str, faked: GpuProbe) -> str:
    with pytest.raises(DeviceError) as caught:
        find(device, faked)
    assert caught.value.remedy
    return str(caught.value)


def test_auto_takes_the_cpu_where_there_is_no_gpu_at_all() -> None:
    assert find("auto", probe()) == Machine(
        device_kind="cpu", device="cpu", cpus=4, cpu_quota=2.0, cpu_flags=frozenset({"avx2"}), onednn=True
    )


@pytest.mark.parametrize(("device", "index", "gpu"), [("auto", 0, A100), ("gpu", 0, A100), ("gpu:1", 1, T4)])
def test_a_gpu_that_tensorflow_sees_is_taken(device: str, index: int, gpu: TfGpu) -> None:
    machine = find(device, probe(A100, T4, evidence=SEEN, driver=DRIVER))
    assert (machine.device_kind, machine.device) == ("gpu", f"gpu:{index}")
    assert (machine.gpu_name, machine.gpu_compute_capability) == (gpu.name, gpu.compute_capability)


def test_device_cpu_does_not_look_at_gpus() -> None:
    def touched(*_: object) -> NoReturn:
        raise AssertionError("the GPU was touched")

    untouchable = GpuProbe(
        evidence=touched,
        driver=touched,
        tensorflow_gpus=touched,
        build=touched,
        missing_libraries=touched,
        onednn=lambda: False,
        environ={},
    )
    assert find("cpu", untouchable).device == "cpu"
    with pytest.raises(AssertionError, match="touched"):
        find("auto", untouchable)


def test_a_number_out_of_range_names_the_range() -> None:
    told = failure("gpu:7", probe(A100, T4))
    assert "--device gpu:7" in told
    assert "2 GPU" in told
    assert "gpu:0 to gpu:1" in told


def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error() -> None:
    assert "no NVIDIA GPU" in failure("gpu", probe())


@pytest.mark.parametrize("device", ["auto", "gpu", "gpu:0"])
@pytest.mark.parametrize(
    ("faked", "cause"),
    [
        (probe(evidence=SEEN, driver=DRIVER, build={"is_cuda_build": False}), "CPU only"),
        (probe(evidence=GpuEvidence(pci=1)), "no NVIDIA driver is loaded"),
        (probe(evidence=GpuEvidence(pci=1, driver_version="550.1")), "/dev/nvidia0"),
        (
            probe(evidence=SEEN, driver=DriverFacts(driver_version="470.57", cuda_version=(11, 4), gpus=DRIVER.gpus)),
            "driver 470.57 runs CUDA up to 11.4",
        ),
        (
            probe(evidence=SEEN, driver=DRIVER, missing=("libcudart.so.12", "libcudnn.so.9")),
            "cannot load libcudart.so.12, libcudnn.so.9",
        ),
        (
            probe(
                evidence=SEEN,
                driver=DriverFacts(cuda_version=(12, 4), gpus=(GpuFacts(index=0, compute_capability=(3, 5)),)),
            ),
            "compute capability is 3.5",
        ),
        (probe(evidence=SEEN, driver=DRIVER), "lists none"),
    ],
    ids=["cpu build", "no driver", "no device node", "old driver", "missing libraries", "old gpu", "unknown"],
)
def test_a_gpu_that_tensorflow_cannot_use_is_an_error_that_names_what_is_missing_even_for_auto(
    device: str, faked: GpuProbe, cause: str
) -> None:
    told = failure(device, faked)
    assert "1 NVIDIA GPU" in told
    assert cause in told
    assert "--device cpu" in told


def test_a_hidden_gpu_is_respected_by_auto_and_an_error_for_gpu() -> None:
    faked = probe(evidence=SEEN, driver=DRIVER, environ={"CUDA_VISIBLE_DEVICES": "-1"})
    assert find("auto", faked).device == "cpu"
    assert "CUDA_VISIBLE_DEVICES='-1'" in failure("gpu", faked)


@pytest.mark.parametrize(
    ("value", "hides"),
    [(None, False), ("", True), ("-1", True), ("-1,0", True), ("0,-1", False), ("GPU-12", False), ("NoDevFiles", True)],
)
def test_only_a_list_that_starts_with_no_device_hides_all(value: str | None, hides: bool) -> None:
    assert hidden({} if value is None else {"CUDA_VISIBLE_DEVICES": value}) is hides


def test_gpus_leave_traces_in_the_file_system(tmp_path: Path) -> None:
    pci = "/sys/bus/pci/devices"
    files = {
        f"{pci}/0000:01:00.0/vendor": "0x10de\n",
        f"{pci}/0000:01:00.0/class": "0x030000\n",
        f"{pci}/0000:01:00.1/vendor": "0x10de\n",
        f"{pci}/0000:01:00.1/class": "0x040300\n",
        f"{pci}/0000:02:00.0/vendor": "0x1002\n",
        f"{pci}/0000:02:00.0/class": "0x030000\n",
        "/dev/nvidia0": "",
        "/dev/nvidia12": "",
        "/dev/nvidiactl": "",
        "/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5\nGCC",
    }
    assert look_for_gpus(tmp_path) == GpuEvidence()
    assert not look_for_gpus(tmp_path).present
    assert look_for_gpus(write(tmp_path, files)) == GpuEvidence(pci=1, nodes=2, driver_version="550.54.15")


def test_the_sound_device_of_a_graphics_card_is_no_gpu(tmp_path: Path) -> None:
    device = "/sys/bus/pci/devices/0000:01:00.1"
    assert not look_for_gpus(write(tmp_path, {f"{device}/vendor": "0x10de", f"{device}/class": "0x040300"})).present
