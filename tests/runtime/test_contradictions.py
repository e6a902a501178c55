"""Variables that change what is computed: which contradict an option, and which are only named."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from resnet_bench.analysis.verdict import decide_verdict
from resnet_bench.config import Config
from resnet_bench.config.options import parse_args
from resnet_bench.records.base import Notice
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import Outcome
from resnet_bench.runtime.contradictions import auto_jit, contradictions
from resnet_bench.runtime.resolve import resolve
from tests.analysis.test_verdict import samples

CPU = Machine(device_kind="cpu", device="cpu", cpus=2, cpu_flags=frozenset({"avx2"}), onednn=True)
GPU = Machine(device_kind="gpu", device="gpu:0", cpus=2, gpu_compute_capability=(9, 0), onednn=True)
AUTO_JIT = {"TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit"}


def found(words: str, environ: dict[str, str], machine: Machine = CPU) -> list[Notice]:
    config: Config = resolve(parse_args(words.split())[0], machine)[0]
    return list(contradictions(config, machine, environ))


def kinds(words: str, environ: dict[str, str], machine: Machine = CPU) -> list[str]:
    return [notice.kind for notice in found(words, environ, machine)]


def test_a_plain_environment_says_nothing() -> None:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "0", "KERAS_BACKEND": "tensorflow", "HOME": "/root"}
    assert kinds("", {"KMP_INIT_AT_FORK": "FALSE", "KMP_DUPLICATE_LIB_OK": "True"}) == []  # scikit-learn's
    assert kinds("", {**quiet, "TF_ENABLE_ONEDNN_OPTS": "1", "MALLOC_ARENA_MAX": "2"}) == []


def test_automatic_clustering_contradicts_no_xla() -> None:
    (notice,) = found("", AUTO_JIT)
    assert (notice.kind, notice.severity) == ("environment_contradicts", "invalidates")
    assert "TF_XLA_FLAGS" in notice.message
    assert "--no-xla" in notice.message


@pytest.mark.parametrize("words", ["--xla", "--mode input"])
def test_automatic_clustering_is_only_named_where_xla_is_on_or_no_network_runs(words: str) -> None:
    assert kinds(words, AUTO_JIT) == ["environment_steers"]


@pytest.mark.parametrize(
    ("flags", "device", "forced"),
    [
        ("--tf_xla_auto_jit=2", "gpu", True),
        ("--tf_xla_auto_jit=2", "cpu", False),
        ("--tf_xla_cpu_global_jit", "cpu", False),
        ("--tf_xla_auto_jit=fusible --tf_xla_cpu_global_jit=true", "cpu", True),
        ("--tf_xla_auto_jit=single-gpu(2)", "gpu", True),
        ("--tf_xla_auto_jit=1 --tf_xla_auto_jit=0", "gpu", False),
        ("--tf_xla_auto_jit=-1", "gpu", False),
        ("--tf_xla_auto_jit=1 --tf_xla_cpu_global_jit=false", "cpu", False),
        ("--tf_xla_clustering_debug", "gpu", False),
        ("'unclosed", "gpu", False),
    ],
)
def test_flags_of_xla_are_read_as_tensorflow_does(flags: str, device: str, forced: bool) -> None:
    assert auto_jit(flags, device) is forced


@pytest.mark.parametrize("variable", ["ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"])
def test_a_math_mode_of_onednn_contradicts_float32(variable: str) -> None:
    assert kinds("", {variable: "BF16"}) == ["environment_contradicts"]
    assert kinds("", {variable: "any"}) == ["environment_contradicts"]
    assert kinds("", {variable: "STRICT"}) == ["environment_steers"]
    assert kinds("--precision mixed_bfloat16", {variable: "BF16"}) == ["environment_steers"]
    assert kinds("", {variable: "BF16"}, replace(CPU, onednn=False)) == ["environment_steers"]
    assert kinds("", {variable: "BF16"}, GPU) == ["environment_steers"]


def test_what_contradicts_nothing_is_named_in_one_notice() -> None:
    (notice,) = found("", {"OMP_NUM_THREADS": "1", "LD_PRELOAD": "/home/me/libx.so", "ONEDNN_MAX_CPU_ISA": "AVX2"})
    assert notice.kind == "environment_steers"
    assert notice.facts["variables"] == "LD_PRELOAD, OMP_NUM_THREADS, ONEDNN_MAX_CPU_ISA"


def test_a_contradiction_makes_the_result_invalid_whatever_was_looked_at() -> None:
    notices = tuple(found("", AUTO_JIT))
    verdict = decide_verdict(Config(), Outcome(kind="ok"), samples(), notices, CPU)
    assert (verdict.kind, [reason.kind for reason in verdict.reasons]) == ("invalid", ["environment_contradicts"])
    named = tuple(found("", {"OMP_NUM_THREADS": "1"}))
    assert decide_verdict(Config(), Outcome(kind="ok"), samples(), named, CPU).kind == "valid"
