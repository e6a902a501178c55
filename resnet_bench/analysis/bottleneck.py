"""What limits a training step, its model or its input pipeline, from three measured speeds. Pure.

Neighbours: `records/bottleneck.py` has the types, `experiments/bottleneck.py` measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from resnet_bench.analysis import ratio
from resnet_bench.records.ab import rate
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.bottleneck import Analysis, BottleneckSamples, CoreUse, Limit, Sharing

BORDER = 1.1
"""Speeds of model and pipeline within this factor of each other are balanced."""


AU_PASS = 0.9
"""MLPerf Storage asks this accelerator utilisation of ResNet-50: mlcommons/storage, Submission_guidelines.md of v2.0,
table 1; its section 3 defines it as the time of the accelerators relative to the whole time."""


REACHED = 0.9
"""Efficiency below which the two slow each other down."""


EXCEEDED = 1.1
"""Efficiency above which one of the two was measured too low."""


FEWEST_ROUNDS = 4
"""Rounds that may replace an interval where there is one repetition."""


def bound(model: float, pipeline: float, sharing: Sharing) -> float:
    """Images/s that are possible with model and pipeline together."""
    return min(model, pipeline) if sharing == "own device" else 1 / (1 / model + 1 / pipeline)


def efficiency(repetitions: Sequence[BottleneckSamples], sharing: Sharing) -> Estimate:
    """End to end over what is possible, with its t-interval over repetitions."""
    return _over(repetitions, lambda whole, model, pipeline: whole / bound(model, pipeline, sharing))


def answer(repetitions: Sequence[BottleneckSamples]) -> Limit:
    """Which of the two limits the step: pipeline over model, against `BORDER` on either side of 1.

    An interval that spans a border is inconclusive. One repetition has no interval; then all its rounds must agree.
    """
    found = _over(repetitions, _balance)
    if found.low is not None and found.high is not None:
        return _zone(found.low, found.high)
    (only,) = repetitions
    rounds = only.each(_balance) if only.interleaved else []
    return _zone(min(rounds), max(rounds)) if len(rounds) >= FEWEST_ROUNDS else "inconclusive"


def _balance(_whole: float, model: float, pipeline: float) -> float:
    return pipeline / model


def _zone(low: float, high: float) -> Limit:
    if high < 1 / BORDER:
        return "input-bound"
    if low > BORDER:
        return "compute-bound"
    return "balanced" if low >= 1 / BORDER and high <= BORDER else "inconclusive"


def _over(repetitions: Sequence[BottleneckSamples], of: Callable[[float, float, float], float]) -> Estimate:
    return ratio.paired([each.median(of) for each in repetitions]).estimate()


def cores_of(repetitions: Sequence[BottleneckSamples], sharing: Sharing, usable: int) -> CoreUse | None:
    """What the input needs; None where the system does not report the pipeline's processor time."""
    rounds = [one for each in repetitions for one in each.pipeline]
    seconds = [one.interference.cpu_s for one in rounds]
    known = [each for each in seconds if each is not None]
    if len(known) < len(seconds) or sum(known) <= 0:
        return None
    per_image = sum(known) / sum(one.images for one in rounds)
    model = rate([one for each in repetitions for one in each.model])
    to_feed = max(1, math.ceil(model * per_image - 1e-9))
    return CoreUse(
        usable=usable,
        cpu_s_per_image=per_image,
        busy=sum(known) / sum(one.wall_s for one in rounds),
        to_feed=to_feed,
        more=max(0, to_feed - usable) if sharing == "own device" else to_feed,
    )


def analyse(repetitions: Sequence[BottleneckSamples], sharing: Sharing, usable: int | None) -> Analysis:
    """What the repetitions say, at least one of them. `usable`: cores of this machine that the pipeline may use;
    None where it runs on other machines, whose processor time is unknown."""
    busy = _over(repetitions, lambda whole, model, _pipeline: whole / model)
    found = answer(repetitions)
    reached = efficiency(repetitions, sharing)
    cores = None if usable is None else cores_of(repetitions, sharing, usable)
    whole = [one for each in repetitions for one in each.end_to_end]
    step_s = sum(one.wall_s for one in whole) / sum(one.steps for one in whole)
    alone = sharing == "own device"
    return Analysis(
        sharing=sharing,
        end_to_end=_over(repetitions, lambda whole, _model, _pipeline: whole),
        model=_over(repetitions, lambda _whole, model, _pipeline: model),
        pipeline=_over(repetitions, lambda _whole, _model, pipeline: pipeline),
        bound=_over(repetitions, lambda _whole, model, pipeline: bound(model, pipeline, sharing)),
        efficiency=reached,
        step_s=step_s,
        stall_share=_rest(busy),
        stall_s=step_s * (1 - busy.value),
        utilisation=busy if alone else None,
        utilisation_passes=_passes(busy) if alone else None,
        balance=_over(repetitions, _balance),
        answer=found,
        cores=cores,
        notices=_remarks(found, reached, cores, sharing),
    )


def _rest(share: Estimate) -> Estimate:
    """One minus an estimate; the ends of its interval swap."""
    low, high = (None if end is None else 1 - end for end in (share.high, share.low))
    return Estimate(value=1 - share.value, low=low, high=high)


def _passes(utilisation: Estimate) -> bool | None:
    """None where the interval reaches to both sides of the bound."""
    low, high = utilisation.low, utilisation.high
    if low is not None and high is not None and low < AU_PASS <= high:
        return None
    return utilisation.value >= AU_PASS


def _remarks(found: Limit, reached: Estimate, cores: CoreUse | None, sharing: Sharing) -> tuple[Notice, ...]:
    remarks = []
    surely = reached.high if reached.high is not None else reached.value
    if surely < REACHED:
        remarks.append(Notice.make("ceilings_not_reached", efficiency=reached.value))
    if (reached.low if reached.low is not None else reached.value) > EXCEEDED:
        remarks.append(Notice.make("bound_exceeded", efficiency=reached.value))
    starved = found in ("input-bound", "inconclusive") and sharing == "own device"
    if cores is not None and starved and cores.more == 0 and cores.busy < cores.to_feed:
        remarks.append(Notice.make("pipeline_leaves_cores", busy=cores.busy, usable=cores.usable))
    return tuple(remarks)
