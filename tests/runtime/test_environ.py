"""What stands in the environment before TensorFlow is imported, and what the user hears of it."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from resnet_bench.config import Config, RuntimeConfig, StepConfig
from resnet_bench.errors import ConfigError
from resnet_bench.records.base import Notice
from resnet_bench.runtime import HostFacts, set_environment
from tests.support.fake_host import write

HOST = HostFacts(cpus=2, cpu_flags=frozenset({"avx2"}))
GPU_FILES = {
    "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de",
    "/sys/bus/pci/devices/0000:01:00.0/class": "0x030200",
}


@pytest.fixture(autouse=True)
def _before_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)


def run(config: Config, environ: dict[str, str], root: Path = Path("/nonexistent")) -> tuple[Notice, ...]:
    return set_environment(config, HOST, environ, root)


def test_a_plain_run_sets_the_backend_onednn_and_a_quiet_log_without_comment() -> None:
    environ: dict[str, str] = {}
    assert run(Config(), environ) == ()
    assert environ["KERAS_BACKEND"] == "tensorflow"
    assert environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert environ["TF_CPP_MIN_LOG_LEVEL"] == "1"
    assert "TF_CPP_VMODULE" not in environ
    assert "CUDA_VISIBLE_DEVICES" not in environ


def test_it_refuses_once_tensorflow_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", types.ModuleType("tensorflow"))
    with pytest.raises(AssertionError, match="before the import of TensorFlow"):
        run(Config(), {})


def test_an_option_that_overrides_the_users_variable_is_told_with_both_values() -> None:
    environ = {"TF_ENABLE_ONEDNN_OPTS": "1", "KERAS_BACKEND": "jax"}
    found = run(Config(runtime=RuntimeConfig(onednn="off")), environ)
    assert [notice.kind for notice in found] == ["environment_overridden"] * 2
    assert found[0].facts == {
        "variable": "TF_ENABLE_ONEDNN_OPTS",
        "given": "1",
        "used": "0",
        "option": "--onednn off",
    }
    assert found[1].facts["given"] == "jax"
    assert environ["KERAS_BACKEND"] == "tensorflow"


def test_xla_logs_its_compilations_and_keeps_the_users_other_modules() -> None:
    environ = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_CPP_VMODULE": "bfc_allocator=2,device_compilation_profiler=0"}
    run(Config(step=StepConfig(xla=True)), environ)
    assert environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert environ["TF_CPP_VMODULE"] == "bfc_allocator=2,device_compilation_profiler=1"


def test_device_cpu_hides_every_gpu_and_sets_nothing_else_about_them(tmp_path: Path) -> None:
    environ = {"NVIDIA_TF32_OVERRIDE": "1"}
    assert run(Config(runtime=RuntimeConfig(device="cpu")), environ, write(tmp_path, GPU_FILES)) == ()
    assert environ["CUDA_VISIBLE_DEVICES"] == "-1"
    assert "CUDA_DEVICE_ORDER" not in environ


def test_device_cpu_records_the_visibility_that_the_user_had_set() -> None:
    (notice,) = run(Config(runtime=RuntimeConfig(device="cpu")), {"CUDA_VISIBLE_DEVICES": "2,3"})
    assert notice.facts["given"] == "2,3"
    assert notice.facts["used"] == "-1"


@pytest.mark.parametrize("device", ["auto", "gpu", "gpu:1"])
def test_gpu_visibility_is_never_widened(device: str) -> None:
    environ = {"CUDA_VISIBLE_DEVICES": "3", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}
    assert run(Config(runtime=RuntimeConfig(device=device)), environ) == ()
    assert environ["CUDA_VISIBLE_DEVICES"] == "3"
    assert environ["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST"


def test_a_gpu_that_the_user_hid_is_told_and_only_where_there_is_one(tmp_path: Path) -> None:
    environ = {"CUDA_VISIBLE_DEVICES": ""}
    assert run(Config(), dict(environ)) == ()
    (notice,) = run(Config(), dict(environ), write(tmp_path, GPU_FILES))
    assert notice == Notice(kind="gpu_hidden", facts={"variable": "CUDA_VISIBLE_DEVICES", "value": ""})


@pytest.mark.parametrize(("growth", "value"), [(True, "true"), (False, "false")])
def test_memory_growth_wins_over_the_variable_that_would_override_it(growth: bool, value: str) -> None:
    environ: dict[str, str] = {}
    run(Config(runtime=RuntimeConfig(memory_growth=growth)), environ)
    assert environ["TF_FORCE_GPU_ALLOW_GROWTH"] == value


@pytest.mark.parametrize(("precision", "override"), [("tf32", "0"), ("float32", "1"), ("auto", "1")])
def test_a_tf32_override_that_contradicts_the_precision_is_refused(precision: str, override: str) -> None:
    with pytest.raises(ConfigError, match="NVIDIA_TF32_OVERRIDE"):
        run(Config(step=StepConfig(precision=precision)), {"NVIDIA_TF32_OVERRIDE": override})  # type: ignore[arg-type]


@pytest.mark.parametrize(("precision", "override"), [("tf32", "1"), ("float32", "0"), ("mixed_float16", "0")])
def test_a_tf32_override_that_agrees_is_left_alone(precision: str, override: str) -> None:
    environ = {"NVIDIA_TF32_OVERRIDE": override}
    assert run(Config(step=StepConfig(precision=precision)), environ) == ()  # type: ignore[arg-type]
    assert environ["NVIDIA_TF32_OVERRIDE"] == override


def test_keras_limits_on_fit_are_removed_and_named() -> None:
    environ = {"KERAS_MAX_STEPS_PER_EPOCH": "1", "KERAS_MAX_EPOCHS": "2", "KERAS_NNX_ENABLED": "true"}
    found = run(Config(), environ)
    assert [(notice.kind, notice.facts["variable"]) for notice in found] == [
        ("environment_overridden", "KERAS_NNX_ENABLED"),
        ("environment_removed", "KERAS_MAX_EPOCHS"),
        ("environment_removed", "KERAS_MAX_STEPS_PER_EPOCH"),
    ]
    assert not {"KERAS_MAX_STEPS_PER_EPOCH", "KERAS_MAX_EPOCHS"} & set(environ)
    assert environ["KERAS_NNX_ENABLED"] == "false"


@pytest.mark.parametrize("value", ["1", "true", "True"])
def test_determinism_that_the_environment_forces_is_named(value: str) -> None:
    environ = {"TF_DETERMINISTIC_OPS": value}
    with pytest.raises(ConfigError, match="TF_DETERMINISTIC_OPS"):
        run(Config(), dict(environ))
    run(Config(runtime=RuntimeConfig(deterministic=True)), dict(environ))
    run(Config(), {"TF_DETERMINISTIC_OPS": "0"})
