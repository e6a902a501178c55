"""The words for every notice: what happened and what to try. The only place where they are written.

A notice's facts fill the braces; `{name:unit}` formats with `units.py`.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from resnet_bench import units
from resnet_bench.results import Notice

SENTENCES: dict[str, str] = {
    # What to expect
    "emulated_16bit": "{device} has no instructions for {precision}: it is emulated in float32, often several times "
    "slower. Measure float32 for this machine's best speed.",
    "emulated_16bit_xla": "XLA on a CPU may compute {precision} in float32 even where the CPU has 16-bit instructions. "
    "Compare with --no-xla.",
    "xla_train_cpu": "XLA trains 2 to 4 times slower than oneDNN on most CPUs. Compare with --no-xla.",
    "channels_first_cpu": "CPUs run convolutions in channels_last; channels_first is often several times slower. "
    "Use --data-format channels_last.",
    "threads_exceed_cpus": "{threads} threads share {cpus} usable cores. Use --threads {cpus}.",
    # What was cut
    "budget_cut_rounds": "The time budget allowed {ran} of {asked} rounds per process. Raise --max-time for all of "
    "them.",
    "budget_cut_processes": "The time budget allowed {ran} of {asked} processes. Raise --max-time for all of them.",
    "budget_cut_warmup": "The time budget allowed {ran} of {asked} warm-up steps. Raise --max-time, or make the work "
    "smaller.",
    # Why not valid
    "did_not_finish": "The run did not finish: {outcome}, in phase {phase}.",
    "nothing_timed": "No round was timed, so there is no throughput.",
    "loss_not_finite": "The loss was not finite in process {process}: the arithmetic ran on infinities. Lower "
    "--learning-rate, or use another --precision.",
    "few_processes": "{processes} of the {needed} processes that an interval needs. Use --preset standard, or "
    "--processes {needed} and a larger --max-time.",
    "few_rounds": "{rounds} timed rounds where {needed} are needed to see the spread. Raise --max-time or --rounds.",
    "not_resnet50": "The network is not ResNet-50 (stages {stage_sizes}, width {width}); its speed says nothing about "
    "ResNet-50.",
    "xla_compilation_unseen": "XLA was asked for, but its log shows no compilation, so the compile time is unknown.",
}

_FORMATS = {
    "rate": units.rate,
    "duration": units.duration,
    "size": units.size,
    "share": units.share,
    "count": units.count,
}


class _Formatter(string.Formatter):
    """`str.format` whose format specs may be the names of units; unknown facts read "unknown"."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "unknown"
        if format_spec in _FORMATS:
            return _FORMATS[format_spec](value)
        if isinstance(value, float) and not format_spec:
            return f"{value:g}"
        return str(super().format_field(value, format_spec))

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key)) if isinstance(key, str) else super().get_value(key, args, kwargs)


def sentence(notice: Notice) -> str:
    """The notice in words; one of an unknown kind (an older or newer record's) shows its data."""
    words = SENTENCES.get(notice.kind)
    if words is None:
        return f"{notice.kind}: {', '.join(f'{key} {value}' for key, value in notice.facts.items())}".rstrip(": ")
    return _Formatter().format(words, **notice.facts)
