"""Everything that must stand in the environment before TensorFlow is imported.

Owns the variables this package sets, and never changes one in silence: a value of the user's that is
overridden becomes a `Notice` with both values. Neighbours: `cpu.py` and `gpu.py` decide, `state.py` does
what can wait until TensorFlow is there. No TensorFlow.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from resnet_bench.config import Config
from resnet_bench.errors import ConfigError
from resnet_bench.records.base import Notice
from resnet_bench.runtime import gpu
from resnet_bench.runtime.cgroup import ROOT
from resnet_bench.runtime.cpu import ONEDNN_VARIABLE, HostFacts, choose_onednn
from resnet_bench.runtime.keras_backend import BACKEND_VARIABLE, NNX_VARIABLE, TENSORFLOW

COMPILATION_LOG = "device_compilation_profiler=1"
TF32_VARIABLE = "NVIDIA_TF32_OVERRIDE"
DETERMINISM_VARIABLE = "TF_DETERMINISTIC_OPS"
KERAS_LIMITS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")
"""Variables with which Keras cuts `fit` short."""


class _Changes:
    """Sets and removes variables, and keeps a notice for each value of the user's that it changes."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self.environ = environ
        self.notices: list[Notice] = []

    def set(self, variable: str, value: str, option: str) -> None:
        """Make `variable` be `value` because of `option`."""
        given = self.environ.get(variable)
        if given is not None and given != value:
            facts = {"variable": variable, "given": given, "used": value, "option": option}
            self.notices.append(Notice.make("environment_overridden", **dict(facts)))
        self.environ[variable] = value

    def remove(self, variable: str, why: str) -> None:
        """Take `variable` out of the environment because of `why`."""
        given = self.environ.pop(variable, None)
        if given is not None:
            self.notices.append(Notice.make("environment_removed", variable=variable, value=given, why=why))


def set_environment(
    config: Config, host: HostFacts, environ: MutableMapping[str, str] | None = None, root: Path = ROOT
) -> tuple[Notice, ...]:
    """Set oneDNN, logging, Keras backend and GPU visibility for `config`; returns what a reader must know.

    Refuses to run once TensorFlow is imported: it would have no effect. Raises `ConfigError` where
    NVIDIA_TF32_OVERRIDE contradicts `--precision`, or TF_DETERMINISTIC_OPS `--no-deterministic`. `environ` and `root`
    stand in for the real ones in tests.
    """
    assert "tensorflow" not in sys.modules, "set_environment comes before the import of TensorFlow"
    changes = _Changes(os.environ if environ is None else environ)
    _set_onednn(config, host, changes)
    _set_logging(config, changes)
    _check_determinism(config, changes.environ)
    _set_keras(changes)
    if config.runtime.device == "cpu":
        changes.set(gpu.VISIBLE_VARIABLE, "-1", "--device cpu")
    else:
        _set_gpu(config, changes, root)
    return tuple(changes.notices)


def _set_onednn(config: Config, host: HostFacts, changes: _Changes) -> None:
    value, notices = choose_onednn(config, host, changes.environ)
    changes.notices.extend(notices)
    if value is not None:
        changes.set(ONEDNN_VARIABLE, value, f"--onednn {config.runtime.onednn}")


def _set_keras(changes: _Changes) -> None:
    """Keras on TensorFlow, without what would make `fit` do less than requested.

    Another backend's extension (NNX), which a keras.json may ask for, would end Keras' import.
    """
    changes.set(BACKEND_VARIABLE, TENSORFLOW, "the package")
    changes.set(NNX_VARIABLE, "false", "the package")
    for variable in KERAS_LIMITS:
        changes.remove(variable, "it makes model.fit run fewer steps than requested")


def forces_determinism(environ: Mapping[str, str]) -> bool:
    """Whether TensorFlow uses deterministic operations because of its variable."""
    return environ.get(DETERMINISM_VARIABLE, "").lower() in ("1", "true")


def _check_determinism(config: Config, environ: Mapping[str, str]) -> None:
    """TensorFlow obeys this variable whatever is set later."""
    if forces_determinism(environ) and not config.runtime.deterministic:
        raise ConfigError(
            f"{DETERMINISM_VARIABLE}={environ[DETERMINISM_VARIABLE]} in the environment contradicts "
            "--no-deterministic.",
            f"Unset {DETERMINISM_VARIABLE}, or use --deterministic.",
        )


def _set_logging(config: Config, changes: _Changes) -> None:
    """Warnings and errors; under XLA also one line per compilation.

    The log goes to a file and nothing reads it in a timed block, which is why no notice is made of it.
    """
    if config.step.xla:
        log_compilations(changes.environ)
    else:
        changes.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")


def log_compilations(environ: MutableMapping[str, str]) -> None:
    """Let XLA log a line per compilation, which `xla_log.py` reads. Those lines are INFO, so the level must be 0."""
    environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
    modules = [part for part in environ.get("TF_CPP_VMODULE", "").split(",") if part]
    kept = [part for part in modules if part.partition("=")[0] != COMPILATION_LOG.partition("=")[0]]
    environ["TF_CPP_VMODULE"] = ",".join([*kept, COMPILATION_LOG])


def _set_gpu(config: Config, changes: _Changes, root: Path) -> None:
    """Settings of runs that may use a GPU. What the user hid stays hidden; nothing is made visible."""
    environ = changes.environ
    _check_tf32(config, environ.get(TF32_VARIABLE))
    if gpu.hidden(environ) and gpu.look_for_gpus(root).present:
        value = environ[gpu.VISIBLE_VARIABLE]
        changes.notices.append(Notice.make("gpu_hidden", variable=gpu.VISIBLE_VARIABLE, value=value))
    # nvidia-smi's order, so that gpu:N is the GPU that a user finds under N there.
    environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    growth = config.runtime.memory_growth
    changes.set(
        "TF_FORCE_GPU_ALLOW_GROWTH",
        "true" if growth else "false",
        "--memory-growth" if growth else "--no-memory-growth",
    )


def _check_tf32(config: Config, override: str | None) -> None:
    """NVIDIA's libraries obey this variable above TensorFlow's switch, so it must not contradict."""
    precision = config.step.precision
    if precision == "auto":
        precision = "float32"
    contradicts = (precision == "tf32" and override == "0") or (precision == "float32" and override == "1")
    if contradicts and not config.step.mixed_precision:
        raise ConfigError(
            f"{TF32_VARIABLE}={override} in the environment contradicts --precision {precision}.",
            f"Unset {TF32_VARIABLE}, or choose --precision {'float32' if override == '0' else 'tf32'}.",
        )
