"""Records for other tools: CSV, and the JSON that benchmark trackers in CI read.

Pure: bytes out, the command line writes them. The columns are those of `records/columns.py`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import msgspec

from resnet_bench import units
from resnet_bench.records.columns import METRICS, Metric, Row, columns, row, settings
from resnet_bench.records.record import Record
from resnet_bench.report.words import record as text


def metric(name: str) -> Metric:
    """The metric of that name; the command line offers no other."""
    (found,) = (each for each in METRICS if each.name == name)
    return found


def csv_bytes(records: Sequence[tuple[Path, Record]]) -> bytes:
    """A header and a row per record (RFC 4180, UTF-8). Unknown is empty, switches are true or false."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["file", *(column.name for column in columns())])
    writer.writeheader()
    for path, record in records:
        writer.writerow({name: _cell(value) for name, value in row(path, record).items()})
    return out.getvalue().encode()


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def tracker_json(records: Sequence[tuple[Path, Record]], name: str) -> tuple[bytes, list[str], int]:
    """One metric in the format of github-action-benchmark's `customBiggerIsBetter` (throughput) and
    `customSmallerIsBetter` (the others), a sentence for each record that may not be used, and how many
    were left out because a newer one has their name.

    A name tells workload and device, so that it stays the same from commit to commit; an invalid record
    is never used.
    """
    wanted = metric(name)
    entries: dict[str, dict[str, object]] = {}
    unusable: list[str] = []
    usable = 0
    for path, record in sorted(records, key=lambda saved: saved[1].created_at):
        values = row(path, record)
        if record.verdict.kind == "invalid" or values[name] is None:
            why = " ".join(reason.message for reason in record.verdict.reasons) or f"it has no {wanted.words}."
            unusable.append(f"{path} is left out: {why}")
            continue
        title = f"{text.headline(record)}, {text.subtitle(record)} [{settings(record)}]: {wanted.words}"
        usable += 1
        entries[title] = _entry(title, wanted, record, values)
    content = msgspec.json.format(msgspec.json.encode(list(entries.values())), indent=2) + b"\n"
    return content, unusable, usable - len(entries)


def _entry(title: str, wanted: Metric, record: Record, values: Row) -> dict[str, object]:
    entry: dict[str, object] = {"name": title, "unit": wanted.unit, "value": values[wanted.name]}
    low, high = values["images_per_s_low"], values["images_per_s_high"]
    if wanted.bigger_is_better and isinstance(low, float) and isinstance(high, float):
        entry["range"] = f"{units.significant(low)} to {units.significant(high)} (95 % CI)"
    entry["extra"] = f"{record.verdict.kind}, measured {record.created_at}, resnet-bench {record.tool_version}"
    return entry
