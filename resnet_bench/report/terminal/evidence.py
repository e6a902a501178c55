"""Option checks and the output error on a terminal: one line, and a row for each check that failed.

Builds rich renderables; `text.py` puts them into a record's summary. Neighbour: `evidence/` declares the checks.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.config.fields import Value
from resnet_bench.records.evidence import OptionCheck
from resnet_bench.records.record import Record
from resnet_bench.report.terminal.rich_text import add_row, bullets
from resnet_bench.report.words.evidence import outputs, title

_RESULTS = {
    "true": ("passed", "green"),
    "false": ("failed", "red"),
    "emulated": ("emulated", "yellow"),
    "not_applicable": ("n/a", "dim"),
}


def failures(record: Record) -> RenderableType | None:
    """Checks that failed or found emulation, a row each; None if there are none beside the verdict's reasons."""
    in_verdict = {reason.facts.get("claim") for reason in record.verdict.reasons}
    bad = ("false", "emulated")
    failed = [check for check in record.evidence if check.holds in bad and not {check.name, check.title} & in_verdict]
    return table(failed) if failed else None


def table(checks: Sequence[OptionCheck]) -> RenderableType:
    """Option checks, a row each: what was requested and observed; below, by number, where it was observed."""
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("option check", "requested", "observed", "result", ""):
        grid.add_column(name, overflow="fold")
    sources = list(dict.fromkeys(check.source for check in checks if check.source))
    for check in checks:
        word, style = _RESULTS.get(check.holds or "", ("not run", "dim"))
        number = f"[{sources.index(check.source) + 1}]" if check.source else ""
        add_row(
            grid,
            title(check),
            _value(check, check.requested),
            _observed(check),
            Text(word, style=style),
            Text(number, style="dim"),
        )
    legend = bullets((f"[{number}]", "dim", source) for number, source in enumerate(sources, 1))
    return Group(grid, Text("Where it was observed:", style="dim"), legend) if sources else grid


def _observed(check: OptionCheck) -> Text:
    """What was observed, and the reason for it or for its absence."""
    if check.observed is None:
        return Text(check.why, style="dim")
    return Text.assemble(_value(check, check.observed), (f" ({check.why})" if check.why else "", "dim"))


def _value(check: OptionCheck, value: Value) -> str:
    if value is None:
        return units.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return units.share(value) if check.name == "precision" else units.significant(value)
    return str(value)


def full(record: Record) -> RenderableType:
    """All option checks and the output error, for `show --evidence`."""
    if not record.evidence:
        return Text("This record has no option checks.", style="dim")
    parts: list[RenderableType] = [table(record.evidence)]
    if record.output_error is not None:
        parts += [Text(), Text(f"Output error: {outputs(record.output_error)}")]
    return Group(*parts)
