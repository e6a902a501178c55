"""What an option's declaration tells `bench-cli tune`: values to try, TensorFlow's own default, related options.

`experiments/tuning/search_space.py` reads it. An option without it is varied only where --vary names values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Meta

NETWORK_MODES = ("train", "infer", "eval")


@dataclass(frozen=True)
class SearchFacts:
    """What values may depend on: the workload, and the machine it runs on.

    `precisions` are all that may be tried, `native_16bit` those of 16 bits that the device has instructions for, the
    preferred one first; `onednn` is TensorFlow's own choice for this processor.
    """

    mode: str
    device_kind: str
    cores: int
    batch_size: int
    precisions: tuple[str, ...]
    native_16bit: tuple[str, ...]
    onednn: str

    @property
    def is_cpu(self) -> bool:
        """Whether the network shares the cores with everything else."""
        return self.device_kind == "cpu"


@dataclass(frozen=True)
class Tunable:
    """How a search treats an option.

    `priority` orders the options (1 is tried first). `values` are worth trying in `modes`. `framework_default` is what
    TensorFlow, Keras or tf.data do without being told; None: what this tool's `auto` resolves to. `expected` is
    usually the fastest; None: nothing is known. Options that share a word of `related` influence each other's gain:
    when one changes, the others are tried again. Each of the three may be a function of `SearchFacts`.
    """

    priority: int
    values: Any
    framework_default: Any = None
    expected: Any = None
    related: tuple[str, ...] = ()
    modes: tuple[str, ...] = NETWORK_MODES


def tunable(priority: int, values: tuple[Any, ...] | Callable[[SearchFacts], tuple[Any, ...]], **facts: Any) -> Meta:
    """The part of a field's declaration that makes it a `Tunable`."""
    return Meta(extra={"tune": Tunable(priority, values, **facts)})


def in_case(value: Any, facts: SearchFacts) -> Any:
    """A value of a `Tunable` for these facts."""
    return value(facts) if callable(value) else value
