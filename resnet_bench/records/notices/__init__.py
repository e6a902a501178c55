"""Every kind of notice in one table: its severity, the facts it needs, its text and remedy. Pure.

A notice is something that a reader of a result must know: a warning, a reason of a verdict, advice. To add one,
write its row beside its like and make it with `Notice.make` (`records/base.py`). Neighbours: `kind.py` has the type
of a row; `analysis/verdict.py` and the reports go by a notice's severity and topic.
"""

from __future__ import annotations

from resnet_bench.records.notices import execution, machine, passes, pipeline, report, verdicts
from resnet_bench.records.notices.kind import Kind, Severity, Topic, plain

KINDS: dict[str, Kind] = {
    row.name: row
    for rows in (
        execution.KINDS,
        verdicts.KINDS,
        machine.KINDS,
        pipeline.KINDS,
        passes.KINDS,
        report.KINDS,
    )
    for row in rows
}

__all__ = ["KINDS", "Kind", "Severity", "Topic", "plain"]
