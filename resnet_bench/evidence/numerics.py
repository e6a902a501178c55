"""Option checks of the arithmetic: precision of the graph, share that ran in 16 bits, float32 rounding. Pure."""

from __future__ import annotations

from resnet_bench.config.fields import Value
from resnet_bench.evidence.check_input import FIT_HIDES, NOT_RUN_IN_PASS, Check, CheckInput, share, truth
from resnet_bench.records.evidence import Operations, OptionCheck

DTYPES = {"float32": "float32", "tf32": "float32", "mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}
SIXTEEN = ("bfloat16", "float16")

NEARLY_ALL = 0.99
"""Of the FLOPs. With XLA the count includes the classifier, which stays in float32."""

TF32_EPSILON = 2.0**-13
"""Between float32's 2^-23 (fast algorithms lose some bits) and TF32's 2^-10."""

BFLOAT16_EPSILON = 2.0**-9
PROBE = "products with an identity, run in the observed process"


def checks(case: CheckInput) -> list[OptionCheck]:
    """Precision of the convolutions in the graph and as executed, and float32 rounding."""
    found = [_asked(case), _executed(case)]
    return [*found, _rounding(case)] if not case.config.step.precision.startswith("mixed") else found


PRECISION_REQUESTED = Check(
    "precision_asked",
    "precision requested by the graph",
    options=(
        "precision",
        "mixed_precision",
    ),
)


def _asked(case: CheckInput) -> OptionCheck:
    wanted = DTYPES[case.config.step.precision]
    # model.fit does not expose its traced graph; the dtypes of the executed graph are the closest.
    traced = case.seen.traced or case.seen.executed
    if traced is None:
        why = FIT_HIDES if case.config.step.loop == "fit" else "no process got as far as its timed rounds"
        return case.check(PRECISION_REQUESTED, requested=wanted, why=why)
    parts = _parts(traced)
    found = share(parts, wanted)
    if found is None:
        return case.check(PRECISION_REQUESTED, requested=wanted, source=traced.source, why="it has no convolution")
    others = {f"share in {name}": part / sum(parts.values()) for name, part in parts.items()}
    mixture = ", ".join(f"{100 * part / sum(parts.values()):.3g} % {name}" for name, part in parts.items())
    return case.check(
        PRECISION_REQUESTED,
        requested=wanted,
        observed=wanted if found == 1 else mixture,
        source=traced.source,
        holds=truth(found == 1),
        facts=dict(others),
    )


def _parts(operations: Operations) -> dict[str, float]:
    """The convolutions' FLOPs by dtype, or their number where a shape is unknown."""
    if operations.unsized == 0:
        return operations.flops
    counted: dict[str, float] = {}
    for part in (operations.convolutions, operations.gradients):
        for dtype, number in part.items():
            counted[dtype] = counted.get(dtype, 0.0) + number
    return counted


PRECISION = Check(
    "precision",
    "convolution FLOPs in 16 bits",
    options=(
        "precision",
        "mixed_precision",
    ),
    unconditional=True,
)


def _executed(case: CheckInput) -> OptionCheck:
    """The share of the convolutions' FLOPs that ran in 16 bits."""
    dtype = DTYPES[case.config.step.precision]
    wanted = 1.0 if dtype in SIXTEEN else 0.0
    parts, source = _what_ran(case)
    found = share(parts, *SIXTEEN)
    if found is None:
        return case.check(PRECISION, requested=wanted, why=NOT_RUN_IN_PASS)
    facts: dict[str, Value] = {f"share in {name}": part / sum(parts.values()) for name, part in parts.items()}
    right = found >= NEARLY_ALL if wanted else found == 0
    known = case.emulates or (not right and "emulated by XLA" in case.topics)
    why = ""
    if wanted and known:
        why = "the device has no instructions for it" if case.emulates else "XLA computes it in float32 here"
    return case.check(
        PRECISION,
        requested=wanted,
        observed=found,
        source=source,
        holds="emulated" if wanted and known else truth(right),
        why=why,
        facts=facts,
    )


def _what_ran(case: CheckInput) -> tuple[dict[str, float], str | None]:
    """FLOPs by dtype: from XLA's optimised module, from oneDNN's log if it has all convolutions, else from the executed
    graph."""
    seen = case.seen
    if seen.compiled is not None:
        return seen.compiled.flops, seen.compiled.source
    log, model = seen.onednn, case.model
    if log is not None and model is not None and sum(log.convolutions.values()) == log.steps * model.convolutions:
        return log.flops, log.source
    if seen.executed is not None:
        return _parts(seen.executed), seen.executed.source
    return {}, None


ROUNDING = Check(
    "rounding",
    "float32 rounding",
    options=(
        "precision",
        "mixed_precision",
    ),
    unconditional=True,
)


def _rounding(case: CheckInput) -> OptionCheck:
    wanted = case.config.step.precision
    seen = case.seen.arithmetic
    if seen is None:
        return case.check(ROUNDING, requested=wanted, why=NOT_RUN_IN_PASS)
    epsilon = max(seen.product_epsilon, seen.convolution_epsilon)
    found = "float32" if epsilon < TF32_EPSILON else "tf32" if epsilon < BFLOAT16_EPSILON else "bfloat16"
    facts: dict[str, Value] = {
        "product_epsilon": seen.product_epsilon,
        "convolution_epsilon": seen.convolution_epsilon,
    }
    return case.check(
        ROUNDING, requested=wanted, observed=found, source=PROBE, holds=truth(found == wanted), facts=facts
    )
