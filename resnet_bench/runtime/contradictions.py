"""Environment variables that change what TensorFlow and its libraries compute behind the options' back.

`contradictions` is pure: a resolved configuration, the machine and the variables in, notices out. A variable that
contradicts an option makes the result invalid, whether or not evidence was collected. Neighbours: `environ.py` sets
the variables that this package decides on, `environment.py` records all that matter, `doctor.py` shows the notices.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from resnet_bench.config import Config
from resnet_bench.records.base import Notice
from resnet_bench.records.environment import steering
from resnet_bench.records.machine import Machine
from resnet_bench.runtime.environment import variables

XLA_VARIABLE = "TF_XLA_FLAGS"
MATH_MODES = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE")
"""Variables that allow oneDNN to compute float32 operations in a smaller type."""


def contradictions(config: Config, machine: Machine, environ: Mapping[str, str]) -> tuple[Notice, ...]:
    """A notice for each variable that contradicts an option of `config` (resolved), and one that names those that
    change how TensorFlow computes without contradicting anything."""
    found = [*_xla(config, machine, environ), *_math_mode(config, machine, environ)]
    named = {str(notice.facts["variable"]) for notice in found}
    others = [name for name in steering(variables(environ)) if name not in named]
    if others:
        found.append(Notice.make("environment_steers", variables=", ".join(others)))
    return tuple(found)


def _xla(config: Config, machine: Machine, environ: Mapping[str, str]) -> Iterator[Notice]:
    given = environ.get(XLA_VARIABLE)
    if given is None or config.step.xla or config.step.mode == "input":
        return
    if auto_jit(given, machine.device_kind):
        yield _contradiction(XLA_VARIABLE, given, "--no-xla", "XLA compiles parts of the step", "--xla")


def auto_jit(flags: str, device_kind: str) -> bool:
    """Whether TF_XLA_FLAGS lets XLA compile what was not asked to be. On a CPU that takes a second flag."""
    values = _flags(flags)
    level = values.get("tf_xla_auto_jit", "0").strip().lower()
    on_cpu = values.get("tf_xla_cpu_global_jit", "false").lower() in ("true", "1")
    return level not in ("0", "-1", "off") and (device_kind != "cpu" or on_cpu)


def _flags(text: str) -> dict[str, str]:
    """Flags such as `--name=value` and `--name` by name; of one given twice the last. A file of flags is not read."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    pairs = (word.lstrip("-").partition("=") for word in words if word.startswith("-"))
    return {name: value if equals else "true" for name, equals, value in pairs}


def _math_mode(config: Config, machine: Machine, environ: Mapping[str, str]) -> Iterator[Notice]:
    precision = config.step.precision
    if machine.device_kind != "cpu" or not machine.onednn or precision != "float32" or config.step.mode == "input":
        return
    for variable in MATH_MODES:
        given = environ.get(variable, "")
        if given.upper() not in ("", "STRICT"):
            effect = "oneDNN may compute float32 in a smaller type"
            yield _contradiction(variable, given, f"--precision {precision}", effect, "--precision mixed_bfloat16")


def _contradiction(variable: str, value: str, option: str, effect: str, instead: str) -> Notice:
    return Notice.make(
        "environment_contradicts", variable=variable, value=value, option=option, effect=effect, instead=instead
    )
