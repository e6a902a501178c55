"""A run against the measured peaks of its device: arithmetic, least traffic and time of groups of operations. Pure.

After Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model" (2009). Counted
are the flops of convolutions and the classifier (2 per multiply-accumulate; training does three forward
passes' worth: forward, gradient of the input, gradient of the weights), and the traffic that no fusion can
avoid: a convolution reads its input and weights and writes its output, and in training does so three times;
batch norm, with the ReLU and the addition behind it, is part of the convolution's output in inference and
only reads the shortcut, but in training needs a whole tensor's statistics before it can continue, so it reads
and writes (and backward reads two and writes one). Caches may save more than that on small tensors.
Neighbours: `worker/handlers/peaks.py` counts layers and measures peaks, `experiments/roofline_pass.py` joins them to
the run.
"""

from __future__ import annotations

from collections.abc import Sequence

from resnet_bench.records.profile import ProfileSummary
from resnet_bench.records.roofline import LayerGroup, Peak, Roofline, RooflineGroup

CONVENTION = (
    "1 multiply-accumulate = 2 flops; training = 3 forward passes; convolutions and classifier only; "
    "traffic is the least that fusion leaves"
)
CONVOLUTIONS, NORMS, REST = "convolutions", "batch norm, ReLU, addition", "pooling and classifier"
OPTIMIZER_TENSORS = {"sgd": 5, "adam": 7}
"""Reads and writes per parameter in an update: SGD with momentum reads weight, gradient and momentum and
writes two of them; Adam has a second moment."""

PROMISING = 3


def itemsize(dtype: str) -> int:
    """Bytes of an element of a compute dtype."""
    return 2 if dtype in ("bfloat16", "float16") else 4


def count(
    layers: Sequence[LayerGroup], *, batch: int, training: bool, dtype: str, parameters: int, optimizer: str | None
) -> tuple[RooflineGroup, ...]:
    """Flops and least bytes of one step of `batch` images: a group for each kind and stage, then one for each
    kind over all stages (`stage` None), then the optimizer's."""
    by_stage = [_counted(each, batch, training, itemsize(dtype)) for each in layers]
    totals: dict[str, list[RooflineGroup]] = {}
    for layer, group in zip(layers, by_stage, strict=True):
        totals.setdefault(_family(layer.kind), []).append(group)
    summed = [
        RooflineGroup(name=name, flops=sum(g.flops for g in groups), bytes=sum(g.bytes for g in groups))
        for name, groups in totals.items()
    ]
    if training and optimizer is not None:
        traffic = 4.0 * OPTIMIZER_TENSORS[optimizer] * parameters
        summed.append(RooflineGroup(name="optimizer", flops=0.0, bytes=traffic))
    return (*by_stage, *summed)


def _family(kind: str) -> str:
    if kind.startswith("convolution"):
        return CONVOLUTIONS
    return NORMS if kind in ("norm", "add") else REST


def _counted(layer: LayerGroup, batch: int, training: bool, item_bytes: int) -> RooflineGroup:
    passes = 3 if training else 1
    taken, given, weights = layer.inputs * batch, layer.outputs * batch, layer.weights
    if layer.kind == "norm":
        elements = 2 * given + 3 * given if training else 0
    elif layer.kind == "add":
        # The shortcut is read once; backward its gradient is added to the other one's.
        elements = given + 3 * given if training else given
    elif layer.kind == "pool":
        elements = (taken + given) * (2 if training else 1)
    else:
        elements = passes * (taken + given + weights)
    return RooflineGroup(
        name=f"{layer.stage}: {layer.kind}",
        stage=layer.stage,
        flops=2.0 * layer.macs * batch * passes,
        bytes=float(elements * item_bytes),
    )


def limit_s(flops: float, traffic: float, flops_per_s: float | None, bytes_per_s: float | None) -> float | None:
    """The least time of work at two peaks: the longer of the two; None where a peak that it needs is unknown."""
    if (flops and flops_per_s is None) or (traffic and bytes_per_s is None):
        return None
    arithmetic = flops / flops_per_s if flops_per_s else 0.0
    return max(arithmetic, traffic / bytes_per_s if bytes_per_s else 0.0)


