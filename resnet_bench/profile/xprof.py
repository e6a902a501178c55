"""XProf's own statistics of a trace, made without a browser. An optional package: the extra `profile`.

Asked where a GPU was traced: XProf knows which kernels use 16-bit arithmetic. Neighbour: `summary.py`.
"""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resnet_bench.errors import BenchError
from resnet_bench.records.profile import OperationTime

MOST_OPERATIONS = 20


def is_installed() -> bool:
    """Whether there is XProf."""
    return importlib.util.find_spec("xprof") is not None


def of_device(folder: Path) -> dict[str, Any]:
    """The fields of a `ProfileSummary` that XProf fills: operations on the device, and the share of 16-bit."""
    return {
        "operations": operations(folder, "Device"),
        "compute_16bit_share": compute_16bit_share(folder),
    }


def operations(folder: Path, place: str) -> tuple[OperationTime, ...]:
    """The busiest kinds of operation on the "Device" or the "Host", with XProf's self times."""
    rows = [row for row in _rows(table(folder, "framework_op_stats")) if row["host_or_device"] == place]
    rows = [row for row in rows if row["type"] != "IDLE"]
    whole = sum(row["total_self_time"] for row in rows) or 1
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        kinds.setdefault(row["type"], []).append(row)
    times = [_time(kind, members, whole) for kind, members in kinds.items()]
    return tuple(sorted(times, key=lambda each: -each.self_s)[:MOST_OPERATIONS])


def compute_16bit_share(folder: Path) -> float | None:
    """The share of the device's compute time in 16-bit arithmetic, by the overview page; None where it tells
    neither 16-bit nor 32-bit arithmetic."""
    known: dict[str, str] = {}
    for part in table(folder, "overview_page"):
        known |= part.get("p") or {}
    percent = [float(known.get(f"device_compute_{bits}bit_percent", "0").rstrip("%")) for bits in (16, 32)]
    return percent[0] / 100 if sum(percent) else None


def table(folder: Path, tool: str) -> list[dict[str, Any]]:
    """What XProf's web page of that name is drawn from: tables with `cols`, `rows` and properties `p`.

    Works on links to the files in a folder of its own, because XProf keeps what it converted beside them.
    """
    from xprof.convert.raw_to_tool_data import xspace_to_tool_data

    with tempfile.TemporaryDirectory(prefix="resnet-bench-") as place:
        links = []
        for file in sorted(folder.glob("*.xplane.pb")):
            link = Path(place) / file.name
            link.symlink_to(file.resolve())
            links.append(str(link))
        data, _ = xspace_to_tool_data(links, tool, {})
    if data is None:
        raise BenchError(f"XProf could not make {tool} of {folder}.", "Open it with bench-cli tensorboard.")
    tables = json.loads(data)
    return tables if isinstance(tables, list) else [tables]


def _rows(tables: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first table's rows by the columns' names."""
    names = [column["id"] for column in tables[0]["cols"]]
    return [
        dict(zip(names, (cell and cell["v"] for cell in row["c"]), strict=True)) for row in tables[0].get("rows", [])
    ]


def _time(kind: str, rows: Sequence[dict[str, Any]], whole: float) -> OperationTime:
    self_us = sum(row["total_self_time"] for row in rows)
    return OperationTime(
        kind=kind,
        name=max(rows, key=lambda row: row["total_self_time"])["operation"],
        self_s=self_us * 1e-6,
        share=self_us / whole,
        occurrences=int(sum(row["occurrences"] for row in rows)),
    )
