"""The raw events of a trace: XPlane files, read with neither TensorFlow nor XProf imported.

Owns the file format. Times are in picoseconds from the trace's own start. Neighbour: `operations.py` makes
sense of the events.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from resnet_bench.errors import BenchError

MESSAGES = Path("tsl/profiler/protobuf/xplane_pb2.py")


@dataclass(frozen=True)
class Event:
    """Something that a thread or a device did. `kind` is an operation's type, None for anything else."""

    name: str
    kind: str | None
    start: int
    end: int
    plane: Plane
    raw: Any

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The event's own data by name."""
        names = self.plane.stat_names
        values: dict[str, Any] = {}
        for stat in self.raw.stats:
            which = stat.WhichOneof("value")
            value: Any = getattr(stat, which) if which else None
            values[names[stat.metadata_id]] = names[value] if which == "ref_value" else value
        return values


@dataclass(frozen=True)
class Plane:
    """A host or a device: its lines of events, each a thread or a stream."""

    name: str
    raw: Any

    @cached_property
    def stat_names(self) -> dict[int, str]:
        """Names of data, and texts that many events share, by number."""
        return {number: each.name for number, each in self.raw.stat_metadata.items()}

    @cached_property
    def event_names(self) -> dict[int, tuple[str, str | None]]:
        """Name and operation type of each sort of event, by number."""
        return {number: _named(each.name, each.display_name) for number, each in self.raw.event_metadata.items()}

    def lines(self) -> Iterator[tuple[str, list[Event]]]:
        """Each line's name and its events, in order of their start, the longer first."""
        names = self.event_names
        for line in self.raw.lines:
            base = line.timestamp_ns * 1000
            events = [
                Event(
                    *names[raw.metadata_id],
                    base + raw.offset_ps,
                    base + raw.offset_ps + raw.duration_ps,
                    self,
                    raw,
                )
                for raw in line.events
            ]
            yield line.name, sorted(events, key=lambda event: (event.start, -event.end))


def read(folder: Path) -> tuple[Plane, ...]:
    """Every plane of every file of one trace; `BenchError` where there is none or one cannot be read."""
    files = sorted(folder.glob("*.xplane.pb"))
    if not files:
        raise BenchError(f"{folder} holds no trace (*.xplane.pb).")
    return tuple(Plane(raw.name, raw) for file in files for raw in _parse(file).planes)


def _parse(file: Path) -> Any:
    from google.protobuf.message import DecodeError

    space = messages().XSpace()
    try:
        space.ParseFromString(file.read_bytes())
    except (OSError, DecodeError) as error:
        raise BenchError(f"{file} is no trace that can be read: {error}.") from error
    return space


@cache
def messages() -> Any:
    """TensorFlow's module of the messages, loaded from its file: by its name, all of TensorFlow would come too."""
    tensorflow = importlib.util.find_spec("tensorflow")
    assert tensorflow is not None, "TensorFlow is a dependency"
    assert tensorflow.submodule_search_locations, "TensorFlow is a package"
    path = Path(tensorflow.submodule_search_locations[0]) / MESSAGES
    spec = importlib.util.spec_from_file_location("resnet_bench.profile.xplane_pb2", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _named(name: str, display_name: str) -> tuple[str, str | None]:
    """An operation is named `scope/name:Type`, and shown by its type."""
    scope, colon, kind = name.rpartition(":")
    if colon and kind == display_name and not scope.endswith(":"):
        return scope, kind
    return name, None
