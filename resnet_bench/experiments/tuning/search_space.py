"""What may be tuned on a machine: the options that change its speed, and the values that it can run. Pure.

The search starts from what TensorFlow does by itself; `promising` is where experience expects the best.
Options given on the command line are fixed, for the defaults too. Neighbours: `resolve.py` knows what a
device computes natively, `tune.py` searches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from resnet_bench.config import Config, check, options, resolved_value
from resnet_bench.config.fields import Value
from resnet_bench.config.option import find_option, to_json_value
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.records.base import Notice
from resnet_bench.records.machine import Machine
from resnet_bench.runtime.resolve import native_16bit, resolve, usable_cpus

Values = Mapping[str, Any]

ONEDNN_BY_DEFAULT = frozenset({"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"})
"""Processors with any of these flags get oneDNN from TensorFlow itself (tensorflow/core/util/port.cc, Linux)."""

TENSORFLOW_DEFAULTS: dict[str, Any] = {
    "batch_norm": "keras",
    "precision": "float32",
    "xla": False,
    "freeze": False,
    "steps_per_call": 1,
    "data_deterministic": True,
    "private_threadpool_size": 0,
    "max_intra_op_parallelism": 0,
    "inject_prefetch": True,
    "map_parallelization": True,
    "autotune": True,
    "map_and_batch_fusion": True,
    "parallel_batch": True,
}
"""What TensorFlow, Keras and tf.data do unless they are told otherwise. What it names no value for is `auto`'s."""

RELATED = (
    frozenset({"onednn", "xla", "precision", "batch_norm", "freeze", "steps_per_call"}),
    frozenset({"batch_size", "steps_per_call", "precision", "xla"}),
    frozenset({"threads", "inter_op_threads", "onednn", "xla"}),
    frozenset({"num_parallel_calls", "cycle_length", "private_threadpool_size", "max_intra_op_parallelism"}),
    frozenset({"map_and_batch_fusion", "parallel_batch", "num_parallel_calls", "prefetch_buffer_size"}),
    frozenset({"autotune", "inject_prefetch", "map_parallelization", "prefetch_buffer_size"}),
)
"""Options whose gains depend on one another: where one of them changed, the others are tried again."""


@dataclass(frozen=True)
class SearchSpace:
    """`values` of each option that may vary, `defaults` and `promising` a value for each of them. `base` holds the
    options that are fixed. Notices say what was left out."""

    base: dict[str, Any]
    values: dict[str, tuple[Any, ...]]
    defaults: dict[str, Any]
    promising: dict[str, Any]
    notices: tuple[Notice, ...] = ()

    @property
    def shown(self) -> dict[str, tuple[Value, ...]]:
        """The values as they are stored."""
        return {name: tuple(to_json_value({name: value})[name] for value in each) for name, each in self.values.items()}

    def config(self, chosen: Values) -> Config:
        """The configuration of a choice; `ConfigError` where it contradicts itself."""
        return options.build({**self.base, **chosen})[0]

    def possible(self, chosen: Values) -> bool:
        """Whether a choice contradicts itself."""
        try:
            config = options.build_unchecked({**self.base, **chosen})
            check(config)
        except ConfigError:
            return False
        counts = (config.measure.warmup, config.measure.steps)
        return all(count == "auto" or count % config.step.steps_per_call == 0 for count in counts)


def check_asked(vary: Mapping[str, Sequence[Any]], only: Iterable[str] | None) -> None:
    """Refuse names that no search on any machine has. `ConfigError` for an option that says what is computed (the
    fastest image size would be the smallest) or how it is measured."""
    for name in vary:
        if name != "batch_size" and find_option(name, "--vary").extra["role"] != "option":
            raise ConfigError(
                f"--vary {name} would not make the same work faster: it changes the work, or how it is measured.",
                f"Give one value with --{name.replace('_', '-')}; bench-cli sweep measures several.",
            )
    for name in only or ():
        find_option(name, "--only")


def make(
    given: Values,
    resolved: Config,
    machine: Machine,
    vary: Mapping[str, Sequence[Any]] | None = None,
    only: Iterable[str] | None = None,
    pipeline: bool = False,
    emulated: bool = False,
) -> SearchSpace:
    """The space of a workload on a machine.

    `given` are the user's options (fixed), `resolved` what they became. `vary` replaces the values of an option
    or adds one; `only` leaves out all other options. `pipeline` adds the input pipeline to what a network's
    mode varies, `emulated` the 16-bit types that the device has no instructions for.
    """
    clash = sorted(set(vary or {}) & set(given))
    if clash:
        raise ConfigError(f"{clash[0]} is both given and varied.", "Leave one of them out.")
    wanted = None if only is None else {find_option(name, "--only").name for name in only} | set(vary or {})
    values = dict(_values(resolved, machine, pipeline, emulated)) | {k: tuple(v) for k, v in (vary or {}).items()}
    fixed = {*given, *(("precision",) if given.get("mixed_precision") else ())}
    known = [name for name in values if name not in fixed]
    values = {name: values[name] for name in known if wanted is None or name in wanted}
    unknown = sorted((wanted or set()) - set(values))
    if unknown:
        raise ConfigError(f"--only {unknown[0]} is not among what is tuned here.", f"Options are {', '.join(known)}.")
    left_out = _left_out(machine, emulated) if "precision" in values else None
    defaults = {name: _default(name, each, resolved, machine) for name, each in values.items()}
    values = {name: tuple(dict.fromkeys((defaults[name], *each))) for name, each in values.items()}
    values = {name: each for name, each in values.items() if len(each) > 1}
    if not values:
        raise ConfigError("Nothing is left to tune.", "Give fewer options, or name values with --vary option=a,b.")
    defaults = {name: defaults[name] for name in values}
    promising = {name: _expected(name, each, defaults[name], machine) for name, each in values.items()}
    return SearchSpace(dict(given), values, defaults, promising, () if left_out is None else (left_out,))


