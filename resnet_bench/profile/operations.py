"""What executed, from the raw events of a trace: operations with their self time, waits for input, memory.

An operation's self time is its duration less that of operations nested in it on the same thread. Those that the
input pipeline executes are distinguished from the step's own by their thread, or by the function that they belong to.
What XLA compiled for a CPU is a run of instructions on several threads, each with an event where it ends.
Neighbours: `xplane.py` reads events, `summary.py` adds them up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from resnet_bench.profile.xplane import Event, Plane

MARKER = "step"
WAIT = "IteratorGetNext"
CAPTURED = "InstantiatedCapturedFunction::"
"""A function that a data set runs on its elements; what it executes bears its `id`."""

COMPILED = "CpuExecutable::"
ENDED = "end: "
"""Followed by the name of an instruction of XLA's; its `_c` is the `_p` of the event where that began."""

BITS_16 = frozenset({14, 19})
"""bfloat16 and half in TensorFlow's types.proto."""

Group = Literal["convolution", "batch norm", "matrix product", "layout", "copy", "other"]

# The first that matches counts: a name such as conv2_block1_bn/... may match several.
_KINDS: tuple[tuple[Group, re.Pattern[str]], ...] = (
    ("layout", re.compile(r"transpose|reorder|MklToTf|InputConversion|nchwToNhwc|nhwcToNchw|permute", re.IGNORECASE)),
    ("convolution", re.compile(r"conv|[fw]prop|[dw]grad|implicit_gemm", re.IGNORECASE)),
    ("batch norm", re.compile(r"batch_?norm|bn_[fb]w", re.IGNORECASE)),
    ("matrix product", re.compile(r"matmul|gemm|einsum", re.IGNORECASE)),
    ("copy", re.compile(r"memcpy|copy|^_(Host)?(Send|Recv)", re.IGNORECASE)),
)
_NORM_SCOPE = re.compile(r"(^|[/_])(bn|batch_normalization)(_\d+)*/")


@dataclass
class Operation:
    """One execution of an operation. `place` is "device" on a GPU's stream; times in picoseconds.

    `output_type` is the number of the type of its first output that was allocated, None where none was seen;
    `compiled` marks an instruction of XLA's.
    """

    name: str
    kind: str
    place: Literal["step", "input", "device"]
    start: int
    end: int
    self_ps: int
    output_type: int | None = None
    compiled: bool = False

    @property
    def group(self) -> Group:
        """What sort of work it is. Batch norm taken apart into arithmetic is recognised by the layer in its name.

        XLA computes most 1x1 convolutions on a CPU as matrix products: its "dot" counts as a convolution, because
        the network's only true matrix product, the classifier, is 0.05 % of the work.
        """
        if self.compiled and self.kind == "dot":
            return "convolution"
        for group, pattern in _KINDS:
            if pattern.search(self.kind):
                return group
        return "batch norm" if _NORM_SCOPE.search(self.name) else "other"


@dataclass
class OperationRun:
    """What a trace holds of its steps. `waits` are intervals; `peaks` the most bytes given out, by allocator."""

    markers: list[Event] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    waits: list[tuple[int, int]] = field(default_factory=list)
    peaks: dict[str, int] = field(default_factory=dict)


def collect(planes: Iterable[Plane]) -> OperationRun:
    """Go through all events once."""
    found = OperationRun()
    lines = [(plane, name, events) for plane in planes for name, events in plane.lines()]
    on_host = [event for plane, _, events in lines if not _is_device(plane) for event in events]
    captured = {event.facts.get("id") for event in on_host if event.name.startswith(CAPTURED)} - {None}
    ends = {
        (event.name.removeprefix(ENDED), event.facts.get("_c")): event.end
        for event in on_host
        if event.name.startswith(ENDED)
    }
    for plane, name, events in lines:
        if not _is_device(plane):
            _Thread(name, captured, ends, found).read(events)
        elif name.startswith("Stream"):
            found.operations += (_on_device(event) for event in events)
    return found


def exclusive(layers: Iterable[Iterable[tuple[int, int]]], start: int, end: int) -> list[int]:
    """How long each layer was active within [start, end] while none before it was; intervals may overlap."""
    changes = sorted(_changes(layers, start, end))
    totals = [0] * (1 + max((layer for _, layer, _ in changes), default=-1))
    active = [0] * len(totals)
    last = start
    for moment, layer, change in changes:
        first = next((number for number, count in enumerate(active) if count), None)
        if first is not None:
            totals[first] += moment - last
        last = moment
        active[layer] += change
    return totals


