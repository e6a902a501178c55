"""Words of A/B results. Pure.

Neighbours: `report/terminal/` and `report/page/` show them.
"""

from __future__ import annotations

import shlex

from resnet_bench import units
from resnet_bench.records.ab import AbRecord, AbResult
from resnet_bench.records.base import Difference, Notice
from resnet_bench.records.noise_floor import NoiseFloor
from resnet_bench.records.tuning import words
from resnet_bench.report.words.comparison import ratio
from resnet_bench.report.words.next_step import non_default, step

MIN_PAIRS = 3


def finding(record: AbRecord, result: AbResult) -> str:
    """What the ratio says. Two identical sides that differ are a false positive."""
    if record.kind == "ab" or result.finding == "inconclusive":
        return result.finding
    return "no difference (expected)" if result.finding == "no difference" else f"false positive ({result.finding})"


def rows(record: AbRecord, result: AbResult, floor: NoiseFloor | None = None) -> list[tuple[str, str]]:
    """The sides and how they were measured, each with its name."""
    listed = [
        ("A", f"{units.rate(result.images_per_s_a)}  {result.label_a}".rstrip()),
        ("B", f"{units.rate(result.images_per_s_b)}  {result.label_b}".rstrip()),
        ("differs in", _differences((*record.workload, *record.options))),
        ("pairs", f"ratio {', '.join(ratio(pair.ratio) for pair in result.pairs)}{_how(result)}"),
        ("measured", _measured(record, result)),
        ("start order", _start_order(result)),
    ]
    if result.resolution is not None:
        listed.insert(3, ("resolution", f"{units.share(result.resolution)}: smaller differences cannot be detected"))
    if floor is not None and record.kind == "noise":
        listed.insert(0, ("noise floor", f"{units.share(floor.floor)} for comparisons of {floor.kind} on this machine"))
        spread = (
            f"{units.share(floor.pair_sd)} between interleaved pairs, {units.share(floor.process_sd)} between processes"
        )
        listed.insert(1, ("variation", spread))
    return [(name, words) for name, words in listed if words]


def _differences(found: tuple[Difference, ...]) -> str:
    return ", ".join(f"{each.field} ({each.base}, {each.new})" for each in found)


def _measured(record: AbRecord, result: AbResult) -> str:
    rounds = sorted({len(pair.a) for pair in result.pairs})
    steps = sorted({one.steps for pair in result.pairs for one in pair.a})
    count = len(result.pairs)
    return (
        f"{count} pair{'' if count == 1 else 's'} of processes, {_span(rounds)} interleaved rounds of "
        f"{_span(steps)} step{'' if steps == [1] else 's'}, {units.duration(record.wall_s)} in all"
    )


def _how(result: AbResult) -> str:
    """Why the ratio need not be that of the two rates: these are totals, which drift and pauses affect."""
    return " (medians over neighbouring rounds; A and B above are totals)" if result.pairs[0].interleaved else ""


def _start_order(result: AbResult) -> str:
    """Empty for records of before it was drawn."""
    first = [pair.started_first for pair in result.pairs]
    if None in first:
        return ""
    return f"A's process was started first in {first.count('a')} of {len(first)} pairs"


def _span(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def notes(record: AbRecord, floor: NoiseFloor | None = None) -> list[str]:
    """Notes on the result, in sentences."""
    notices: list[tuple[str, Notice]] = []
    if record.result is not None:
        notices += [("", notice) for notice in record.result.notices]
    shared = [notice for notice in record.a.notices if notice in record.b.notices]
    notices += [("", notice) for notice in shared]
    for name, side in (("A: ", record.a), ("B: ", record.b)):
        notices += [(name, notice) for notice in side.notices if notice not in shared]
    lines = [f"{name}{notice.message}" for name, notice in notices]
    result = record.result
    if record.workload:
        lines.insert(0, "The sides do different work: the ratio compares images per second of different workloads.")
    if result is not None and record.kind == "ab" and floor is not None and _below(result, floor):
        lines.insert(0, f"The difference is smaller than this machine's noise floor of {units.share(floor.floor)}.")
    return list(dict.fromkeys(lines))


def _below(result: AbResult, floor: NoiseFloor) -> bool:
    return max(result.ratio.value, 1 / result.ratio.value) - 1 < floor.floor


def next_step(record: AbRecord, floor: NoiseFloor | None = None) -> str:
    """What to do with the ratio, with the command that does it."""
    result = record.result
    if result is None:
        return step("inspect the machine", ["bench-cli", "doctor"])
    more = ["--pairs", str(2 * max(len(result.pairs), MIN_PAIRS))]
    if record.kind == "noise" and floor is None:
        return step("measure the noise floor", ["bench-cli", "noise", *words(non_default(record.a.requested)), *more])
    if floor is not None and record.kind == "noise":
        return f"compare and ab now point out differences below {units.share(floor.floor)}, the noise floor."
    if result.finding in ("inconclusive", "no difference"):
        return step("detect smaller differences", ["bench-cli", "ab", *_sides(record), *more])
    flags = words(non_default(record.b.requested))
    if result.finding == "slower":
        return step("why is B slower?", ["bench-cli", "profile", *flags])
    return step("measure B by itself", ["bench-cli", "run", *flags])


def _sides(record: AbRecord) -> list[str]:
    """The arguments of `ab`: what is A's alone, what is B's alone, then what both share."""
    a, b = non_default(record.a.requested), non_default(record.b.requested)
    both = {name: value for name, value in a.items() if name in b and b[name] == value}
    own = [shlex.join(words({name: side[name] for name in side if name not in both})) for side in (a, b)]
    return [*own, *words(both)]
