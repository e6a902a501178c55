"""CUDA's libraries: what TensorFlow needs, what is missing, what is loaded."""

from __future__ import annotations

from pathlib import Path

from resnet_bench.runtime import libraries
from tests.support.fake_host import write

BUILD = {"cuda_version": "12.5.1", "cudnn_version": "9"}


def never(name: str) -> object:
    raise OSError(f"{name}: cannot open shared object file")


def test_the_file_names_follow_the_versions_tensorflow_was_built_for() -> None:
    names = libraries.sonames(BUILD)
    assert {"libcuda.so.1", "libcudart.so.12", "libcublas.so.12", "libcufft.so.11", "libcudnn.so.9"} <= set(names)
    assert libraries.sonames({}) == ("libcuda.so.1",)


def test_a_library_counts_as_missing_only_if_neither_loader_nor_wheels_have_it(tmp_path: Path) -> None:
    write(tmp_path, {"nvidia/cudnn/lib/libcudnn.so.9": "", "nvidia/cuda_runtime/lib/libcudart.so.12": ""})
    absent = libraries.missing(BUILD, never, [str(tmp_path)])
    assert "libcudnn.so.9" not in absent
    assert "libcudart.so.12" not in absent
    assert "libcublas.so.12" in absent
    assert libraries.missing(BUILD, lambda name: name, []) == ()


def test_the_profiling_library_is_looked_for_in_the_same_places(tmp_path: Path) -> None:
    assert not libraries.cupti_found("12.5.1", never, [str(tmp_path)])
    write(tmp_path, {"nvidia/cuda_cupti/lib/libcupti.so.12": ""})
    assert libraries.cupti_found("12.5.1", never, [str(tmp_path)])


def test_loaded_libraries_are_read_from_the_process_map(tmp_path: Path) -> None:
    maps = (
        "7f00-7f10 r-xp 00000000 08:01 1   /usr/lib/libtcmalloc_minimal.so.4\n"
        "7f10-7f20 r--p 00000000 08:01 1   /usr/lib/libtcmalloc_minimal.so.4\n"
        "7f20-7f30 rw-p 00000000 00:00 0   [heap]\n"
        "7f30-7f40 rw-p 00000000 00:00 0\n"
    )
    loaded = libraries.mapped(write(tmp_path, {"/proc/self/maps": maps}))
    assert loaded == ("/usr/lib/libtcmalloc_minimal.so.4",)
    assert libraries.loaded_allocator(loaded) == "tcmalloc"


def test_a_process_without_cuda_has_no_loaded_versions() -> None:
    paths = ("/lib/libc.so.6", "/opt/libtensorflow_cc.so.2")
    assert libraries.loaded_cudnn(paths) is None
    assert libraries.loaded_cuda(paths) is None
    assert libraries.loaded_allocator(paths) is None
