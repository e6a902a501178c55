"""Reads the HLO text that XLA dumps for a step (--xla_dump_hlo_as_text).

Pure. A module's text has a line per instruction: `%name = f32[8,56,56,64]{3,2,1,0} convolution(%a, %b),
window={size=3x3 ...}, dim_labels=b01f_01io->b01f`. Instruction names are unique in a module.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from resnet_bench.records.evidence import Compiled

_INSTRUCTION = re.compile(
    r"^\s*(?:ROOT )?%?(?P<name>[\w.\-]+) = (?P<type>\(.*?\)|\S+) (?P<kind>[a-z][\w\-]*)\((?P<rest>.*)$"
)
_SHAPE = re.compile(r"(?P<dtype>[a-z]+\d*)\[(?P<dims>[\d,]*)\](?:\{(?P<layout>[\d,]*))?")
_OPERAND = re.compile(r"%([\w.\-]+)")
_BARE_OPERAND = re.compile(r"(?:^|[ ,])([A-Za-z_][\w.\-]*)(?=[,)]|$)")
_NAMES = {"f32": "float32", "f64": "float64", "bf16": "bfloat16", "f16": "float16"}


@dataclass(frozen=True)
class Shape:
    """Element type as HLO spells it, dimensions, and the layout's minor-to-major order ("" if not given)."""

    dtype: str
    dims: tuple[int, ...]
    layout: str = ""


@dataclass(frozen=True)
class Instruction:
    """One line: its first result's shape, its kind, its operands' names and its attributes' text."""

    name: str
    shape: Shape
    kind: str
    operands: tuple[str, ...]
    attributes: str


def parse(text: str) -> dict[str, Instruction]:
    """The instructions of a module, fused computations included, by name."""
    found: dict[str, Instruction] = {}
    for line in text.splitlines():
        match = _INSTRUCTION.match(line)
        shape = _SHAPE.search(match["type"]) if match else None
        if match is None or shape is None:
            continue
        inside, attributes = _split_operands(match["rest"])
        operands = tuple(_OPERAND.findall(inside)) or tuple(_BARE_OPERAND.findall(inside))
        found[match["name"]] = Instruction(match["name"], _shape(shape), match["kind"], operands, attributes)
    return found


def _shape(match: re.Match[str]) -> Shape:
    dims = tuple(int(size) for size in match["dims"].split(",") if size)
    return Shape(match["dtype"], dims, match["layout"] or "")


def _split_operands(rest: str) -> tuple[str, str]:
    """The text up to the parenthesis that closes the operands, and what follows it."""
    depth = 1
    for position, letter in enumerate(rest):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return rest[:position], rest[position + 1 :]
    return rest, ""


def read(before: str, after: str, source: str, platform: str) -> Compiled:
    """Count the operations of a module before and after optimisation."""
    operations_before, operations = parse(before), parse(after)
    convolutions, dots = Counter[str](), Counter[str]()
    flops: dict[str, float] = {}
    changes = 0
    for one in operations.values():
        if is_convolution(one):
            dtype = operand_dtype(one, operations)
            convolutions[dtype] += 1
            flops[dtype] = flops.get(dtype, 0.0) + convolution_flops(one, operations)
        elif is_dot(one):
            dtype = operand_dtype(one, operations)
            dots[dtype] += 1
            flops[dtype] = flops.get(dtype, 0.0) + dot_flops(one, operations)
        changes += _changes_layout(one, operations)
    return Compiled(
        source=source,
        platform=platform,
        convolutions=dict(convolutions),
        dots=dict(dots),
        flops=flops,
        convolutions_before=sum(one.kind == "convolution" for one in operations_before.values()),
        norms_before=_norms(operations_before),
        norms_after=_norms(operations),
        separate_norms_before=sum(one.kind == "rsqrt" for one in operations_before.values()),
        layout_changes=changes,
    )


def is_convolution(one: Instruction) -> bool:
    """Whether this is a convolution: HLO's own, or a library call with a convolution's dimension labels."""
    return one.kind == "convolution" or (one.kind == "custom-call" and "dim_labels=" in one.attributes)


def is_dot(one: Instruction) -> bool:
    """Whether this is a matrix product: HLO's own, or a library call."""
    return one.kind == "dot" or (one.kind == "custom-call" and ("matmul" in one.attributes or "gemm" in one.attributes))


def operand_dtype(one: Instruction, module: dict[str, Instruction]) -> str:
    """The dtype of the operands; the result's if they are not in the module."""
    known = [module[name].shape.dtype for name in one.operands[:2] if name in module]
    dtype = known[0] if known else one.shape.dtype
    return _NAMES.get(dtype, dtype)


def convolution_flops(one: Instruction, module: dict[str, Instruction]) -> float:
    """2 x (elements of the result) x (window's elements) x (input features of the kernel).

    Zeros that `lhs_dilate` inserts into the input are not multiplied, so they do not count.
    """
    window = re.search(r"size=([\dx]+)", one.attributes)
    dilation = re.search(r"lhs_dilate=([\dx]+)", one.attributes)
    labels = re.search(r"dim_labels=\w+_(\w+)->", one.attributes)
    kernel = module.get(one.operands[1]) if len(one.operands) > 1 else None
    features = 1
    if labels is not None and kernel is not None and "i" in labels[1]:
        features = kernel.shape.dims[labels[1].index("i")]
    total = 2.0 * math.prod(one.shape.dims) * features * (_product(window[1]) if window else 1)
    return total / (_product(dilation[1]) if dilation else 1)


def dot_flops(one: Instruction, module: dict[str, Instruction]) -> float:
    """2 x (elements of the result) x (elements summed over)."""
    contracted = re.search(r"lhs_contracting_dims=\{([\d,]+)\}", one.attributes)
    left = module.get(one.operands[0]) if one.operands else None
    summed = 1
    if contracted is not None and left is not None:
        summed = math.prod(left.shape.dims[int(index)] for index in contracted[1].split(","))
    return 2.0 * math.prod(one.shape.dims) * summed


def _product(sizes: str) -> int:
    return math.prod(int(size) for size in sizes.split("x"))


def _norms(module: dict[str, Instruction]) -> int:
    """Forward batch norms."""
    return sum(one.kind in ("batch-norm-training", "batch-norm-inference") for one in module.values())


def _changes_layout(one: Instruction, module: dict[str, Instruction]) -> bool:
    """Whether this changes the memory layout of an activation (4 dimensions)."""
    if len(one.shape.dims) != 4:
        return False
    if one.kind == "transpose":
        return True
    source = module.get(one.operands[0]) if one.operands else None
    return one.kind == "copy" and source is not None and source.shape.layout != one.shape.layout
