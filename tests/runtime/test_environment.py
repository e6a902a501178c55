"""The environment of a record: true, complete, and free of anything private."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import resnet_bench
from resnet_bench.records.environment import Environment
from resnet_bench.records.machine import Machine
from resnet_bench.runtime import environment
from resnet_bench.runtime.environment import collect, git_state, machine_id, variables
from resnet_bench.runtime.nvml import DriverFacts, GpuFacts
from tests.support.fake_host import CPUINFO, write

CPU = Machine(device_kind="cpu", device="cpu", cpus=2, cpu_quota=1.5, cpu_flags=frozenset({"avx2", "hypervisor"}))
GPU = Machine(device_kind="gpu", device="gpu:1", cpus=2)
DRIVER = DriverFacts(
    driver_version="550.54.15",
    cuda_version=(12, 4),
    gpus=(GpuFacts(index=0, name="A", uuid="GPU-secret"), GpuFacts(index=1, name="B", power_limit_w=250.0)),
)


@pytest.fixture
def _without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)


def test_only_variables_of_the_frameworks_are_kept_and_never_a_secret() -> None:
    given = {
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
        "TF_CONFIG": "{}",
        "XLA_FLAGS": "--xla_dump_to=d",
        "CUDA_VISIBLE_DEVICES": "0",
        "OMP_NUM_THREADS": "2",
        "KMP_BLOCKTIME": "0",
        "NVIDIA_TF32_OVERRIDE": "0",
        "ONEDNN_VERBOSE": "1",
        "KERAS_BACKEND": "tensorflow",
        "MALLOC_ARENA_MAX": "2",
        "DNNL_DEFAULT_FPMATH_MODE": "BF16",
        "GOTO_NUM_THREADS": "2",
        "KERAS_MAX_EPOCHS": "1",
    }
    private = {
        "HOME": "/home/me",
        "TF_VAR_password": "p",
        "TF_HTTP_PASSWORD": "p",
        "TF_TOKEN_example": "t",
        "TF_CLI_CONFIG_FILE": "/home/me/x",
        "TF_DATA_DIR": "/home/me",
        "NVIDIA_API_KEY": "k",
        "CUDA_SECRET_X": "s",
        "AWS_ACCESS_KEY_ID": "k",
        "MY_TF_FLAG": "1",
    }
    assert variables(given | private) == given


def test_preloaded_libraries_are_named_without_their_folders() -> None:
    found = variables({"LD_PRELOAD": "/home/me/libjemalloc.so.2:/usr/lib/libfoo.so libbar.so"})
    assert found == {"LD_PRELOAD": "libjemalloc.so.2 libfoo.so libbar.so"}


def test_the_machine_has_a_stable_number_that_is_not_its_id(tmp_path: Path) -> None:
    assert machine_id(tmp_path) is None
    one = write(tmp_path / "1", {"/etc/machine-id": "3d1219c7c4c5404aaa1f6d2a48adfda4\n"})
    two = write(tmp_path / "2", {"/etc/machine-id": "ffffffffffffffffffffffffffffffff\n"})
    found = machine_id(one)
    assert found is not None
    assert len(found) == 16
    assert found == machine_id(one) != machine_id(two)
    assert found not in "3d1219c7c4c5404aaa1f6d2a48adfda4"
    assert machine_id(write(tmp_path / "3", {"/etc/machine-id": "uninitialized\n"})) is None


@pytest.mark.usefixtures("_without_tensorflow")
def test_a_host_that_tells_nothing_yields_nones_not_guesses(tmp_path: Path) -> None:
    found = collect(Machine(device_kind="cpu", device="cpu", cpus=1), root=tmp_path, environ={})
    assert found.tensorflow is None
    assert found.machine_id is None
    assert found.container is None
    assert found.gpus is None
    assert found.variables == {}
    known = {name for name in found.cpu.__struct_fields__ if getattr(found.cpu, name) is not None}
    assert known == {"cpus"}


@pytest.mark.usefixtures("_without_tensorflow")
def test_the_processor_is_described_with_its_flags_of_interest(tmp_path: Path) -> None:
    root = write(tmp_path, {"/proc/cpuinfo": CPUINFO.format(flags="avx2"), "/proc/meminfo": "MemTotal: 4 kB"})
    cpu = collect(CPU, root=root, environ={}).cpu
    assert cpu.model == "Test CPU @ 2.0GHz"
    assert cpu.flags == ("avx2",)
    assert cpu.hypervisor is True
    assert (cpu.cpus, cpu.cpu_quota, cpu.memory_bytes) == (2, 1.5, 4096)


@pytest.mark.usefixtures("_without_tensorflow")
def test_a_gpu_run_keeps_driver_and_gpus_and_which_one_ran_but_no_serial_number(tmp_path: Path) -> None:
    found = collect(GPU, root=tmp_path, environ={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, driver=lambda: DRIVER)
    assert found.gpus is not None
    assert [(gpu.name, gpu.driver_version, gpu.driver_cuda_version) for gpu in found.gpus] == [
        ("A", "550.54.15", "12.4"),
        ("B", "550.54.15", "12.4"),
    ]
    assert found.gpus[1].power_limit_w == 250.0
    assert found.gpu_index == 1
    assert b"GPU-secret" not in msgspec.json.encode(found)


@pytest.mark.usefixtures("_without_tensorflow")
def test_a_cpu_run_does_not_ask_the_gpu_driver(tmp_path: Path) -> None:
    def touched() -> DriverFacts:
        raise AssertionError("NVML was asked")

    assert collect(CPU, root=tmp_path, environ={}, driver=touched).gpus is None


@pytest.mark.usefixtures("_without_tensorflow")
def test_it_survives_the_way_through_json(tmp_path: Path) -> None:
    found = collect(GPU, root=tmp_path, environ={"OMP_NUM_THREADS": "2"}, driver=lambda: DRIVER)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Environment) == found


def test_versions_are_those_installed() -> None:
    import numpy as np

    found = environment.package_versions()
    assert found["numpy"] == np.__version__
    assert None not in found.values()


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@needs_git
def test_a_checkout_tells_its_revision_and_what_makes_it_dirty(tmp_path: Path) -> None:
    package = write(tmp_path, {"/pkg/__init__.py": "", "/other.py": "1"}) / "pkg"
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert git_state(package) == (head, False)
    write(tmp_path, {"/runs/record.json": "{}"})
    assert git_state(package) == (head, False), "a saved record does not make the source dirty"
    write(tmp_path, {"/pkg/new.py": ""})
    assert git_state(package) == (head, True)
    (package / "new.py").unlink()
    write(tmp_path, {"/other.py": "2"})
    assert git_state(package) == (head, True)


@needs_git
def test_a_package_installed_inside_another_checkout_has_no_revision(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    package = write(tmp_path, {"/venv/site-packages/pkg/__init__.py": ""}) / "venv" / "site-packages" / "pkg"
    assert git_state(package) == (None, None)


def test_tensorflow_is_described_as_it_is_in_force(child: Callable[..., str]) -> None:
    code = (
        "import msgspec, sys\n"
        "from resnet_bench import runtime\n"
        "from resnet_bench.config import Config, RuntimeConfig, StepConfig\n"
        "from resnet_bench.runtime.environment import collect\n"
        "config = Config(\n"
        "    runtime=RuntimeConfig(device='cpu', threads=2, onednn='off'), step=StepConfig(precision='tf32')\n"
        ")\n"
        "host = runtime.inspect_host()\n"
        "runtime.set_environment(config, host)\n"
        "import tensorflow\n"
        "machine = runtime.find_machine(config, host)\n"
        "print(msgspec.json.encode(collect(machine, runtime.start(config, machine))).decode())\n"
    )
    found = msgspec.json.decode(child(code).splitlines()[-1], type=Environment)
    tensorflow = found.tensorflow
    assert tensorflow is not None
    assert tensorflow.version == found.packages["tensorflow"]
    assert tensorflow.onednn is False
    assert tensorflow.tf32 is True
    assert tensorflow.dtype_policy == "float32"
    assert tensorflow.intra_op_threads == 2
    assert tensorflow.visible_devices == ("/device:CPU:0",)
    assert tensorflow.loaded_cudnn is None
    assert found.package_version == resnet_bench.__version__
    assert found.variables["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert found.variables["CUDA_VISIBLE_DEVICES"] == "-1"
