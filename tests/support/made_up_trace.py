"""Traces put together event by event, so that every number in them is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from resnet_bench.profile import xplane
from resnet_bench.records.profile import ProfileResult

Happened = Callable[..., None]


class Trace:
    """A file of events; times are in microseconds."""

    def __init__(self) -> None:
        self.space = xplane.messages().XSpace()
        self._numbers: dict[tuple[str, str, str], int] = {}

    def line(self, plane_name: str, name: str) -> Happened:
        """A thread or a stream: call it with an event's name, start, duration, operation type and data."""
        found = [plane for plane in self.space.planes if plane.name == plane_name]
        plane = found[0] if found else self.space.planes.add(name=plane_name, id=len(self.space.planes))
        line = plane.lines.add(name=name, id=len(plane.lines) + 1, timestamp_ns=1000)

        def happened(event: str, start: float, lasted: float, kind: str = "", **facts: Any) -> None:
            full = f"{event}:{kind}" if kind else event
            number = self._number(plane, "event_metadata", full)
            plane.event_metadata[number].display_name = kind
            added = line.events.add(metadata_id=number, offset_ps=int(start * 1e6), duration_ps=int(lasted * 1e6))
            for fact, value in facts.items():
                stat = added.stats.add(metadata_id=self._number(plane, "stat_metadata", fact))
                if isinstance(value, str):
                    stat.str_value = value
                else:
                    stat.int64_value = value

        return happened

    def save(self, folder: Path, steps: int = 2, **result: Any) -> ProfileResult:
        """Write the file, and say what a capture would say of it."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "host.xplane.pb"
        file.write_bytes(self.space.SerializeToString())
        known: dict[str, Any] = {"bytes": file.stat().st_size, "wall_s": 1.0, "device_traced": False, **result}
        return ProfileResult(path=str(folder), steps=steps, **known)

    def _number(self, plane: Any, table: str, name: str) -> int:
        key = (plane.name, table, name)
        number = self._numbers.setdefault(key, len(self._numbers) + 1)
        entry = getattr(plane, table)[number]
        entry.id, entry.name = number, name
        return number


def of_two_steps() -> Trace:
    """Two steps of 1000 us on a CPU: 100 of waiting for input, 600 of operations, some of them nested."""
    trace = Trace()
    python, compute = trace.line("/host:CPU", "python3"), trace.line("/host:CPU", "tf_Compute/1")
    pipeline, pool = trace.line("/host:CPU", "tf_data_private/2"), trace.line("/host:CPU", "tf_Compute/3")
    for step in range(2):
        t = step * 1000.0
        python("step", t, 1000, step_num=step, _r=1)
        python("IteratorGetNextOp::DoCompute", t + 10, 100, id=step)
        compute("net/conv1_conv_1/convolution", t + 200, 400, "Conv2D")
        compute("MemoryAllocation", t + 210, 0, tf_op="net/conv1_conv_1/convolution", region_type="output",
                data_type=14, allocator_name="cpu", bytes_allocated=5000 + step)  # fmt: skip
        compute("net/conv1_bn_1/FusedBatchNormV3", t + 600, 100, "FusedBatchNormV3")
        compute("call", t + 700, 100, "PartitionedCall")
        compute("net/conv1_bn_1/mul", t + 720, 40, "Mul")
        compute("MemoryAllocation", t + 725, 0, tf_op="something/else", region_type="output", data_type=1,
                allocator_name="small", bytes_allocated=7)  # fmt: skip
        compute("flip", t + 780, 10, "Transpose")
        pipeline("decode", t + 300, 900, "DecodeJpeg")
        pool("InstantiatedCapturedFunction::Run", t + 20, 5, id=100 + step)
        pool("ExecutorState::Process", t + 30, 50, id=100 + step)
        pool("resize", t + 35, 40, "ResizeBilinear")
    return trace
