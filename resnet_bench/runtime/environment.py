"""What a result was measured on and with: machine, system, versions, flags, source revision.

Owns the `Environment` that every record holds and that comparisons check field by field. Nothing in it
names a person or a host, and no variable outside the listed families is read. What cannot be known is
None. Neighbours: `runtime/` supplies the facts, `doctor.py` and `records/record.py` take them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import resnet_bench
from resnet_bench.records.environment import CpuEnvironment, Environment, GpuEnvironment, TensorFlowEnvironment
from resnet_bench.records.machine import Machine
from resnet_bench.runtime import libraries
from resnet_bench.runtime.cgroup import ROOT, read_text, under
from resnet_bench.runtime.cpu import affinity, inspect_host
from resnet_bench.runtime.gpu import onednn_in_force
from resnet_bench.runtime.nvml import DriverFacts, read_driver, visible_index
from resnet_bench.runtime.state import Runtime, gpu_ordinal
from resnet_bench.runtime.system import SystemFacts, container, read_system

FLAGS_OF_INTEREST = (
    *("sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "amx_fp16", "asimd", "asimddp", "sve", "sve2", "bf16", "i8mm", "fphp"),
)
PACKAGES = (
    *("tensorflow", "keras", "numpy", "ml_dtypes", "scipy", "scikit-learn", "pillow", "msgspec"),
    *("tensorboard", "xprof", "protobuf", "h5py", "psutil", "nvidia-ml-py"),
)
# TF_ is Terraform's prefix too, whose variables hold passwords: only the families that TensorFlow reads.
_VARIABLES = re.compile(
    r"(XLA|CUDA|OMP|KMP|GOMP|NVIDIA|ONEDNN|DNNL|GOTO|OPENBLAS|MKL)_\w+|KERAS_(BACKEND|MAX_\w+)|TF_CONFIG|LD_PRELOAD"
    r"|MALLOC_(ARENA_MAX|CONF)|GLIBC_TUNABLES"
    r"|TF_(AUTO|AUTOTUNE|BFC|CONV2D|CPP|CPU|CUBLAS|CUDA|CUDNN|CUFFT|DATA_EXPERIMENT|DEBUG|DEFAULT|DETERMINISTIC"
    r"|DEVICE|DISABLE|DUMP|EAGER|ENABLE|ENABLED|FORCE|FP16|GPU|GRAPH|GRAPPLER|JIT|JITRT|MATMUL|MIN|MKL|NODE|NUM"
    r"|ONEDNN|OVERRIDE|PER|PROFILER|RUN|SET|SYNC|USE|XLA)_\w+"
)
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|_KEY$")


def collect(
    machine: Machine,
    rt: Runtime | None = None,
    *,
    root: Path = ROOT,
    environ: Mapping[str, str] | None = None,
    driver: Callable[[], DriverFacts | None] = read_driver,
) -> Environment:
    """The environment of this process. Looks at TensorFlow only where it is imported already, and at GPUs
    only where the run may use one. The keyword arguments stand in for the real sources in tests."""
    variables_now = os.environ if environ is None else environ
    libc = " ".join(part for part in platform.libc_ver() if part)
    driven = None if machine.device_kind == "cpu" else driver()
    revision, dirty = git_state(Path(resnet_bench.__file__).parent)
    return Environment(
        machine_id=machine_id(root),
        system=platform.system() or None,
        kernel=platform.release() or None,
        architecture=platform.machine() or None,
        libc=libc or None,
        container=container(root, variables_now),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages=package_versions(),
        package_version=resnet_bench.__version__,
        git_revision=revision,
        git_dirty=dirty,
        device=machine.device,
        cpu=_cpu(machine, root),
        gpus=_gpus(driven),
        gpu_index=None if driven is None else visible_index(gpu_ordinal(machine), driven.gpus, variables_now),
        tensorflow=_tensorflow(rt, root) if "tensorflow" in sys.modules else None,
        variables=variables(variables_now),
    )


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that steer TensorFlow, XLA, CUDA, OpenMP, oneDNN, BLAS and the allocator; never a secret.

    LD_PRELOAD is given as names of files, for folders may name a person.
    """
    return {
        name: _file_names(value) if name == "LD_PRELOAD" else value
        for name, value in sorted(environ.items())
        if _VARIABLES.fullmatch(name) and not _SECRET.search(name)
    }