def _changes(layers: Iterable[Iterable[tuple[int, int]]], start: int, end: int) -> Iterator[tuple[int, int, int]]:
    for number, layer in enumerate(layers):
        for interval in layer:
            begin, until = max(interval[0], start), min(interval[1], end)
            if begin < until:
                yield begin, number, 1
                yield until, number, -1


def _is_device(plane: Plane) -> bool:
    return plane.name.startswith("/device:")


def _on_device(event: Event) -> Operation:
    """A kernel or a copy; `tf_op` names the operation that launched it, as scope/name:Type."""
    name, colon, kind = str(event.facts.get("tf_op") or "").rpartition(":")
    known = colon and kind
    return Operation(
        name if known else event.name,
        kind if known else event.name,
        "device",
        event.start,
        event.end,
        event.end - event.start,
    )


class _Thread:
    """Reads what one thread did, with the events that are open at each moment."""

    def __init__(
        self, name: str, captured: set[object], ends: dict[tuple[str, object], int], found: OperationRun
    ) -> None:
        self._of_pipeline = name.startswith("tf_data")
        self._captured, self._ends, self._found = captured, ends, found
        self._open: list[tuple[Event, Operation | None]] = []

    def read(self, events: Iterable[Event]) -> None:
        """Go through events in order of their start, the longer first."""
        for event in events:
            while self._open and self._open[-1][0].end <= event.start:
                self._open.pop()
            self._open.append((event, self._note(event)))

    def _note(self, event: Event) -> Operation | None:
        """Add the event to what was found; returns the operation that it is."""
        found, parent = self._found, next((each for _, each in reversed(self._open) if each), None)
        if event.name.startswith(WAIT) or (event.kind or "").startswith(WAIT):
            if not self._in_pipeline(event):
                found.waits.append((event.start, event.end))
        elif "hlo_op" in event.facts:
            return self._instruction(event, parent)
        elif event.kind is not None and not event.kind.startswith("Iterator::"):
            return self._operation(event, parent)
        elif event.name.startswith(COMPILED) and parent is not None:
            parent.self_ps -= event.end - event.start
        elif event.name == "MemoryAllocation":
            _note_allocation(event, parent, found)
        elif event.name == MARKER and "step_num" in event.facts:
            found.markers.append(event)
        return None

    def _operation(self, event: Event, parent: Operation | None) -> Operation:
        place: Literal["step", "input"] = "input" if self._of_pipeline or self._in_pipeline(event) else "step"
        # A function that XLA compiled as a whole is an operation named after itself, with a number.
        kind = "function" if event.kind is None or event.kind.startswith("__") else event.kind
        operation = Operation(event.name, kind, place, event.start, event.end, event.end - event.start)
        self._found.operations.append(operation)
        if parent is not None:
            parent.self_ps -= operation.self_ps
        return operation

    def _instruction(self, event: Event, parent: Operation | None) -> Operation:
        """An instruction of XLA's, which may go on in other threads after its own event."""
        kind = re.sub(r"(\.\d+)+$", "", event.name)
        end = max(event.end, self._ends.get((event.name, event.facts.get("_p")), event.end))
        operation = Operation(event.name, kind, "step", event.start, end, end - event.start, compiled=True)
        self._found.operations.append(operation)
        if parent is not None and parent.compiled:
            parent.self_ps -= operation.self_ps
        return operation

    def _in_pipeline(self, event: Event) -> bool:
        around = [each for each, _ in self._open]
        return any(
            each.name.startswith("Iterator::") or (bool(self._captured) and each.facts.get("id") in self._captured)
            for each in (*around, event)
        )


def _note_allocation(event: Event, parent: Operation | None, found: OperationRun) -> None:
    facts = event.facts
    allocator, given_out = str(facts.get("allocator_name", "")), int(facts.get("bytes_allocated") or 0)
    found.peaks[allocator] = max(given_out, found.peaks.get(allocator, 0))
    mine = parent is not None and facts.get("tf_op") == parent.name and facts.get("region_type") == "output"
    if mine and parent is not None and parent.output_type is None and facts.get("data_type"):
        parent.output_type = int(facts["data_type"])
