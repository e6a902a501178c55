"""The rows of a record's summary: times, cold start, memory, what was measured, network, images. Pure.

Neighbours: `record.py` has headline and throughput; `report/terminal/text.py` and `report/page/record_sections.py` show
them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from resnet_bench import units
from resnet_bench.analysis.summary import PERCENTILES, samples_needed
from resnet_bench.records.base import Estimate
from resnet_bench.records.record import Record
from resnet_bench.records.run import ColdStart
from resnet_bench.records.summary import Latency, Summary
from resnet_bench.report.words import evidence, roofline

_STEADY_WORDS = {
    "still_drifting": "still drifting",
    "slowing_down": "slowing down",
    "bimodal": "bimodal",
    "unknown": "unknown, too few rounds",
}


def time_rows(summary: Summary) -> list[tuple[str, str]]:
    """Step time and latency; a text is empty where nothing was measured."""
    dispatch = ""
    if summary.dispatch_s is not None:
        dispatch = f", host dispatch {units.share(summary.dispatch_s / summary.timed_s)}"
    return [
        ("step time", f"{units.duration(summary.step_s.value)} mean{dispatch}"),
        ("latency", _latency(summary.step_latency_s)),
    ]


def fact_rows(record: Record, summary: Summary) -> list[tuple[str, str]]:
    """The other rows of the summary (name, text); rows with empty text are dropped."""
    return [
        ("loss", _loss(record)),
        ("split", _split(summary)),
        ("cold start", _cold_start(summary.cold_start_s, summary.cold_start_total_s)),
        ("memory", _memory(summary)),
        ("measured", _measured(record)),
        ("steady state", _steady(record)),
        ("network", _network(record)),
        ("images", _images(record)),
        ("option checks", evidence.line(record)),
        ("output error", evidence.outputs(record.output_error)),
        ("roofline", roofline.line(record.roofline)),
        ("energy", roofline.energy_line(record.energy)),
    ]


def _latency(latency: Latency | None) -> str:
    if latency is None:
        return ""
    shown = []
    for p in PERCENTILES:
        estimate: Estimate | None = getattr(latency, f"p{p:g}")
        if estimate is None:
            shown.append(f"p{p:g} n/a (needs {samples_needed(p)} samples)")
            break
        shown.append(f"p{p:g} {units.duration(estimate.value)}")
    return f"{', '.join(shown)}; {latency.samples} single steps"


def _loss(record: Record) -> str:
    """The loss of the last step, and the accuracy of an evaluation; of an untrained network."""
    results = [process.result for process in record.samples.processes if process.rounds]
    if not results or results[0].loss is None:
        return ""
    first = results[0]
    words = [units.significant(results[0].loss)]
    if first.images and first.top1 is not None and first.top5 is not None:
        hits = f"top-1 {units.share(first.top1 / first.images)}, top-5 {units.share(first.top5 / first.images)}"
        words.append(f"{hits} of {first.images:,} images")
    return ", ".join(words) + " (random weights)"


def _split(summary: Summary) -> str:
    split = summary.split
    if split is None:
        return ""
    parts = [("forward", split.forward_s), ("backward", split.backward_s), ("optimizer", split.optimizer_s)]
    words = ", ".join(f"{name} {units.duration(seconds)}" for name, seconds in parts)
    return f"{words}, residual {units.duration(split.residual_s)} of {units.duration(split.whole_s)}"


def _cold_start(cold: ColdStart, total_s: float | None) -> str:
    names = {
        "process_s": "process",
        "import_s": "import",
        "start_s": "device",
        "build_s": "build",
        "trace_s": "trace",
        "first_step_s": "first step",
        "data_s": "data",
    }
    known = [(words, getattr(cold, name)) for name, words in names.items() if getattr(cold, name) is not None]
    text = ", ".join(f"{words} {units.duration(seconds)}" for words, seconds in known)
    if cold.compile_s is not None:
        text += f" (of the first step, XLA compilation {units.duration(cold.compile_s)})"
    return f"{units.duration(total_s)}: {text}" if total_s is not None else ""


def _memory(summary: Summary) -> str:
    words = []
    if summary.peak_host_bytes is not None:
        words.append(f"host peak {units.size(summary.peak_host_bytes)}")
    if summary.peak_device_bytes is not None:
        words.append(f"device peak {units.size(summary.peak_device_bytes)}")
    if summary.reserved_device_bytes is not None:
        words.append(f"reserved {units.size(summary.reserved_device_bytes)}")
    return ", ".join(words)


def _measured(record: Record) -> str:
    measured = [process for process in record.samples.processes if process.rounds]
    rounds = [len(process.rounds) for process in measured]
    counted = str(rounds[0]) if len(set(rounds)) == 1 else f"{min(rounds)} to {max(rounds)}"
    steps = measured[0].rounds[0].steps
    wall = f", {units.duration(record.wall_s)} in all" if record.wall_s is not None else ""
    return (
        f"{_plural(len(measured), 'process', 'processes')}, {counted} round{'' if rounds == [1] else 's'} of "
        f"{_plural(steps, 'step', 'steps')} each{wall}"
    )


def _steady(record: Record) -> str:
    """Where the steady state began, or what was found instead; counted by process where they differ."""
    measured = [process for process in record.samples.processes if process.rounds]
    known = [process.steady for process in measured if process.steady is not None]
    found = Counter(steadiness.kind for steadiness in known)
    steps = [steadiness.from_step for steadiness in known if steadiness.from_step is not None]
    words = {**_STEADY_WORDS, "reached": f"reached at step {_span(steps)}"}
    parts = [words[kind] if number == len(known) else f"{number} x {words[kind]}" for kind, number in found.items()]
    left_out = sum(process.first_counted_round for process in measured)
    if left_out:
        parts.append(f"{_plural(left_out, 'round', 'rounds')} before it not counted")
    return ", ".join(parts)


def _span(numbers: Sequence[int]) -> str:
    """ "3", "3 to 9", or nothing."""
    return " to ".join(str(number) for number in sorted({min(numbers), max(numbers)})) if numbers else ""


def _plural(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _network(record: Record) -> str:
    model = record.model
    if model is None:
        return ""
    return (
        f"{model.convolutions} convolutions, {model.trainable_parameters:,} trainable parameters, "
        f"{units.count(model.macs)}MAC per image"
    )


def _images(record: Record) -> str:
    data = record.data
    if data is None:
        return ""
    words = [data.source]
    if data.images is not None:
        words.append(f"{data.images:,} images")
    if data.mean_pixels is not None and data.mean_bytes_per_pixel is not None:
        words.append(
            f"on average {units.count(data.mean_pixels)}pixels and {data.mean_bytes_per_pixel:.2f} bytes per pixel"
        )
    if data.skipped_records:
        words.append(f"{_plural(data.skipped_records, 'bad record', 'bad records')} skipped")
    return ", ".join(words)