def best(peaks: Sequence[Peak], dtype: str) -> float | None:
    """The highest of the measured peaks of one dtype."""
    return max((peak.value for peak in peaks if peak.dtype == dtype), default=None)


def build(
    groups: Sequence[RooflineGroup],
    *,
    matmul: Sequence[Peak],
    convolution: Sequence[Peak],
    bandwidth: Peak | None,
    dtype: str,
    step_s: float,
    profile: ProfileSummary | None = None,
) -> Roofline:
    """The roofline of a step that took `step_s` seconds and computes in `dtype`.

    A group's limit uses the higher of the convolution's and the matrix product's peak, since the one that a
    library implements badly is no limit of the machine. Times come from `profile` where it has shares.
    """
    peaks = {f"{peak.kind} {peak.dtype}": 0.0 for peak in (*matmul, *convolution)}
    for peak in (*matmul, *convolution):
        name = f"{peak.kind} {peak.dtype}"
        peaks[name] = max(peaks[name], peak.value)
    known = [value for value in (best(matmul, dtype), best(convolution, dtype)) if value is not None]
    flops_per_s, bytes_per_s = max(known, default=None), bandwidth.value if bandwidth else None
    timed = _times(profile, step_s)
    placed = tuple(_placed(group, flops_per_s, bytes_per_s, timed) for group in groups)
    whole = [group for group in placed if group.stage is None]
    limits = [group.limit_s for group in whole]
    flops, traffic = sum(group.flops for group in whole), sum(group.bytes for group in whole)
    product = best(matmul, dtype)
    return Roofline(
        flop_convention=CONVENTION,
        peak_flops_per_s=peaks,
        peak_bytes_per_s=bytes_per_s,
        dtype=dtype,
        step_flops=flops,
        step_s=step_s,
        mfu=flops / step_s / product if product else None,
        bytes_per_s=traffic / step_s,
        groups=placed,
        step_bytes=traffic,
        step_limit_s=None if None in limits else sum(limit for limit in limits if limit is not None),
    )


def _times(profile: ProfileSummary | None, step_s: float) -> dict[str, float]:
    """Seconds of a step by kind of operation: the profile's shares of operations, times the part of a step in
    which operations ran, of the step that was timed without a profiler. Nothing where one of them is unknown."""
    busy_s = None if profile is None else profile.device_s if profile.device_s is not None else profile.host_s
    if profile is None or busy_s is None or not profile.step_s:
        return {}
    ran_s = step_s * min(1.0, busy_s / profile.step_s)
    shares = {CONVOLUTIONS: profile.convolution_share, NORMS: profile.batch_norm_share}
    return {name: share * ran_s for name, share in shares.items() if share is not None}


def _placed(
    group: RooflineGroup, flops_per_s: float | None, bytes_per_s: float | None, timed: dict[str, float]
) -> RooflineGroup:
    seconds = timed.get(group.name) if group.stage is None else None
    limit = limit_s(group.flops, group.bytes, flops_per_s, bytes_per_s)
    return RooflineGroup(
        name=group.name,
        stage=group.stage,
        flops=group.flops,
        bytes=group.bytes,
        seconds=seconds,
        limit_s=limit,
        gain_s=None if seconds is None or limit is None else max(0.0, seconds - limit),
    )


def gains(roofline: Roofline) -> tuple[RooflineGroup, ...]:
    """The most promising places, the largest gain first: groups with a time, and what no group explains."""
    whole = [group for group in roofline.groups if group.stage is None]
    known = [group for group in whole if group.gain_s is not None]
    if not known:
        return ()
    untimed = [group for group in whole if group.seconds is None]
    rest = roofline.step_s - sum(group.seconds for group in known if group.seconds is not None)
    least = sum(group.limit_s or 0.0 for group in untimed)
    other = RooflineGroup(
        name="everything else (copies, layout changes, waiting, optimizer)",
        flops=sum(group.flops for group in untimed),
        bytes=sum(group.bytes for group in untimed),
        seconds=max(0.0, rest),
        limit_s=least,
        gain_s=max(0.0, rest - least),
    )
    return tuple(sorted((*known, other), key=lambda group: -(group.gain_s or 0.0))[:PROMISING])
