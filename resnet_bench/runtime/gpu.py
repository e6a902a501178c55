"""Which device a run uses, and why a GPU that is there cannot be used.

A GPU that the machine has but TensorFlow cannot reach is an error that names what is missing, also under
`--device auto`. All looking goes through `GpuProbe`, so that tests fake it. Neighbours: `nvml.py` below,
`libraries.py` for CUDA's file names; `environ.py` and `state.py` act on the choice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resnet_bench.config import Config
from resnet_bench.errors import DeviceError
from resnet_bench.records.machine import Machine
from resnet_bench.runtime import libraries
from resnet_bench.runtime.cgroup import ROOT, read_text, under
from resnet_bench.runtime.cpu import HostFacts
from resnet_bench.runtime.nvml import DriverFacts, read_driver

NVIDIA_VENDOR = "0x10de"
DISPLAY_CLASS = "0x03"
VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"
INSTALL = "Install TensorFlow with CUDA: pip install 'resnet-bench[gpu]'."
USE_CPU = "--device cpu measures the CPU instead."


@dataclass(frozen=True)
class TfGpu:
    """A GPU that TensorFlow lists."""

    name: str | None = None
    compute_capability: tuple[int, int] | None = None


@dataclass(frozen=True)
class GpuEvidence:
    """Traces of NVIDIA GPUs in the file system: PCI display devices, device nodes, the kernel driver."""

    pci: int = 0
    nodes: int = 0
    driver_version: str | None = None

    @property
    def present(self) -> bool:
        """Whether this machine has an NVIDIA GPU at all."""
        return bool(self.pci or self.nodes)


def look_for_gpus(root: Path = ROOT) -> GpuEvidence:
    """Traces of NVIDIA GPUs that need neither driver nor library, under `root`."""
    pci = sum(
        (read_text(device / "vendor") or "").lower() == NVIDIA_VENDOR
        and (read_text(device / "class") or "").startswith(DISPLAY_CLASS)
        for device in under(root, "/sys/bus/pci/devices").glob("*")
    )
    nodes = sum(node.name[len("nvidia") :].isdigit() for node in under(root, "/dev").glob("nvidia*"))
    version = read_text(under(root, "/proc/driver/nvidia/version"))
    return GpuEvidence(pci=pci, nodes=nodes, driver_version=_driver_version(version))


def _driver_version(text: str | None) -> str | None:
    """550.54.15 from "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar ..."."""
    first = (text or "").partition("\n")[0]
    numbers = [word for word in first.split() if word.replace(".", "").isdigit() and "." in word]
    return numbers[0] if numbers else None


def tensorflow_gpus() -> tuple[TfGpu, ...]:
    """The GPUs that TensorFlow lists, in its order. Imports TensorFlow."""
    import tensorflow as tf

    found = []
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        found.append(TfGpu(details.get("device_name"), details.get("compute_capability")))
    return tuple(found)


def tensorflow_build() -> Mapping[str, Any]:
    """TensorFlow's own account of how it was built. Imports TensorFlow."""
    import tensorflow as tf

    build: Mapping[str, Any] = tf.sysconfig.get_build_info()
    return build


def onednn_in_force() -> bool:
    """Whether TensorFlow replaces operations by oneDNN's: its own answer, environment and CPU considered."""
    from tensorflow.python.util import _pywrap_util_port  # type: ignore[import-not-found,unused-ignore]

    return bool(_pywrap_util_port.IsMklEnabled())


@dataclass(frozen=True)
class GpuProbe:
    """Every look at the machine that choosing a device takes; the defaults are the real ones."""

    evidence: Callable[[], GpuEvidence] = look_for_gpus
    driver: Callable[[], DriverFacts | None] = read_driver
    tensorflow_gpus: Callable[[], tuple[TfGpu, ...]] = tensorflow_gpus
    build: Callable[[], Mapping[str, Any]] = tensorflow_build
    missing_libraries: Callable[[Mapping[str, Any]], tuple[str, ...]] = libraries.missing
    onednn: Callable[[], bool] = onednn_in_force
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def hidden(environ: Mapping[str, str]) -> bool:
    """Whether CUDA_VISIBLE_DEVICES hides every GPU: the list ends at the first entry that is no device."""
    value = environ.get(VISIBLE_VARIABLE)
    first = None if value is None else value.split(",")[0].strip()
    return first is not None and (not first or first.startswith("-") or first == "NoDevFiles")


