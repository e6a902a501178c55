"""What may be tuned on a machine: the options that change its speed, and the values that it can run. Pure.

Each option's declaration says what is worth trying (`config/tunable.py`). The search starts from what TensorFlow does
by itself; `promising` has the values that are usually the fastest. Options given on the command line are fixed, for
the defaults too. Neighbours: `runtime/resolve.py` knows what a device computes natively, `tune.py` searches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from resnet_bench.config import Config, DataConfig, check, options, resolved_value
from resnet_bench.config.fields import Value
from resnet_bench.config.option import find_option, to_json_value
from resnet_bench.config.tunable import SearchFacts, Tunable, in_case
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.records.base import Notice
from resnet_bench.records.machine import Machine
from resnet_bench.runtime.resolve import native_16bit, resolve, usable_cpus

Values = Mapping[str, Any]

ONEDNN_BY_DEFAULT = frozenset({"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"})
"""Processors with any of these flags get oneDNN from TensorFlow itself (tensorflow/core/util/port.cc, Linux)."""


@dataclass(frozen=True)
class SearchSpace:
    """`values` of each option that may vary, `defaults` and `promising` a value for each of them. `base` holds the
    options that are fixed. Notices name what was left out."""

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
        """Whether a choice can be run: it does not contradict itself."""
        try:
            config = options.build_unchecked({**self.base, **chosen})
            check(config)
        except ConfigError:
            return False
        counts = (config.measure.warmup, config.measure.steps)
        return all(count == "auto" or count % config.step.steps_per_call == 0 for count in counts)


def check_asked(vary: Mapping[str, Sequence[Any]], only: Iterable[str] | None) -> None:
    """Refuse names that cannot be searched on any machine: `ConfigError` for an option that changes the work (the
    fastest image size would be the smallest) or how it is measured."""
    for name in vary:
        if name != "batch_size" and find_option(name, "--vary").extra["role"] != "option":
            raise ConfigError(
                f"--vary {name} cannot be tuned: it changes the work, or how it is measured.",
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
    """The search space of a workload on a machine.

    `given` are the user's options (fixed), `resolved` what they became. `vary` replaces the values of an option
    or adds one; `only` leaves out all other options. `pipeline` adds the input pipeline to what a network's
    mode varies, `emulated` the 16-bit types that the device has no instructions for.
    """
    clash = sorted(set(vary or {}) & set(given))
    if clash:
        raise ConfigError(f"{clash[0]} is both given and varied.", "Leave one of them out.")
    wanted = None if only is None else {find_option(name, "--only").name for name in only} | set(vary or {})
    facts = _facts(resolved, machine, emulated)
    pipeline = resolved.step.mode == "input" or (pipeline and resolved.data.has_pipeline)
    values = _values(facts, pipeline) | {name: tuple(each) for name, each in (vary or {}).items()}
    fixed = {*given, *(("precision",) if given.get("mixed_precision") else ())}
    known = [name for name in values if name not in fixed]
    values = {name: values[name] for name in known if wanted is None or name in wanted}
    unknown = sorted((wanted or set()) - set(values))
    if unknown:
        raise ConfigError(
            f"--only {unknown[0]} is not tuned for this workload and machine.", f"Options are {', '.join(known)}."
        )
    left_out = _left_out(machine, emulated) if "precision" in values else None
    defaults = {name: _default(name, each, resolved, facts) for name, each in values.items()}
    values = {name: tuple(dict.fromkeys((defaults[name], *each))) for name, each in values.items()}
    values = {name: each for name, each in values.items() if len(each) > 1}
    if not values:
        raise ConfigError("Nothing is left to tune.", "Give fewer options, or name values with --vary option=a,b.")
    defaults = {name: defaults[name] for name in values}
    promising = {name: _expected(name, each, defaults[name], facts) for name, each in values.items()}
    return SearchSpace(dict(given), values, defaults, promising, () if left_out is None else (left_out,))


def _values(facts: SearchFacts, pipeline: bool) -> dict[str, tuple[Any, ...]]:
    """Values of the options worth trying, in the order in which they are; `pipeline` includes tf.data's."""
    input_alone = facts.mode == "input"
    found = []
    for option in options.options():
        tune: Tunable | None = option.extra.get("tune")
        of_pipeline = option.owner is DataConfig
        if tune is not None and (pipeline if of_pipeline else facts.mode in tune.modes):
            found.append((of_pipeline is not input_alone, tune.priority, option.name, in_case(tune.values, facts)))
    return {name: values for _, _, name, values in sorted(found) if values}


def _facts(config: Config, machine: Machine, emulated: bool) -> SearchFacts:
    return SearchFacts(
        mode=config.step.mode,
        device_kind=machine.device_kind,
        cores=usable_cpus(machine.cpus, machine.cpu_quota),
        batch_size=resolved_value(config.step.batch_size),
        precisions=tuple(_precisions(machine, emulated)),
        native_16bit=native_16bit(machine),
        onednn=_onednn_by_default(machine),
    )


def _onednn_by_default(machine: Machine) -> str:
    if not machine.cpu_flags:
        return "auto"
    return "on" if machine.cpu_flags & ONEDNN_BY_DEFAULT else "off"


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


def _default(name: str, values: Sequence[Any], resolved: Config, facts: SearchFacts) -> Any:
    """What TensorFlow does by itself; what it leaves open is what this tool's `auto` resolved to."""
    tune = _tunable(name)
    own = None if tune is None else in_case(tune.framework_default, facts)
    if own is None:
        own = value_of(resolved, name)
    return values[0] if own is None else own


def _expected(name: str, values: Sequence[Any], default: Any, facts: SearchFacts) -> Any:
    """The value that is usually the fastest; the default if none is known."""
    tune = _tunable(name)
    guess = None if tune is None else in_case(tune.expected, facts)
    return guess if guess is not None and guess in values else default


def _tunable(name: str) -> Tunable | None:
    found: Tunable | None = find_option(name, "the search").extra.get("tune")
    return found


def value_of(config: Config, name: str) -> Any:
    """The value that a configuration gives to an option."""
    return find_option(name, "the search").value_in(config)


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
    groups = [set(tune.related) if (tune := _tunable(name)) else set() for name in (one, two)]
    return bool(groups[0] & groups[1])


def warnings(space: SearchSpace, chosen: Values, machine: Machine) -> tuple[Notice, ...]:
    """What a choice makes the machine emulate or do slowly."""
    try:
        return resolve(space.config(chosen), machine)[1]
    except BenchError:
        return ()
