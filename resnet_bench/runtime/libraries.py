"""CUDA's shared libraries: which TensorFlow asks for, which cannot be loaded, which are loaded.

Neighbours: `gpu.py` names what is missing, `environment.py` records versions. No TensorFlow.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from resnet_bench.runtime.cgroup import ROOT, read_text, under

# Version numbers in the file names, by CUDA's major version (NVIDIA's release notes). cuBLAS follows CUDA.
_FOLLOWERS = {
    11: {"cufft": 10, "cusolver": 11, "cusparse": 11},
    12: {"cufft": 11, "cusolver": 11, "cusparse": 12},
    13: {"cufft": 12, "cusolver": 12, "cusparse": 12},
}
ALLOCATORS = ("tcmalloc", "jemalloc", "mimalloc")


def sonames(build: Mapping[str, Any]) -> tuple[str, ...]:
    """File names that a TensorFlow with this build information loads at run time, the driver's first."""
    cuda, cudnn = (str(build.get(key, "")).partition(".")[0] for key in ("cuda_version", "cudnn_version"))
    names = ["libcuda.so.1"]
    if cuda.isdigit():
        names += [f"lib{name}.so.{cuda}" for name in ("cudart", "cublas", "cublasLt")]
        names += [f"lib{name}.so.{version}" for name, version in _FOLLOWERS.get(int(cuda), {}).items()]
    if cudnn.isdigit():
        names.append(f"libcudnn.so.{cudnn}")
    return tuple(names)


def missing(
    build: Mapping[str, Any],
    load: Callable[[str], object] = ctypes.CDLL,
    search: Iterable[str] | None = None,
) -> tuple[str, ...]:
    """Those of `sonames` that are neither on the loader's path nor in the nvidia wheels on `search` (sys.path)."""
    folders = [Path(entry) / "nvidia" for entry in (sys.path if search is None else search)]
    return tuple(name for name in sonames(build) if not (_loads(name, load) or _in_wheels(name, folders)))


def cupti_found(cuda: str, load: Callable[[str], object] = ctypes.CDLL, search: Iterable[str] | None = None) -> bool:
    """Whether CUDA's profiling library for version `cuda` ("12.5.1") is where TensorFlow looks for it."""
    folders = [Path(entry) / "nvidia" for entry in (sys.path if search is None else search)]
    name = f"libcupti.so.{cuda.partition('.')[0]}"
    return _loads(name, load) or _in_wheels(name, folders)


def _loads(name: str, load: Callable[[str], object]) -> bool:
    try:
        load(name)
    except OSError:
        return False
    return True


def _in_wheels(name: str, folders: list[Path]) -> bool:
    return any(folder.is_dir() and any(folder.glob(f"*/lib/{name}")) for folder in folders)


def mapped(root: Path = ROOT) -> tuple[str, ...]:
    """Paths of the shared libraries that this process has loaded (/proc/self/maps); empty elsewhere."""
    found: dict[str, None] = {}
    for line in (read_text(under(root, "/proc/self/maps")) or "").splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and ".so" in fields[5]:
            found[fields[5]] = None
    return tuple(found)


def loaded_cudnn(paths: Iterable[str]) -> str | None:
    """Version of the cuDNN among the loaded libraries `paths`, from its cudnnGetVersion."""
    path = _named(paths, "libcudnn.so")
    if path is None:
        return None
    number = ctypes.CDLL(path).cudnnGetVersion()
    # cuDNN 9 counts major * 10000 + minor * 100 + patch, earlier ones major * 1000 (cudnn_version.h).
    scale = 10_000 if number >= 90_000 else 1000
    return f"{number // scale}.{number % scale // 100}.{number % 100}"


def loaded_cuda(paths: Iterable[str]) -> str | None:
    """Version of the CUDA runtime among the loaded libraries `paths`, from its cudaRuntimeGetVersion."""
    path = _named(paths, "libcudart.so")
    if path is None:
        return None
    number = ctypes.c_int()
    failed = ctypes.CDLL(path).cudaRuntimeGetVersion(ctypes.byref(number))
    return None if failed else f"{number.value // 1000}.{number.value % 1000 // 10}"


def loaded_allocator(paths: Iterable[str]) -> str | None:
    """The malloc replacement among the loaded libraries `paths`; None means the C library's own."""
    names = [Path(path).name for path in paths]
    return next((each for each in ALLOCATORS if any(name.startswith(f"lib{each}") for name in names)), None)


def _named(paths: Iterable[str], stem: str) -> str | None:
    return next((path for path in paths if Path(path).name.startswith(stem)), None)