def _file_names(paths: str) -> str:
    """The last parts of paths, which spaces or colons separate (ld.so(8))."""
    return " ".join(path.rpartition("/")[2] for path in re.split(r"[\s:]+", paths.strip()))


def machine_id(root: Path = ROOT) -> str | None:
    """A stable number of this installation that leaks neither its name nor its id: an HMAC of machine-id(5)."""
    installed = read_text(under(root, "/etc/machine-id"))
    if not installed or installed == "uninitialized":
        return None
    return hmac.new(installed.encode(), b"resnet_bench", hashlib.sha256).hexdigest()[:16]


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that can change a result; those that are absent are left out."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_state(package: Path) -> tuple[str | None, bool | None]:
    """(revision, dirty) of the checkout that holds `package`; (None, None) where it is installed.

    Dirty: a tracked file differs, or an untracked one lies inside the package (saved records do not count).
    """
    checkout = package.parent
    if _git(checkout, "ls-files", "--error-unmatch", f"{package.name}/__init__.py") is None:
        return None, None
    revision = _git(checkout, "rev-parse", "HEAD")
    tracked = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    inside = _git(checkout, "status", "--porcelain", "--", package.name)
    dirty = None if tracked is None or inside is None else bool(tracked or inside)
    return revision, dirty


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _cpu(machine: Machine, root: Path) -> CpuEnvironment:
    host = inspect_host(root, machine.cpus)
    facts: SystemFacts = read_system(root, affinity())
    flags = machine.cpu_flags or host.cpu_flags
    return CpuEnvironment(
        model=host.cpu_model,
        flags=tuple(flag for flag in FLAGS_OF_INTEREST if flag in flags) if flags else None,
        cpus=machine.cpus,
        cpus_online=facts.cpus_online,
        cpu_quota=machine.cpu_quota,
        governor=facts.governor,
        turbo=facts.turbo,
        last_level_cache_bytes=facts.last_level_cache_bytes,
        numa_nodes=facts.numa_nodes,
        hypervisor=("hypervisor" in flags) if flags else None,
        memory_bytes=host.memory_bytes,
        memory_limit_bytes=host.memory_limit_bytes,
        transparent_hugepages=facts.transparent_hugepages,
        malloc=libraries.loaded_allocator(libraries.mapped(root)),
    )


def _gpus(driver: DriverFacts | None) -> tuple[GpuEnvironment, ...] | None:
    if driver is None:
        return None
    cuda = None if driver.cuda_version is None else ".".join(map(str, driver.cuda_version))
    return tuple(
        GpuEnvironment(
            driver_version=driver.driver_version,
            driver_cuda_version=cuda,
            **{name: getattr(gpu, name) for name in gpu.__struct_fields__ if name != "uuid"},
        )
        for gpu in driver.gpus
    )


def _tensorflow(rt: Runtime | None, root: Path) -> TensorFlowEnvironment:
    import keras
    import tensorflow as tf

    build: Mapping[str, Any] = tf.sysconfig.get_build_info()
    loaded = libraries.mapped(root)
    return TensorFlowEnvironment(
        version=tf.__version__,
        git_version=tf.version.GIT_VERSION,
        compiler=tf.version.COMPILER_VERSION,
        cuda_build=build.get("is_cuda_build"),
        built_cuda=build.get("cuda_version"),
        built_cudnn=build.get("cudnn_version"),
        loaded_cuda=libraries.loaded_cuda(loaded),
        loaded_cudnn=libraries.loaded_cudnn(loaded),
        onednn=onednn_in_force(),
        tf32=tf.config.experimental.tensor_float_32_execution_enabled(),
        dtype_policy=keras.config.dtype_policy().name,
        intra_op_threads=rt.threads.intra_op if rt else None,
        inter_op_threads=rt.threads.inter_op if rt else None,
        data_threads=rt.threads.data if rt else None,
        replicas=rt.strategy.num_replicas_in_sync if rt else None,
        visible_devices=tuple(device.name for device in tf.config.list_logical_devices()) if rt else None,
    )
