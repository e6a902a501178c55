"""Reads oneDNN's log of what it executed (ONEDNN_VERBOSE=1).

Pure. A line per execution: `onednn_verbose,v1,primitive,exec,cpu,convolution,brgconv:avx512_core,
forward_training,src:f32::blocked:acdb::f0 wei:... dst:...,attributes,alg:convolution_direct,mb16_ic3oc64_
ih224oh112kh7sh2dh0ph3_iw224ow112kw7sw2dw0pw3,3.21`, the time in milliseconds last.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from resnet_bench.records.evidence import OneDnn

_NAMES = {"f32": "float32", "f64": "float64", "bf16": "bfloat16", "f16": "float16"}
_SIZES = re.compile(r"(mb|g|ic|oc|oh|ow|kh|kw)(\d+)")
_FAST_MATH = re.compile(r"attr-fpmath:(bf16|f16)")


@dataclass(frozen=True)
class PrimitiveRun:
    """One executed primitive. `dtype` is its source operand's, or the 16-bit type that it may use internally."""

    primitive: str
    direction: str
    dtype: str
    problem: str
    seconds: float


def parse(text: str) -> list[PrimitiveRun]:
    """The executions in a log; other lines are skipped."""
    found = []
    for line in text.splitlines():
        fields = line[line.find("onednn_verbose") :].split(",") if "onednn_verbose" in line else []
        if "exec" not in fields or len(fields) < fields.index("exec") + 6:
            continue
        at = fields.index("exec")
        try:
            seconds = float(fields[-1]) * 1e-3
        except ValueError:
            continue
        problem = fields[-2]
        found.append(PrimitiveRun(fields[at + 2], fields[at + 4], _dtype(line), problem, seconds))
    return found


def _dtype(line: str) -> str:
    """The type of the source operand ("src:f32:...", "src_f32::..." before version 3.3)."""
    fast = _FAST_MATH.search(line)
    if fast is not None:
        return _NAMES[fast[1]]
    match = re.search(r"\bsrc(?:_\w)?[:_]([a-z]+\d+)", line) or re.search(r"\bdiff_dst[:_]([a-z]+\d+)", line)
    return _NAMES.get(match[1], match[1]) if match else "unknown"


def flops(problem: str) -> float | None:
    """2 x batch x output channels x output size x kernel size x input channels per group; None for another
    kind of problem. Each gradient needs as many as the convolution."""
    sizes = {name: int(value) for name, value in _SIZES.findall(problem)}
    if not {"mb", "ic", "oc", "ow", "kw"} <= set(sizes):
        return None
    outputs = sizes["mb"] * sizes["oc"] * sizes.get("oh", 1) * sizes["ow"]
    return 2.0 * outputs * sizes["ic"] * sizes.get("kh", 1) * sizes["kw"] / sizes.get("g", 1)


def read(text: str, steps: int, source: str) -> OneDnn:
    """Count what was executed in `steps` steps."""
    executions = parse(text)
    convolutions: Counter[str] = Counter()
    total: dict[str, float] = {}
    weights: set[str] = set()
    for one in executions:
        if not one.primitive.startswith("convolution"):
            continue
        if one.direction.startswith("forward"):
            convolutions[one.dtype] += 1
        total[one.dtype] = total.get(one.dtype, 0.0) + (flops(one.problem) or 0.0)
        weights |= _weight_shapes(one.problem)
    reorders = [one for one in executions if one.primitive == "reorder"]
    return OneDnn(
        source=source,
        steps=steps,
        executions=len(executions),
        convolutions=dict(convolutions),
        flops=total,
        weight_reorders=sum(one.problem in weights for one in reorders),
        reorders=len(reorders),
        reorder_s=sum(one.seconds for one in reorders),
        total_s=sum(one.seconds for one in executions),
    )


def _weight_shapes(problem: str) -> set[str]:
    """The problem descriptors of reorders of this convolution's weights: output channels first, or (for the gradient
    of its input) input channels first."""
    sizes = dict(_SIZES.findall(problem))
    if not {"ic", "oc", "kh", "kw"} <= set(sizes):
        return set()
    kernel = f"{sizes['kh']}x{sizes['kw']}"
    return {f"{sizes['oc']}x{sizes['ic']}x{kernel}", f"{sizes['ic']}x{sizes['oc']}x{kernel}"}