def find_machine(config: Config, host: HostFacts, probe: GpuProbe | None = None) -> Machine:
    """The device that `--device` means here. Imports TensorFlow; opens no GPU for `--device cpu`.

    `Machine.device` is "cpu" or "gpu:N", N in TensorFlow's order. Raises `DeviceError` where a GPU was
    asked for, or is there, and TensorFlow cannot use it.
    """
    probe = probe or GpuProbe()
    asked = config.runtime.device
    index = None if asked == "cpu" else _choose_gpu(asked, probe)
    gpu = None if index is None else probe.tensorflow_gpus()[index]
    return Machine(
        device_kind="cpu" if gpu is None else "gpu",
        device="cpu" if gpu is None else f"gpu:{index}",
        cpus=host.cpus,
        cpu_quota=host.cpu_quota,
        cpu_flags=host.cpu_flags,
        gpu_name=None if gpu is None else gpu.name,
        gpu_compute_capability=None if gpu is None else gpu.compute_capability,
        onednn=probe.onednn(),
    )


def _choose_gpu(asked: str, probe: GpuProbe) -> int | None:
    """Index of the GPU that "auto", "gpu" or "gpu:N" means; None where auto finds a machine without one."""
    count = len(probe.tensorflow_gpus())
    wanted = int(asked.partition(":")[2] or 0) if asked.startswith("gpu") else 0
    if wanted < count:
        return wanted
    if count:
        allowed = "gpu:0" if count == 1 else f"gpu:0 to gpu:{count - 1}"
        raise DeviceError(f"--device {asked}: TensorFlow sees {count} GPU(s) here.", f"Allowed: {allowed}, or cpu.")
    if hidden(probe.environ):
        if asked == "auto":
            return None
        value = probe.environ[VISIBLE_VARIABLE]
        raise DeviceError(f"--device {asked}: {VISIBLE_VARIABLE}={value!r} hides every GPU.", "Unset it.")
    evidence, driver = probe.evidence(), probe.driver()
    if not evidence.present and not (driver and driver.gpus):
        if asked == "auto":
            return None
        raise DeviceError(f"--device {asked}: this machine has no NVIDIA GPU.", USE_CPU)
    what = _describe(evidence, driver)
    reason, remedy = diagnose(evidence, driver, probe)
    raise DeviceError(f"--device {asked}: {what}, but TensorFlow cannot use it: {reason}.", f"{remedy} {USE_CPU}")


def _describe(evidence: GpuEvidence, driver: DriverFacts | None) -> str:
    names = sorted({gpu.name for gpu in driver.gpus if gpu.name} if driver else ())
    count = len(driver.gpus) if driver and driver.gpus else max(evidence.pci, evidence.nodes)
    return f"this machine has {count} NVIDIA GPU(s)" + (f" ({', '.join(names)})" if names else "")


def diagnose(evidence: GpuEvidence, driver: DriverFacts | None, probe: GpuProbe) -> tuple[str, str]:
    """Why TensorFlow lists no GPU though one is there, and what to do; the first cause that holds."""
    build = probe.build()
    if not build.get("is_cuda_build"):
        return "this TensorFlow is built for the CPU only (is_cuda_build is False)", INSTALL
    problem = _driver_problem(evidence, driver, str(build.get("cuda_version", "")))
    if problem is not None:
        return problem
    missing = probe.missing_libraries(build)
    if missing:
        return f"it cannot load {', '.join(missing)}", INSTALL
    old = _too_old(driver, build)
    if old is not None:
        return old
    return (
        "driver and libraries are there, yet it lists none",
        "Its own reason is among the last lines of the worker's log.",
    )


def _driver_problem(evidence: GpuEvidence, driver: DriverFacts | None, built: str) -> tuple[str, str] | None:
    if driver is None and not evidence.driver_version:
        return "no NVIDIA driver is loaded", "Install NVIDIA's driver (nvidia-smi must list the GPU)."
    if not evidence.nodes and not (driver and driver.gpus):
        return (
            "the driver is loaded, but there is no /dev/nvidia0",
            "In a container, hand the GPU over (docker run --gpus all).",
        )
    needed = built.partition(".")[0]
    if driver and driver.cuda_version and needed.isdigit() and driver.cuda_version[0] < int(needed):
        runs = ".".join(map(str, driver.cuda_version))
        return (
            f"driver {driver.driver_version} runs CUDA up to {runs}, and this TensorFlow is built for {built}",
            f"Update NVIDIA's driver to one for CUDA {needed} or newer.",
        )
    return None


def _too_old(driver: DriverFacts | None, build: Mapping[str, Any]) -> tuple[str, str] | None:
    """A GPU below every compute capability that this TensorFlow was compiled for."""
    built = [
        int(found[0]) for name in build.get("cuda_compute_capabilities", ()) if (found := re.findall(r"\d+", name))
    ]
    have = [gpu.compute_capability for gpu in (driver.gpus if driver else ()) if gpu.compute_capability]
    if not built or not have or max(major * 10 + minor for major, minor in have) >= min(built):
        return None
    major, minor = max(have)
    return (
        f"its compute capability is {major}.{minor}, and this TensorFlow starts at {min(built) / 10:.1f}",
        "Use an older TensorFlow built for it, or a newer GPU.",
    )
