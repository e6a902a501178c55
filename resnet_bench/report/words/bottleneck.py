"""Words of bottleneck results. Pure.

Neighbours: `report/terminal/` and `report/page/` show them.
"""

from __future__ import annotations

from resnet_bench import units
from resnet_bench.analysis.bottleneck import AU_PASS
from resnet_bench.records.base import Estimate, Notice, distinct
from resnet_bench.records.bottleneck import Analysis, BottleneckRecord, CoreUse
from resnet_bench.report.words.next_step import PIPELINE_OPTIONS, command_like, step

_POSSIBLE = {
    "own device": "the lower of the two: the model has its own device",
    "shared cores": "1 / (1/model + 1/pipeline): both share the cores",
}


def notices(result: BottleneckRecord) -> tuple[Notice, ...]:
    """The remarks of the analysis, and warnings."""
    found = result.analysis.notices if result.analysis is not None else ()
    return distinct((*found, *result.warnings))


def balance(found: Analysis) -> str:
    """The speed of the pipeline against that of the model, in words."""
    times = units.significant(found.balance.value)
    return f"the pipeline alone is {times} x as fast as the model alone{_between(found.balance)}"


def _between(estimate: Estimate, as_share: bool = False) -> str:
    """ " (95 % CI 0.95 to 1.02)", or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    word = units.share if as_share else units.significant
    return f" (95 % CI {word(estimate.low)} to {word(estimate.high)})"


def rows(result: BottleneckRecord, found: Analysis) -> list[tuple[str, str]]:
    """What was measured and what follows, each with its name."""
    listed = [
        ("model alone", f"{units.rate(found.model.value)}{_between(found.model)}"),
        ("pipeline alone", f"{units.rate(found.pipeline.value)}{_between(found.pipeline)}"),
        ("end to end", f"{units.rate(found.end_to_end.value)}{_between(found.end_to_end)}"),
        ("possible", f"{units.rate(found.bound.value)}, {_POSSIBLE[found.sharing]}"),
        ("efficiency", f"{units.share(found.efficiency.value)} of what is possible{_between(found.efficiency, True)}"),
        ("stall", _stall(found)),
        ("accelerator", _utilisation(found)),
        ("cores", _cores(found, found.cores)),
        ("measured", _measured(result)),
    ]
    return [(name, words) for name, words in listed if words]


def _stall(found: Analysis) -> str:
    share = found.stall_share
    if share.value <= 0:
        return f"none: a step ({units.duration(found.step_s)}) takes no longer than the model alone"
    why = "waits for input" if found.sharing == "own device" else "goes to the input pipeline, or to waiting for it"
    seconds = f"{units.duration(found.stall_s)} of {units.duration(found.step_s)}"
    return f"{units.share(share.value)} of a step ({seconds}) {why}{_between(share, True)}"


def _utilisation(found: Analysis) -> str:
    if found.utilisation is None:
        return ""
    words = {True: "passes", False: "fails", None: "inconclusive"}[found.utilisation_passes]
    return (
        f"{units.share(found.utilisation.value)} utilised{_between(found.utilisation, True)}; {words} at "
        f"{units.share(AU_PASS)} (AU of MLPerf Storage)"
    )


def _cores(found: Analysis, cores: CoreUse | None) -> str:
    if cores is None:
        return _workers_elsewhere(found)
    each = f"an image costs {units.duration(cores.cpu_s_per_image)} of a core"
    busy = f"the pipeline alone keeps {units.significant(cores.busy)} of {cores.usable} busy"
    return "; ".join([each, busy, *([_wanted(found, cores)] if found.stall_share.value > 0 else [])])


def _workers_elsewhere(found: Analysis) -> str:
    """What would remove the stall where a service on other hosts makes the images."""
    if found.balance.value >= 1:
        return ""
    return f"{units.significant(1 / found.balance.value)} times as many tf.data service workers would remove the stall"


def _wanted(found: Analysis, cores: CoreUse) -> str:
    """What would remove the stall."""
    fed = f"{_plural(cores.to_feed)} would feed the model at full speed"
    if found.sharing == "own device":
        return f"{fed}, {cores.more} more than available" if cores.more else fed
    return f"{_plural(cores.more)} more for the input alone (such as tf.data service workers) would remove the stall"


def _plural(cores: int) -> str:
    return f"{cores} core{'' if cores == 1 else 's'}"


def _measured(result: BottleneckRecord) -> str:
    rounds = sorted({len(each.end_to_end) for each in result.repetitions})
    spans = str(rounds[0]) if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
    count = len(result.repetitions)
    how = "interleaved" if all(each.interleaved for each in result.repetitions) else "one process after the other"
    return (
        f"{count} repetition{'' if count == 1 else 's'} of 3 processes, {spans} rounds of each, {how}, "
        f"{units.duration(result.wall_s)} in all"
    )


def next_step(result: BottleneckRecord) -> str:
    """What removes the bottleneck, with the command that finds it."""
    if result.analysis is None:
        return step("inspect the machine", ["bench-cli", "doctor"])
    match result.analysis.answer:
        case "input-bound":
            return step("find the slow stage", command_like("data bench", result.config, only=PIPELINE_OPTIONS))
        case "compute-bound":
            return step("where does a step's time go?", command_like("profile", result.config))
        case "balanced":
            return step("find faster options", command_like("tune", result.config))
    more = {"processes": max(3, 2 * len(result.repetitions))}
    return step("repeat it more often", command_like("bottleneck", result.config, more))