def _values(config: Config, machine: Machine, pipeline: bool, emulated: bool) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Options in the order in which they are worth trying."""
    if config.step.mode == "input":
        yield from _pipeline(config, machine)
        return
    if machine.device_kind == "cpu":
        yield "onednn", ("on", "off")
    yield "batch_norm", ("fused", "keras")
    if config.step.mode in ("infer", "eval"):
        yield "freeze", (True, False)
    yield "precision", (*_precisions(machine, emulated),)
    batch = resolved_value(config.step.batch_size)
    yield "batch_size", tuple(size for size in (2 * batch, batch // 2, 4 * batch) if size)
    yield "xla", (True, False)
    usable = usable_cpus(machine.cpus, machine.cpu_quota)
    if machine.device_kind == "cpu":
        yield "threads", (usable, max(1, usable // 2))
    yield "inter_op_threads", tuple(dict.fromkeys((1, 2, usable)))
    yield "steps_per_call", (1, 4) if machine.device_kind == "cpu" else (1, 10)
    if pipeline and config.data.source != "synthetic":
        yield from _pipeline(config, machine)


def _pipeline(config: Config, machine: Machine) -> Iterator[tuple[str, tuple[Any, ...]]]:
    usable = usable_cpus(machine.cpus, machine.cpu_quota)
    yield "private_threadpool_size", (usable, 2 * usable, 0)
    yield "max_intra_op_parallelism", (1, 0)
    yield "decode", ("fused", "full")
    yield "num_parallel_calls", (usable, 2 * usable, 4 * usable)
    yield "prefetch_buffer_size", (1, 2, 4, 8)
    yield "data_deterministic", (True, False)
    yield "cycle_length", (max(2, usable), 4 * usable)
    yield "block_length", (1, 16)
    yield "map_and_batch_fusion", (True, False)
    yield "parallel_batch", (True, False)
    yield "inject_prefetch", (False, True)
    yield "map_parallelization", (False, True)
    yield "autotune", (True, False)
    if config.step.mode == "input":
        batch = resolved_value(config.step.batch_size)
        yield "batch_size", tuple(size for size in (2 * batch, batch // 2) if size)


def _precisions(machine: Machine, emulated: bool) -> list[str]:
    """float32 and what the device computes by itself; with `emulated` all that it can be made to run."""
    found = ["float32", *native_16bit(machine)]
    if (machine.gpu_compute_capability or (0, 0)) >= (8, 0):
        found.append("tf32")
    return list(dict.fromkeys([*found, *(_ALL_16BIT if emulated else ())]))


_ALL_16BIT = ("mixed_bfloat16", "mixed_float16")


def _left_out(machine: Machine, emulated: bool) -> Notice | None:
    missing = [name for name in _ALL_16BIT if name not in _precisions(machine, emulated)]
    if not missing:
        return None
    return Notice.make("tune_emulated_left_out", precisions=", ".join(missing), device=machine.device)


def _default(name: str, values: Sequence[Any], resolved: Config, machine: Machine) -> Any:
    """What TensorFlow does by itself; what it leaves open is what this tool's `auto` came to."""
    if name == "onednn":
        if machine.cpu_flags:
            return "on" if machine.cpu_flags & ONEDNN_BY_DEFAULT else "off"
        return "auto"
    if name in TENSORFLOW_DEFAULTS:
        return TENSORFLOW_DEFAULTS[name]
    return value_of(resolved, name) if value_of(resolved, name) is not None else values[0]


def _expected(name: str, values: Sequence[Any], default: Any, machine: Machine) -> Any:
    """The value that is usually the fastest; the default where experience says nothing."""
    usable = usable_cpus(machine.cpus, machine.cpu_quota)
    guess = {
        "onednn": "on",
        "batch_norm": "fused",
        "freeze": True,
        "private_threadpool_size": usable,
        "max_intra_op_parallelism": 1,
        "decode": "fused",
        "inject_prefetch": False,
        "map_parallelization": False,
        "map_and_batch_fusion": True,
        "parallel_batch": False,
    }
    if machine.device_kind == "gpu":
        guess |= {"precision": next(iter(native_16bit(machine)), "float32"), "xla": True}
    return guess[name] if name in guess and guess[name] in values else default


def value_of(config: Config, name: str) -> Any:
    """The value that a configuration gives to an option."""
    return find_option(name, "the search").value_in(config)


def single_changes(space: SearchSpace, chosen: Values) -> Iterator[dict[str, Any]]:
    """Every choice that differs from `chosen` in one option."""
    for name, values in space.values.items():
        for value in values:
            if value != chosen[name]:
                yield {**chosen, name: value}


def paired_changes(space: SearchSpace, chosen: Values, hopeful: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Every choice that differs from `chosen` in two related options, both among the `hopeful`."""
    for one, two in combinations(space.values, 2):
        if {one, two} <= hopeful and related(one, two):
            for first in space.values[one]:
                for second in space.values[two]:
                    if first != chosen[one] and second != chosen[two]:
                        yield {**chosen, one: first, two: second}


def related(one: str, two: str) -> bool:
    """Whether the gain of one option depends on the other."""
    return any({one, two} <= group for group in RELATED)


def warnings(space: SearchSpace, chosen: Values, machine: Machine) -> tuple[Notice, ...]:
    """What a choice makes the machine emulate or do slowly."""
    try:
        return resolve(space.config(chosen), machine)[1]
    except BenchError:
        return ()
